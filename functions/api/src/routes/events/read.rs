//! `GET /v1/events/{id}` and `GET /v1/events/{id}/deliveries`

use axum::{Json, extract::State};
use domain::{
    delivery::{Delivery, Status},
    event,
    ids::{EndpointId, EventId, OrganizationId},
    scope::Scope,
};
use serde::Serialize;
use storage::LoggedEvent;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::{Authorized, Caller},
    cursor::{PageEnd, PageRequest, Parameters},
    error::ApiError,
    openapi::{
        EVENTS, examples,
        parameters::{EventPath, Page},
    },
    path::{Id, Named},
    views::{DeliveryView, RoutedEventView},
};

/// Of how many deliveries an event is shown with the receivers' answers: more might not fit what a Lambda may return.
const SHOWN_WITH_ANSWERS: usize = 100;

/// Get an event
///
/// One event of the last 30 days with what became of it: its delivery to each endpoint that it matched, and to each that it
/// was sent to later on request. From the
/// 101st delivery on, the receivers' answers are left out; the list of its deliveries has them. An event that was published a
/// moment ago may not be logged yet: then the 404 has the code `event_not_logged_yet` and `Retry-After`.
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    operation_id = "getEvent",
    tag = EVENTS,
    params(EventPath),
    responses((status = OK, description = "The event.", body = RoutedEventView)),
    security(("bearer" = [Scope::EventsRead])),
)]
pub(super) async fn read(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EventId>,
) -> Result<Json<RoutedEventView>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::EventsRead)?;
    let logged = find(&api, organization, id).await?;
    let mut deliveries = of_event(&api, &logged, &logged.recipients()).await?;
    let rest = deliveries.iter_mut().skip(SHOWN_WITH_ANSWERS);
    rest.flat_map(|delivery| &mut delivery.attempts).for_each(|attempt| attempt.answer = None);
    Ok(Json(RoutedEventView::new(logged, deliveries)))
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
    params(EventPath, Page),
    responses((status = OK, description = "A page of deliveries.", body = DeliveryList)),
    security(("bearer" = [Scope::EventsRead])),
)]
pub(super) async fn deliveries(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EventId>,
    mut parameters: Parameters,
) -> Result<Json<DeliveryList>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::EventsRead)?;
    let request = PageRequest::take(&mut parameters, &api, organization, &format!("deliveries/{id}")).await?;
    parameters.finish()?;
    let logged = find(&api, organization, id).await?;
    let position = request.position.as_deref().and_then(|position| EndpointId::parse(position).ok());
    let recipients = logged.recipients().into_iter();
    let rest = recipients.filter(|endpoint| position.is_none_or(|position| *endpoint > position));
    let endpoints: Vec<_> = rest.take(request.look_ahead()).collect();
    let (endpoints, end) = request.page(&api, endpoints, ToString::to_string).await?;
    let deliveries = of_event(&api, &logged, &endpoints).await?;
    Ok(Json(DeliveryList { deliveries: deliveries.into_iter().map(DeliveryView::from).collect(), end }))
}

pub(super) async fn find(
    api: &Api,
    organization: OrganizationId,
    id: EventId,
) -> Result<LoggedEvent, ApiError> {
    let now = api.clock.now();
    let logged = api.log.event(organization, id, now).await?;

    let absent = if event::may_be_on_its_way(id, now) {
        ApiError::EventNotLoggedYet
    } else {
        ApiError::NotFound(EventId::WHAT)
    };
    logged.ok_or(absent)
}

/// What became of an event at each of these endpoints; where no record is yet, it is pending.
pub(super) async fn of_event(
    api: &Api,
    logged: &LoggedEvent,
    endpoints: &[EndpointId],
) -> Result<Vec<Delivery>, ApiError> {
    let event = &logged.event;
    let now = api.clock.now();
    let recorded = api.log.deliveries_of_event(event.organization, event.id, endpoints, now).await?;
    let of = |endpoint: &EndpointId| {
        let found = recorded.iter().find(|delivery| delivery.endpoint == *endpoint).cloned();
        found.unwrap_or_else(|| Delivery { status: Status::Pending, ..Delivery::pending(event, *endpoint) })
    };
    Ok(endpoints.iter().map(of).collect())
}
