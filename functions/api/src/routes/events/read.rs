//! `GET /v1/events/{id}` and `GET /v1/events/{id}/deliveries`

use application::{Application, ReadEvents};
use axum::{Json, extract::State};
use domain::{ids::EventId, scope::Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    documented::EVENTS,
    error::ApiError,
    path::Id,
    query::Listing,
    schema::examples,
    views::{DeliveryView, PageEnd, RoutedEventView, listed},
};

/// Get an event
///
/// One event of the last 30 days with what became of it: its delivery to each endpoint that it matched, and to each that it
/// was sent to later on request. From the 101st delivery on, the receivers' answers are left out; the list of its deliveries has
/// them. An event that was published a moment ago may not be logged yet: then the 404 has the code `event_not_logged_yet` and
/// `Retry-After`.
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "getEvent",
    tag = EVENTS,
    params(Id<EventId>),
    responses((status = OK, description = "The event.", body = RoutedEventView)),
    security(("bearer" = [Scope::EventsRead])),
)]
pub(super) async fn read(
    State(application): State<Application>,
    Caller(actor): Caller<ReadEvents>,
    Id(id): Id<EventId>,
) -> Result<Json<RoutedEventView>, ApiError> {
    let routed = application.event(&actor, id).await?;
    Ok(Json(routed.into()))
}

/// A page of an event's deliveries.
#[derive(Serialize, ToSchema)]
#[schema(as = EventDeliveryList, examples(examples::deliveries))]
pub(super) struct DeliveryList {
    deliveries: Vec<DeliveryView>,
    #[serde(flatten)]
    end: PageEnd,
}

/// List an event's deliveries
///
/// One delivery for each endpoint that the event matched, or was sent to later on request.
#[utoipa::path(
    get,
    path = "/v1/events/{id}/deliveries",
    operation_id = "listEventDeliveries",
    tag = EVENTS,
    params(Id<EventId>, Listing),
    responses((status = OK, description = "A page of deliveries.", body = DeliveryList)),
    security(("bearer" = [Scope::EventsRead])),
)]
pub(super) async fn deliveries(
    State(application): State<Application>,
    Caller(actor): Caller<ReadEvents>,
    Id(id): Id<EventId>,
    listing: Listing,
) -> Result<Json<DeliveryList>, ApiError> {
    let (deliveries, end) = listed(application.deliveries_of_event(&actor, id, listing.page).await?);
    Ok(Json(DeliveryList { deliveries, end }))
}
