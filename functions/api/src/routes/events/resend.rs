//! `POST /v1/events/{id}/resend`

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Invalid,
    delivery::Purpose,
    endpoint::State as EndpointState,
    ids::{EndpointId, EventId},
    scope::Scope,
};
use messaging::{CarriedEvent, Message};
use serde::Serialize;
use storage::LoggedEvent;
use utoipa::ToSchema;

use super::read;
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::{ApiError, ENDPOINT_DISABLED, ErrorBody},
    openapi::{EVENTS, examples, parameters::EventPath, requests::ResendEvent, values},
    path::Id,
};

/// An event is being sent again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ResendStarted, examples(examples::resent))]
pub(super) struct Resent {
    success: bool,
    #[schema(value_type = values::EventId)]
    event_id: EventId,
    /// To which endpoints: those that it matched and that are not disabled.
    #[schema(value_type = Vec<values::EndpointId>)]
    endpoint_ids: Vec<EndpointId>,
    message: &'static str,
}

/// Resend an event
///
/// Sends it again, with all its retries, to the endpoints that it matched, whatever became of it there. What is paused
/// gets it once it is unpaused.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/resend",
    operation_id = "resendEvent",
    tag = EVENTS,
    params(EventPath),
    request_body = Option<ResendEvent>,
    responses(
        (status = ACCEPTED, description = "The event is on its way again.", body = Resent),
        (status = CONFLICT, description = "The webhook endpoint that is named is disabled.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn resend(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EventId>,
    mut fields: Fields,
) -> Result<(StatusCode, Json<Resent>), ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let only: Option<String> = fields.optional("endpoint_id")?;
    fields.finish()?;
    let logged = read::find(&api, organization, id).await?;
    let endpoints = match only {
        None => able(&api, &logged).await?,
        Some(text) => {
            let endpoint = EndpointId::parse(&text).ok().filter(|endpoint| logged.matched.contains(endpoint));
            let record = api.endpoint(organization, endpoint.ok_or_else(did_not_match)?).await?;
            if record.endpoint.state() == EndpointState::Disabled {
                return Err(ENDPOINT_DISABLED);
            }
            vec![record.endpoint.id]
        }
    };
    let deliveries = read::of_event(&api, &logged, &endpoints).await?;
    let event = CarriedEvent::from(&logged.event);
    let messages: Vec<_> = deliveries
        .iter()
        .map(|delivery| Message::Deliver {
            endpoint: delivery.endpoint,
            event: event.clone(),
            purpose: Purpose::resend(delivery),
        })
        .collect();
    api.queue.send(&messages).await?;
    let message = if endpoints.is_empty() {
        "There is no webhook endpoint that the event can be sent to."
    } else {
        "The event will be sent again shortly."
    };
    Ok((StatusCode::ACCEPTED, Json(Resent { success: true, event_id: id, endpoint_ids: endpoints, message })))
}

/// The endpoints that an event matched and that are there and not disabled.
async fn able(api: &Api, logged: &LoggedEvent) -> Result<Vec<EndpointId>, ApiError> {
    let matched = logged.matched.iter().map(|endpoint| (logged.event.organization, *endpoint));
    let records = api.registry.endpoints(matched).await?;
    let able = records.into_iter().filter(|record| record.endpoint.state() != EndpointState::Disabled);
    Ok(able.map(|record| record.endpoint.id).collect())
}

fn did_not_match() -> Invalid {
    Invalid::param("endpoint_id", "endpoint_not_matched", "The event was not for this endpoint")
}
