//! `/v1/event-types`

use axum::Json;
use domain::catalogue::{Catalogue, EventType};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    documented::{DOCUMENTATION, Routes},
    error::{ApiError, ErrorBody},
    query::Parameters,
    schema,
};

pub(super) fn routes() -> Routes {
    Routes::new().with(routes!(list))
}

/// The whole catalogue.
#[derive(Serialize, ToSchema)]
struct EventTypes {
    /// Every event type, grouped by service.
    #[schema(value_type = Vec<schema::EventType>)]
    event_types: Vec<&'static EventType>,
}

/// List event types
///
/// The whole catalogue: what can be published and subscribed to, each with a description, an example and a JSON Schema.
/// It is public: no key is needed.
#[utoipa::path(
    get,
    path = "/v1/event-types",
    operation_id = "listEventTypes",
    tag = DOCUMENTATION,
    responses(
        (status = OK, description = "The catalogue.", body = EventTypes),
        (status = BAD_REQUEST, description = "An unknown query parameter.", body = ErrorBody),
    ),
    security(()),
)]
async fn list(parameters: Parameters) -> Result<Json<EventTypes>, ApiError> {
    parameters.finish()?;
    Ok(Json(EventTypes { event_types: Catalogue::get().iter().collect() }))
}
