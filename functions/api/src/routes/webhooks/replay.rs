//! `POST /v1/webhooks/{id}/replay`

use application::{Application, ManageWebhooks, endpoints::ReplayRequest};
use axum::{Json, extract::State, http::StatusCode};
use domain::{Timestamp, ids::EndpointId, scope::Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::{ApiError, ErrorBody},
    path::Id,
    request::{Body, Call, ReplayableStatus, request},
    schema::examples,
};

request! {
    /// Which deliveries are sent again.
    #[examples(examples::replay)]
    pub(super) struct ReplayDeliveries {
        /// Deliveries of events created at or after this moment, which is before `before`.
        after: Timestamp,
        /// And before this one; by default now.
        before: Option<Timestamp>,
        /// Only those that stand like this; by default both.
        status: Option<ReplayableStatus>,
    }
}

impl Call for ReplayDeliveries {}

impl From<ReplayDeliveries> for ReplayRequest {
    fn from(call: ReplayDeliveries) -> Self {
        let ReplayDeliveries { after, before, status } = call;
        Self { after, before, status: status.map(|ReplayableStatus(status)| status) }
    }
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
    params(Id<EndpointId>),
    request_body = ReplayDeliveries,
    responses(
        (status = ACCEPTED, description = "The replay has begun.", body = ReplayStarted),
        (status = CONFLICT, description = "The webhook endpoint is disabled.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn replay(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
    body: Body<ReplayDeliveries>,
) -> Result<(StatusCode, Json<ReplayStarted>), ApiError> {
    let (call, request) = body.split();
    application.replay(&actor, request.as_ref(), id, call.into()).await?;
    let message = "Replay started. What failed or was held in that time will be sent again shortly.";
    Ok((StatusCode::ACCEPTED, Json(ReplayStarted { success: true, message })))
}
