//! `GET /v1/events`

use application::{Application, ReadEvents};
use axum::{Json, extract::State};
use domain::{Timestamp, pattern::Pattern, scope::Scope};
use serde::Serialize;
use storage::EventFilter;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    documented::EVENTS,
    error::ApiError,
    query::{Listing, Order, query},
    schema::examples,
    views::{EventView, PageEnd, listed},
};

query! {
    /// Which events are listed.
    pub(super) struct EventFilters {
        /// Only events of these types: `*`, `send.*`, `send.email.*` or one exact type, as in a subscription.
        pattern = "type": Option<Pattern>,
        /// Only events of this service, such as `send`.
        #[example = "send"]
        service: Option<String>,
        /// Only live events, or only test events.
        livemode: Option<bool>,
        /// `desc`: newest first. `asc`: oldest first.
        order: Option<Order>,
        /// Only events created at or after this moment.
        after: Option<Timestamp>,
        /// Only events created before this moment.
        before: Option<Timestamp>,
    }
}

impl From<EventFilters> for EventFilter {
    fn from(filters: EventFilters) -> Self {
        let EventFilters { pattern, service, livemode, order, after, before } = filters;
        Self { pattern, service, livemode, after, before, ascending: order == Some(Order::Ascending) }
    }
}

/// A page of events.
#[derive(Serialize, ToSchema)]
#[schema(examples(examples::events))]
pub(super) struct EventList {
    events: Vec<EventView>,
    #[serde(flatten)]
    end: PageEnd,
}

/// List events
///
/// Your organization's event log of the last 30 days.
#[utoipa::path(
    get,
    path = "/v1/events",
    operation_id = "listEvents",
    tag = EVENTS,
    params(Listing<EventFilters>),
    responses((status = OK, description = "A page of events.", body = EventList)),
    security(("bearer" = [Scope::EventsRead])),
)]
pub(super) async fn list(
    State(application): State<Application>,
    Caller(actor): Caller<ReadEvents>,
    listing: Listing<EventFilters>,
) -> Result<Json<EventList>, ApiError> {
    let (events, end) = listed(application.events(&actor, listing.filters.into(), listing.page).await?);
    Ok(Json(EventList { events, end }))
}
