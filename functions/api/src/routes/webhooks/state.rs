//! What people do with an endpoint: test, pause, unpause, replay.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Invalid, Timestamp,
    audience::Audience,
    delivery::Status,
    endpoint,
    ids::{EndpointId, EventId},
    platform_event::PlatformEvent,
    scope::Scope,
};
use messaging::{Message, Replay, Selection};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::{ApiError, ENDPOINT_DISABLED, ErrorBody},
    openapi::{
        WEBHOOKS, examples,
        parameters::EndpointPath,
        requests::{NoFields, ReplayDeliveries, UnpauseWebhook},
        values,
    },
    path::{Id, Named},
    views::EndpointView,
};

/// What is held while an unpausing is being written, by a clock that may differ, was held before it.
const LEFT_MARGIN: Duration = Duration::from_secs(1);

/// A test event is on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(examples::test_published))]
pub(super) struct TestPublished {
    success: bool,
    #[schema(value_type = values::EventId)]
    event_id: EventId,
    message: &'static str,
}

/// Send a test event
///
/// Sends a synthetic `platform.test` event to this endpoint alone, whatever it subscribes to, also while it is paused:
/// so a fix can be tried before it is unpaused. It is one attempt, and whatever is answered to it changes nothing of the endpoint:
/// a failure does not count towards pausing, and a 410 does not disable.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/test",
    operation_id = "testWebhook",
    tag = WEBHOOKS,
    params(EndpointPath),
    request_body = Option<NoFields>,
    responses(
        (status = ACCEPTED, description = "The event is on its way.", body = TestPublished),
        (status = CONFLICT, description = "The webhook endpoint is disabled.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn test(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    fields: Fields,
) -> Result<(StatusCode, Json<TestPublished>), ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    fields.finish()?;
    let record = api.endpoint(organization, id).await?;
    if record.endpoint.state() == endpoint::State::Disabled {
        return Err(ENDPOINT_DISABLED);
    }
    let test = PlatformEvent::Test(id);
    let event = test.event(organization, test.id(api.clock.now(), runtime::random()?));
    api.bus.publish(&event, Audience::Only(id)).await?;
    let published = TestPublished {
        success: true,
        event_id: event.id,
        message: "Test event published. The webhook will be delivered shortly.",
    };
    Ok((StatusCode::ACCEPTED, Json(published)))
}

/// Pause a webhook endpoint
///
/// Nothing is sent to it and everything is held until it is unpaused. Emits `platform.webhook.paused` to your other
/// endpoints. An endpoint that is paused stays as it is.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/pause",
    operation_id = "pauseWebhook",
    tag = WEBHOOKS,
    params(EndpointPath),
    request_body = Option<NoFields>,
    responses((status = OK, description = "The webhook endpoint, paused.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn pause(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    fields: Fields,
) -> Result<Json<EndpointView>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    fields.finish()?;
    let record = api.endpoint(organization, id).await?;
    let announcement = PlatformEvent::WebhookPaused(&record.endpoint).id(api.clock.now(), runtime::random()?);
    let paused = api.registry.pause(organization, id, announcement).await?;
    // Paused before: as it is, but for what may have been left unsaid.
    let endpoint = paused.unwrap_or(record.endpoint);
    if let Some(announcement) = endpoint.pause_announcement {
        let event = PlatformEvent::WebhookPaused(&endpoint).event(organization, announcement);
        api.bus.publish(&event, Audience::SubscribersBut(id)).await?;
        api.registry.pause_announced(organization, id, announcement).await?;
    }
    Ok(Json(endpoint.into()))
}

/// Unpause a webhook endpoint
///
/// Sets `consecutive_failures` to 0 and, unless you say otherwise, sends what was held.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/unpause",
    operation_id = "unpauseWebhook",
    tag = WEBHOOKS,
    params(EndpointPath),
    request_body = Option<UnpauseWebhook>,
    responses((status = OK, description = "The webhook endpoint, unpaused.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn unpause(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    mut fields: Fields,
) -> Result<Json<EndpointView>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let replay = fields.optional("replay")?.unwrap_or(true);
    fields.finish()?;
    let before = api.endpoint(organization, id).await?.endpoint;
    if replay && before.may_hold() {
        // Before the change, which it waits for: so nothing stays held if this function dies in between.
        api.queue.release(organization, id).await?;
    }
    let left_held_until = (!replay).then(|| api.clock.now().after(LEFT_MARGIN));
    let unpaused = api.registry.unpause(organization, id, left_held_until).await?;
    let unpaused = unpaused.ok_or(ApiError::NotFound(EndpointId::WHAT))?;
    if replay && before.left_held_until.is_some() {
        // That release does not wait where nothing is paused, and may have passed over what was left held until now.
        api.queue.release(organization, id).await?;
    }
    Ok(Json(unpaused.into()))
}

/// Deliveries are being sent again.
#[derive(Serialize, ToSchema)]
#[schema(examples(examples::replay_started))]
pub(super) struct ReplayStarted {
    success: bool,
    message: &'static str,
}

/// Replay a webhook endpoint's deliveries
///
/// Sends again what failed in that time, each with all its retries, and what was held, each with those that it has left;
/// in the background.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/replay",
    operation_id = "replayWebhookDeliveries",
    tag = WEBHOOKS,
    params(EndpointPath),
    request_body = ReplayDeliveries,
    responses(
        (status = ACCEPTED, description = "The replay has begun.", body = ReplayStarted),
        (status = CONFLICT, description = "The webhook endpoint is disabled.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn replay(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    mut fields: Fields,
) -> Result<(StatusCode, Json<ReplayStarted>), ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let after: Timestamp = fields.required("after")?;
    let before = fields.optional("before")?.unwrap_or_else(|| api.clock.now());
    let statuses = match fields.optional::<String>("status")? {
        None => vec![Status::Failed, Status::Held],
        Some(name) => vec![replayable(&name)?],
    };
    fields.finish()?;
    if after >= before {
        return Err(Invalid::param("after", "span_empty", "after must be earlier than before").into());
    }
    let record = api.endpoint(organization, id).await?;
    if record.endpoint.state() == endpoint::State::Disabled {
        return Err(ENDPOINT_DISABLED);
    }
    let messages: Vec<_> = statuses
        .into_iter()
        .map(|status| Selection::Status { status, after, before })
        .map(|selection| Message::Replay(Replay { organization, endpoint: id, selection, cursor: None }))
        .collect();
    api.queue.send(&messages).await?;
    let started = ReplayStarted {
        success: true,
        message: "Replay started. What failed or was held in that time will be sent again shortly.",
    };
    Ok((StatusCode::ACCEPTED, Json(started)))
}

fn replayable(name: &str) -> Result<Status, Invalid> {
    match Status::from_name(name) {
        Some(status @ (Status::Failed | Status::Held)) => Ok(status),
        _ => Err(Invalid::param("status", "status_invalid", "status must be failed or held")),
    }
}
