//! `POST /v1/webhooks/{id}/rotate-secret`

use std::time::Duration;

use axum::{Json, extract};
use domain::{
    Invalid, Timestamp,
    endpoint::State,
    ids::EndpointId,
    scope::Scope,
    secret::{PreviousSecret, SealedSecrets, SigningSecret},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::waiting;
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::{ApiError, ErrorBody},
    openapi::{WEBHOOKS, examples, parameters::EndpointPath, requests::RotateSecret, values},
    path::Id,
};

/// How long the old secret goes on signing beside the new one unless said otherwise: a day.
const DEFAULT_GRACE_SECONDS: i64 = 86_400;
/// The longest grace: 7 days. A secret that leaked should not sign for longer.
const MAX_GRACE_SECONDS: i64 = 604_800;

const CONFLICT: ApiError = ApiError::Conflict {
    code: "rotation_overlapped",
    message: "Another rotation of this endpoint's secret came in between; its new secret counts",
};

/// A new secret, this once.
#[derive(Serialize, ToSchema)]
#[schema(as = RotatedSecret, examples(examples::rotated))]
pub(super) struct Rotated {
    #[schema(value_type = values::EndpointId)]
    id: EndpointId,
    #[schema(value_type = values::SigningSecret)]
    signing_secret: String,
    /// When the old secret stops signing.
    #[schema(value_type = values::Timestamp)]
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
    params(EndpointPath),
    request_body = Option<RotateSecret>,
    responses(
        (status = OK, description = "The new secret, this once.", body = Rotated),
        (status = CONFLICT, description = "Another rotation came in between; its secret counts.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn rotate(
    extract::State(api): extract::State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    mut fields: Fields,
) -> Result<Json<Rotated>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let grace = grace(&mut fields)?;
    let given: Option<String> = fields.optional("secret")?;
    fields.finish()?;
    let record = api.endpoint(organization, id).await?;
    let secret = match given {
        Some(text) => SigningSecret::parse(&text, record.endpoint.settings.format.secret_form)?,
        None => SigningSecret::new(&runtime::random()?),
    };
    let now = api.clock.now();
    let until = now.after(grace);
    let rotated = SealedSecrets {
        current: api.vault.seal(organization, id, &secret, now).await?,
        previous: Some(PreviousSecret { sealed: record.secrets.current.clone(), until }),
    };
    if record.endpoint.state() == State::Active {
        waiting::send_after_new_start(&api, &record.endpoint).await?;
    }
    if !api.registry.replace_secrets(organization, id, &record.secrets, &rotated).await? {
        return Err(CONFLICT);
    }
    Ok(Json(Rotated {
        id,
        signing_secret: secret.reveal().to_owned(),
        previous_secret_expires_at: until,
        message: "Secret rotated. Save the signing_secret - it will not be shown again.",
    }))
}

fn grace(fields: &mut Fields) -> Result<Duration, Invalid> {
    let seconds = fields.optional("grace_seconds")?.unwrap_or(DEFAULT_GRACE_SECONDS);
    match u64::try_from(seconds) {
        Ok(whole) if seconds <= MAX_GRACE_SECONDS => Ok(Duration::from_secs(whole)),
        _ => {
            let message = format!("grace_seconds must be between 0 and {MAX_GRACE_SECONDS}");
            Err(Invalid::param("grace_seconds", "grace_invalid", message))
        }
    }
}
