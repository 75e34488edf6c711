//! Objects that name a field twice.
//!
//! serde's own maps keep the last one and say nothing. So half of what a caller sent would be ignored.

use std::{cell::RefCell, collections::HashSet, fmt};

use domain::{ErrorCode, Invalid};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The most characters of a caller's names that an error shows.
const SHOWN_CHARS: usize = 64;

/// Refuses what is no JSON, and JSON in which any object names a field twice.
pub(super) fn check(text: &str) -> Result<(), Invalid> {
    let repeated = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);

    let place = Place { parent: None, segment: Segment::Root, repeated: &repeated };
    place.deserialize(&mut json).map_err(|error| malformed(&error))?;
    json.end().map_err(|error| malformed(&error))?;

    match repeated.into_inner() {
        None => Ok(()),
        Some(path) => Err(field_repeated(&path)),
    }
}

/// Says where JSON is malformed, in words of ours.
pub(super) fn malformed(error: &serde_json::Error) -> Invalid {
    let message = format!("Malformed JSON at line {}, column {}", error.line(), error.column());
    Invalid::whole(ErrorCode::JsonMalformed, message)
}

/// The error for a field that is given more than once.
pub(super) fn field_repeated(path: &str) -> Invalid {
    let shown: String = path.chars().take(SHOWN_CHARS).collect();
    let message = format!("Field \"{shown}\" is given more than once");
    Invalid::param(shown, ErrorCode::FieldRepeated, message)
}

/// The place of a value in the body, and the first field that was found twice there. Reading goes on after that, so that JSON
/// which is malformed further on is reported as malformed.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    segment: Segment<'a>,
    repeated: &'a RefCell<Option<String>>,
}

/// The last step to a value.
#[derive(Clone, Copy)]
enum Segment<'a> {
    Root,
    Field(&'a str),
    Item(usize),
}

/// Names and positions, from the outermost object on, such as `retry_policy.max_retries`.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
        }
        let is_outermost = self.parent.is_none_or(|parent| matches!(parent.segment, Segment::Root));
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Field(name) if is_outermost => f.write_str(name),
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Item(index) => write!(f, "[{index}]"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let of_item = |index| Place { parent: Some(&self), segment: Segment::Item(index), ..self };
        let mut index = 0;

        while items.next_element_seed(of_item(index))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();

        while let Some(name) = fields.next_key::<String>()? {
            let place = Place { parent: Some(&self), segment: Segment::Field(&name), ..self };
            if seen.contains(&name) {
                self.repeated.borrow_mut().get_or_insert_with(|| place.to_string());
            }
            fields.next_value_seed(place)?;
            seen.insert(name);
        }
        Ok(())
    }
}
