//! `POST /v1/events/{id}/resend`
//!
//! An endpoint that the event did not match can be named as well. It is added to the event's recipients before its message
//! is sent: whatever dies in between leaves a delivery that is shown as pending, which the person who got no answer sends
//! again. In the other order it would leave a delivery that nobody is shown.

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Invalid,
    audience::NotForIt,
    delivery::Purpose,
    endpoint::State as EndpointState,
    ids::{EndpointId, EventId},
    scope::Scope,
};
use messaging::{CarriedEvent, Message};
use serde::Serialize;
use storage::{Added, LoggedEvent};
use utoipa::ToSchema;

use super::read;
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::{ApiError, ENDPOINT_DISABLED, ErrorBody},
    openapi::{EVENTS, examples, parameters::EventPath, requests::ResendEvent, values},
    path::{Id, Named},
};

const NO_ENDPOINT_LEFT: ApiError = ApiError::Conflict {
    code: "no_endpoint_left",
    message: "None of the webhook endpoints that the event was sent to is there and enabled; name one in endpoint_id",
};

const TOO_MANY_RECIPIENTS: ApiError = ApiError::Conflict {
    code: "recipients_limit_reached",
    message: "The event was sent to as many webhook endpoints on request as it may",
};

/// An event is being sent again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ResendStarted, examples(examples::resent))]
pub(super) struct Resent {
    success: bool,
    #[schema(value_type = values::EventId)]
    event_id: EventId,
    /// To which endpoints: the one that was named, or those that it was sent to and that are not disabled.
    #[schema(value_type = Vec<values::EndpointId>, min_items = 1)]
    endpoint_ids: Vec<EndpointId>,
    message: &'static str,
}

/// Resend an event
///
/// Sends it again, with all its retries, to the endpoints that it matched, whatever became of it there. An endpoint that it
/// did not match, as one that was made later, can be named if its patterns match the event's type now; from then on it is
/// one of the event's. What is paused gets it once it is unpaused.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/resend",
    operation_id = "resendEvent",
    tag = EVENTS,
    params(EventPath),
    request_body = Option<ResendEvent>,
    responses(
        (status = ACCEPTED, description = "The event is on its way again.", body = Resent),
        (
            status = CONFLICT,
            description = "The webhook endpoint that is named is disabled, or none of the event's is there and enabled.",
            body = ErrorBody,
        ),
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
        Some(text) => vec![named(&api, &logged, &text).await?],
    };
    if endpoints.is_empty() {
        return Err(NO_ENDPOINT_LEFT);
    }

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

    let message = "The event will be sent again shortly.";
    Ok((StatusCode::ACCEPTED, Json(Resent { success: true, event_id: id, endpoint_ids: endpoints, message })))
}

/// The endpoints that an event was sent to and that are there and not disabled.
async fn able(api: &Api, logged: &LoggedEvent) -> Result<Vec<EndpointId>, ApiError> {
    let recipients = logged.recipients().into_iter().map(|endpoint| (logged.event.organization, endpoint));
    let records = api.registry.endpoints(recipients).await?;
    let able = records.into_iter().filter(|record| record.endpoint.state() != EndpointState::Disabled);
    Ok(able.map(|record| record.endpoint.id).collect())
}

/// The endpoint that a caller names, which is one of the event's recipients now, if it was none before.
async fn named(api: &Api, logged: &LoggedEvent, text: &str) -> Result<EndpointId, ApiError> {
    let event = &logged.event;
    let id = EndpointId::parse(text).map_err(|_| not_for_it("The event was not for this endpoint"))?;
    let was_sent_to = logged.was_sent_to(id);

    let endpoint = match api.registry.endpoint(event.organization, id).await? {
        Some(record) => record.endpoint,
        None if was_sent_to => return Err(ApiError::NotFound(EndpointId::WHAT)),
        // The same words for another organization's endpoint and for none.
        None => return Err(not_for_it("The event was not for this endpoint").into()),
    };
    if !was_sent_to {
        logged.audience.admits(event, &endpoint).map_err(refusal)?;
    }
    if endpoint.state() == EndpointState::Disabled {
        return Err(ENDPOINT_DISABLED);
    }

    if was_sent_to {
        return Ok(id);
    }
    match api.log.add_recipient(event.organization, event, id).await? {
        Added::Added => Ok(id),
        Added::TooMany => Err(TOO_MANY_RECIPIENTS),
        Added::Gone => Err(ApiError::NotFound(EventId::WHAT)),
    }
}

fn refusal(reason: NotForIt) -> Invalid {
    not_for_it(match reason {
        NotForIt::NoPatternMatches => {
            "The event was not for this endpoint, and none of its patterns matches the event's type"
        }
        NotForIt::ForAnother => "The event is for another endpoint alone",
        NotForIt::AboutIt => "The event is about this endpoint, and never sent to it",
    })
}

fn not_for_it(message: &'static str) -> Invalid {
    Invalid::param("endpoint_id", "endpoint_not_matched", message)
}
