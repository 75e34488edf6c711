//! `POST /v1/webhooks/{id}/test`

use application::{Application, ManageWebhooks};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    ids::{EndpointId, EventId},
    scope::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::NoFields;
use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::{ApiError, ErrorBody},
    path::Id,
    request::Body,
    schema::{self, examples},
};

/// A test event is on its way.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(examples(examples::test_published))]
pub(super) struct TestPublished {
    success: bool,
    #[schema(value_type = schema::EventId)]
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
    params(Id<EndpointId>),
    request_body = Option<NoFields>,
    responses(
        (status = ACCEPTED, description = "The event is on its way.", body = TestPublished),
        (status = CONFLICT, description = "The webhook endpoint is disabled.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn test(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
    body: Body<NoFields>,
) -> Result<(StatusCode, Json<TestPublished>), ApiError> {
    let (NoFields {}, request) = body.split();
    let event_id = application.test_endpoint(&actor, request.as_ref(), id).await?;
    let message = "Test event published. The webhook will be delivered shortly.";
    Ok((StatusCode::ACCEPTED, Json(TestPublished { success: true, event_id, message })))
}
