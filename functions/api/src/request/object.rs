//! The schemas of the calls that [`request!`](super::request) declares.

use serde_json::Value;
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema, Type,
    schema::{AdditionalProperties, Object},
};

use super::Field;

/// A field in a schema.
pub(crate) struct Property {
    name: &'static str,
    schema: RefOr<Schema>,
    is_required: bool,
}

/// A field of this type. `with` adds to its schema, unless that schema is only a reference to a named one.
pub(crate) fn property<T: Field>(
    name: &'static str,
    description: &[&str],
    with: impl FnOnce(&mut Object),
) -> Property {
    let mut schema = T::schema();
    if !description.is_empty() {
        describe(&mut schema, text(description));
    }
    refine(&mut schema, with);
    Property { name, schema, is_required: T::absent().is_none() }
}

/// An object of these fields and no others.
pub(crate) fn object(description: &[&str], properties: Vec<Property>, examples: Vec<Value>) -> RefOr<Schema> {
    let mut object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(text(description)))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .examples(examples);
    for Property { name, schema, is_required } in properties {
        object = object.property(name, schema);
        if is_required {
            object = object.required(name);
        }
    }
    object.into()
}

/// The lines of a doc comment as one text.
pub(crate) fn text(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

fn describe(schema: &mut RefOr<Schema>, description: String) {
    match schema {
        RefOr::Ref(reference) => reference.description = description,
        RefOr::T(Schema::Object(object)) => object.description = Some(description),
        RefOr::T(Schema::Array(array)) => array.description = Some(description),
        // The value may be null. The description is that of the other choice.
        RefOr::T(Schema::OneOf(choice)) => {
            if let Some(first) = choice.items.first_mut() {
                describe(first, description);
            }
        }
        RefOr::T(_) => {}
    }
}

fn refine(schema: &mut RefOr<Schema>, with: impl FnOnce(&mut Object)) {
    match schema {
        RefOr::T(Schema::Object(object)) => with(object),
        RefOr::T(Schema::OneOf(choice)) => {
            // A default is put beside the choice.
            let mut added = Object::new();
            with(&mut added);
            choice.default = added.default;
        }
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}
