//! `POST /v1/webhooks/{id}/rotate-secret`

use application::{
    Application, ManageWebhooks,
    endpoints::{Grace, Rotation},
};
use axum::{Json, extract::State};
use domain::{Timestamp, ids::EndpointId, scope::Scope, secret::GivenSecret};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::{ApiError, ErrorBody},
    path::Id,
    request::{Body, Call, request},
    schema::{self, examples},
};

request! {
    /// How a secret is rotated.
    #[examples(examples::nothing, examples::rotate_secret)]
    pub(super) struct RotateSecret {
        /// How long the old secret signs beside the new one, in seconds: up to 7 days; 0 ends it at once.
        #[with(|schema| schema.default = Some(Grace::DEFAULT.seconds().into()))]
        grace_seconds: Option<Grace>,
        /// A secret of your own. One is made if you give none.
        secret: Option<GivenSecret>,
    }
}

impl Call for RotateSecret {}

impl From<RotateSecret> for Rotation {
    fn from(call: RotateSecret) -> Self {
        let RotateSecret { grace_seconds, secret } = call;
        Self { grace: grace_seconds, secret }
    }
}

/// A new secret, this once.
#[derive(Serialize, ToSchema)]
#[schema(as = RotatedSecret, examples(examples::rotated))]
pub(super) struct Rotated {
    #[schema(value_type = schema::EndpointId)]
    id: EndpointId,
    #[schema(value_type = schema::SigningSecret)]
    signing_secret: String,
    /// When the old secret stops signing.
    #[schema(value_type = schema::Timestamp)]
    previous_secret_expires_at: Timestamp,
    message: &'static str,
}

/// Rotate a webhook endpoint's secret
///
/// Deliveries are signed with the new secret at once, and with the old one beside it until its grace ends: a day unless
/// you say otherwise. At most two secrets sign: one whose grace has not ended at another rotation signs no longer. The
/// new secret is in the answer this once.
///
/// Another secret gives the endpoint a new start, as a change of its `url` does: `consecutive_failures` is 0, and what waits
/// is tried at once, unless the endpoint is paused.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = WEBHOOKS,
    params(Id<EndpointId>),
    request_body = Option<RotateSecret>,
    responses(
        (status = OK, description = "The new secret, this once.", body = Rotated),
        (status = CONFLICT, description = "Another rotation came in between; its secret counts.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn rotate(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
    body: Body<RotateSecret>,
) -> Result<Json<Rotated>, ApiError> {
    let (call, request) = body.split();
    let rotated = application.rotate_secret(&actor, request.as_ref(), id, call.into()).await?;
    Ok(Json(Rotated {
        id,
        signing_secret: rotated.secret.reveal().to_owned(),
        previous_secret_expires_at: rotated.previous_until,
        message: "Secret rotated. Save the signing_secret - it will not be shown again.",
    }))
}
