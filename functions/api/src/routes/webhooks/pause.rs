//! `POST /v1/webhooks/{id}/pause` and `/unpause`

use application::{Application, ManageWebhooks};
use axum::{Json, extract::State};
use domain::{ids::EndpointId, scope::Scope};

use super::NoFields;
use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::ApiError,
    path::Id,
    request::{Body, Call, request},
    schema::examples,
    views::EndpointView,
};

request! {
    /// What happens to what was held.
    #[examples(examples::nothing, examples::unpause_without_replay)]
    pub(super) struct UnpauseWebhook {
        /// Whether what was held is sent now. If not, it stays held until it is replayed, or until the endpoint is
        /// unpaused once more with a replay.
        #[with(|schema| schema.default = Some(true.into()))]
        replay: Option<bool>,
    }
}

impl Call for UnpauseWebhook {}

/// Pause a webhook endpoint
///
/// Nothing is sent to it and everything is held until it is unpaused. Emits `platform.webhook.paused` to your other
/// endpoints. An endpoint that is paused stays as it is.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/pause",
    operation_id = "pauseWebhook",
    tag = WEBHOOKS,
    params(Id<EndpointId>),
    request_body = Option<NoFields>,
    responses((status = OK, description = "The webhook endpoint, paused.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn pause(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
    body: Body<NoFields>,
) -> Result<Json<EndpointView>, ApiError> {
    let (NoFields {}, request) = body.split();
    let paused = application.pause_endpoint(&actor, request.as_ref(), id).await?;
    Ok(Json(paused.into()))
}

/// Unpause a webhook endpoint
///
/// Sets `consecutive_failures` to 0 and, unless you say otherwise, sends what was held and tries at once what waits for its retry.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/unpause",
    operation_id = "unpauseWebhook",
    tag = WEBHOOKS,
    params(Id<EndpointId>),
    request_body = Option<UnpauseWebhook>,
    responses((status = OK, description = "The webhook endpoint, unpaused.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn unpause(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
    body: Body<UnpauseWebhook>,
) -> Result<Json<EndpointView>, ApiError> {
    let (UnpauseWebhook { replay }, request) = body.split();
    let replay = replay.unwrap_or(true);
    let unpaused = application.unpause_endpoint(&actor, request.as_ref(), id, replay).await?;
    Ok(Json(unpaused.into()))
}
