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
use utoipa::ToSchema;

use super::read;
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::ApiError,
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
    responses((status = ACCEPTED, description = "The event is on its way again.", body = Resent)),
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
    let wanted = match only {
        None => logged.matched.clone(),
        Some(text) => {
            let endpoint = EndpointId::parse(&text).ok().filter(|endpoint| logged.matched.contains(endpoint));
            vec![endpoint.ok_or_else(did_not_match)?]
        }
    };
    let records = api.registry.endpoints(wanted.into_iter().map(|endpoint| (organization, endpoint))).await?;
    let able = records.into_iter().filter(|record| record.endpoint.state() != EndpointState::Disabled);
    let endpoints: Vec<_> = able.map(|record| record.endpoint.id).collect();
    let deliveries = read::of_event(&api, &logged, &endpoints).await?;
    let event = CarriedEvent::from(&logged.event);
    let messages: Vec<_> = deliveries
        .iter()
        .map(|delivery| Message::Deliver {
            endpoint: delivery.endpoint,
            event: event.clone(),
            purpose: Purpose::Resend { attempts: delivery.attempts_made() },
        })
        .collect();
    api.queue.send(&messages).await?;
    let message = "The event will be sent again shortly.";
    Ok((StatusCode::ACCEPTED, Json(Resent { success: true, event_id: id, endpoint_ids: endpoints, message })))
}

fn did_not_match() -> Invalid {
    Invalid::param("endpoint_id", "endpoint_not_matched", "The event was not for this endpoint")
}
