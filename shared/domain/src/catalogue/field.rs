//! The fields of an event's `data`. The example, the JSON Schema and the check follow from one list of them.
//!
//! A field is declared by an example of it, and the example's kind is the field's type. The functions that walk a list of
//! fields recurse as deep as the catalogue nests them, never as deep as somebody's data.

/// A field of `data`, or of an object within it.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// A field that every event of the type carries.
pub(super) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// A field that may be absent.
pub(super) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// The type of a field, with an example.
#[derive(Debug, PartialEq)]
pub(super) enum Shape {
    Text(&'static str),
    /// An RFC 3339 time. The format is documentation: as in JSON Schema, any string passes.
    Time(&'static str),
    /// One of a closed set of strings; the first is the example.
    OneOf(&'static [&'static str]),
    Texts(&'static [&'static str]),
    Flag(bool),
    /// A whole number from 0.
    Count(u64),
    Number(f64),
    Object(&'static [Field]),
}
