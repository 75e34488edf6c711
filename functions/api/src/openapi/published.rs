//! Schemas of what publishing takes and answers.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema, Type,
        schema::{Object, OneOfBuilder, SchemaType},
    },
};

use crate::{
    error::{ErrorBody, Problem},
    routes::Published,
};

/// One event's result in a batch.
#[derive(Debug)]
pub(crate) enum BatchResult {}

impl PartialSchema for BatchResult {
    fn schema() -> RefOr<Schema> {
        let status = |description: &str| {
            integer().description(Some(description)).minimum(Some(100)).maximum(Some(599))
        };
        let published =
            extended::<Published>("status", status("202: the event is published.").enum_values(Some([202])));
        let refused =
            extended::<Problem>("status", status("What the event alone would have been answered with."));
        OneOfBuilder::new()
            .item(published)
            .item(refused)
            .description(Some("The event as it was published, or why it was not."))
            .into()
    }
}

impl ToSchema for BatchResult {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Published::schemas(schemas);
        Problem::schemas(schemas);
    }
}

impl PartialSchema for ErrorBody {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .description(Some("The request's id, which `X-Request-Id` has too."));
        extended::<Problem>("request_id", id).description(Some("What went wrong.")).into()
    }
}

impl ToSchema for ErrorBody {
    fn name() -> std::borrow::Cow<'static, str> {
        "Error".into()
    }
}

fn integer() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer)
}

/// The schema of `T`, an object, with one more property.
fn extended<T: ToSchema>(name: &str, property: ObjectBuilder) -> ObjectBuilder {
    let mut object = match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::with_type(SchemaType::AnyValue),
    };
    // They are examples of what lacks the property.
    object.examples.clear();
    ObjectBuilder::from(object).property(name, property).required(name)
}
