//! Schemas that parameters refer to. Bodies bring their schemas into the document, but parameters do not.

use utoipa::{PartialSchema, ToSchema, openapi::Components};

use crate::schema;

/// Adds them.
pub(super) fn add_schemas(components: &mut Components) {
    fn add<T: ToSchema + PartialSchema>(components: &mut Components) {
        components.schemas.insert(T::name().into(), T::schema());
    }
    add::<schema::Cursor>(components);
    add::<schema::EndpointId>(components);
    add::<schema::EventId>(components);
    add::<schema::KeyId>(components);
    add::<schema::ListedStatus>(components);
    add::<schema::Moment>(components);
    add::<schema::Order>(components);
    add::<schema::Pattern>(components);
}
