//! The types that a field can have.

use application::endpoints::Change;
use domain::{ErrorCode, Invalid};
use serde_json::value::RawValue;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::{
    RefOr, Schema,
    schema::{OneOfBuilder, SchemaType, Type},
};

use super::Fields;

/// The schemas that another one refers to, by name.
pub(crate) type Schemas = Vec<(String, RefOr<Schema>)>;

/// A type that a field of a JSON object can be read as.
pub(crate) trait Field: Sized {
    /// Reads the field's JSON; `name` is what errors call it.
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid>;

    /// The field's schema, for the document.
    fn schema() -> RefOr<Schema>;

    /// The schemas that this one refers to.
    fn schemas(schemas: &mut Schemas);

    /// What a missing field is read as; `None` if the field must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Takes the field out of the object. Where it must be there, null and an empty text count as missing.
    fn take(fields: &mut Fields, name: &str) -> Result<Self, Invalid> {
        let named = fields.named(name);
        match (fields.take(name), Self::absent()) {
            (None, Some(absent)) => Ok(absent),
            (Some(json), Some(_)) => Self::read(&json, &named),
            (Some(json), None) if !is_null(&json) && json.get() != "\"\"" => Self::read(&json, &named),
            (_, None) => Err(missing(named)),
        }
    }
}

/// A field that may be missing or null.
impl<T: Field> Field for Option<T> {
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        if is_null(json) { Ok(None) } else { T::read(json, name).map(Some) }
    }

    fn schema() -> RefOr<Schema> {
        nullable(T::schema())
    }

    fn schemas(schemas: &mut Schemas) {
        T::schemas(schemas);
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A field that may be missing, but not null.
#[derive(Debug)]
pub(crate) struct Given<T>(pub(crate) Option<T>);

impl<T: Field> Field for Given<T> {
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        if is_null(json) {
            let message = format!("{name} must not be null");
            return Err(Invalid::param(name.to_owned(), ErrorCode::FieldType, message));
        }
        Ok(Self(Some(T::read(json, name)?)))
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }

    fn schemas(schemas: &mut Schemas) {
        T::schemas(schemas);
    }

    fn absent() -> Option<Self> {
        Some(Self(None))
    }
}

/// A field of a change: it may be missing, and null sets it back to its default.
impl<T: Field> Field for Change<T> {
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        if is_null(json) { Ok(Self::Reset) } else { T::read(json, name).map(Self::To) }
    }

    fn schema() -> RefOr<Schema> {
        nullable(T::schema())
    }

    fn schemas(schemas: &mut Schemas) {
        T::schemas(schemas);
    }

    fn absent() -> Option<Self> {
        Some(Self::Keep)
    }
}

/// The error for a field that must be there.
pub(super) fn missing(name: String) -> Invalid {
    let message = format!("{name} is required");
    Invalid::param(name, ErrorCode::FieldRequired, message)
}

fn is_null(json: &RawValue) -> bool {
    json.get() == "null"
}

/// The same schema, but the value may also be null.
fn nullable(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) if matches!(object.schema_type, SchemaType::Type(_)) => {
            if let SchemaType::Type(own) = object.schema_type {
                object.schema_type = SchemaType::Array(vec![own, Type::Null]);
            }
            RefOr::T(Schema::Object(object))
        }
        schema => {
            let null = ObjectBuilder::new().schema_type(Type::Null);
            OneOfBuilder::new().item(schema).item(null).into()
        }
    }
}
