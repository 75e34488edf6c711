//! `GET /v1/events`

use axum::{Json, extract::State};
use domain::{Invalid, ids::EventId, pattern::Pattern, scope::Scope};
use serde::Serialize;
use storage::{EventFilter, EventPage};
use utoipa::ToSchema;

use crate::{
    Api,
    auth::{Authorized, Caller},
    cursor::{PageEnd, PageRequest, Parameters},
    error::ApiError,
    openapi::{
        EVENTS, examples,
        parameters::{EventFilter as EventFilterParameters, Page},
    },
    views::EventView,
};

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
    params(EventFilterParameters, Page),
    responses((status = OK, description = "A page of events.", body = EventList)),
    security(("bearer" = [Scope::EventsRead])),
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<EventList>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::EventsRead)?;
    let filter = filter(&mut parameters)?;
    let request =
        PageRequest::take(&mut parameters, &api, organization, &format!("events/{filter:?}")).await?;
    parameters.finish()?;
    let position = request.position.as_deref().and_then(|position| EventId::parse(position).ok());
    let page = api.log.events(organization, &filter, position, request.limit, api.clock.now()).await?;
    let EventPage { events, has_more } = page;
    let last = events.last().map(|logged| logged.event.id.to_string());
    let end = request.end(&api, last.filter(|_| has_more)).await?;
    Ok(Json(EventList {
        events: events.into_iter().map(|logged| EventView::from(logged.event)).collect(),
        end,
    }))
}

fn filter(parameters: &mut Parameters) -> Result<EventFilter, Invalid> {
    let pattern = parameters.take("type")?.map(|text| Pattern::parse(&text, "type")).transpose()?;
    let service = parameters.take("service")?;
    let livemode = match parameters.take("livemode")?.as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => {
            return Err(Invalid::param("livemode", "parameter_type", "livemode must be true or false"));
        }
    };
    let ascending = match parameters.take("order")?.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(Invalid::param("order", "parameter_type", "order must be asc or desc")),
    };
    let after = parameters.take_timestamp("after")?;
    let before = parameters.take_timestamp("before")?;
    Ok(EventFilter { pattern, service, livemode, after, before, ascending })
}
