//! `PATCH /v1/webhooks/{id}`

use application::{
    Application, ManageWebhooks,
    endpoints::{Change, EndpointChanges},
};
use axum::{Json, extract::State};
use domain::{
    ErrorCode, Invalid,
    endpoint::{Description, TimeoutSeconds},
    format::Format,
    ids::EndpointId,
    metadata::Metadata,
    pattern::Patterns,
    retry::PolicyChoice,
    scope::Scope,
};

use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::ApiError,
    path::Id,
    request::{Body, Call, Fields, Given, Url, request},
    schema::examples,
    views::EndpointView,
};

request! {
    /// Changes of a webhook endpoint: only the fields given change.
    #[examples(examples::update_webhook)]
    pub(super) struct UpdateWebhook {
        /// Where events are delivered from now on, retries included.
        url: Given<Url>,
        /// What is delivered: 1 to 100 patterns, which replace those before.
        enabled_events: Given<Patterns>,
        /// What it is for; null removes it.
        description: Change<Description>,
        /// Whether it is sent to. While it is false, nothing is sent or kept for it.
        is_active: Given<bool>,
        /// How long one attempt may take, in seconds; null for the default of 10.
        timeout = "timeout_seconds": Change<TimeoutSeconds>,
        /// The numbers given change; null for the default policy.
        retry_policy: Change<PolicyChoice>,
        /// How its deliveries are wrapped and signed. `standard` needs a secret in its form: rotate it first where it is not.
        format: Given<&'static Format>,
        /// Notes of your own, which replace those before; null removes them.
        metadata: Change<Metadata>,
    }
}

impl Call for UpdateWebhook {
    fn split(text: &str) -> Result<Fields, Invalid> {
        let fields = Fields::parse(text)?;
        if fields.has("secret") {
            let message = "secret cannot be changed here; rotate it with rotate-secret";
            return Err(Invalid::param("secret", ErrorCode::SecretNotChangeable, message));
        }
        Ok(fields)
    }
}

impl From<UpdateWebhook> for EndpointChanges {
    fn from(call: UpdateWebhook) -> Self {
        Self {
            url: call.url.0.map(|Url(text)| text),
            enabled_events: call.enabled_events.0,
            is_active: call.is_active.0,
            format: call.format.0,
            description: call.description,
            timeout: call.timeout,
            retry_policy: call.retry_policy,
            metadata: call.metadata,
        }
    }
}

/// Change a webhook endpoint
///
/// Only the fields given change; changes of different fields at the same time all count. `null` sets a field back to
/// its default where it has one. The secret is rotated with `rotate-secret`.
///
/// A change of `url`, `format` or `timeout_seconds` gives the endpoint a new start: `consecutive_failures` is 0, and what waits
/// is tried at once, unless the endpoint is paused. Answers to attempts that began before count for it no longer.
///
/// Enabling a disabled endpoint does not bring back what happened in between: what was still to be sent when it was disabled
/// has failed, and `replay` sends it. What was held by then is sent.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{id}",
    operation_id = "updateWebhook",
    tag = WEBHOOKS,
    params(Id<EndpointId>),
    request_body = Option<UpdateWebhook>,
    responses((status = OK, description = "The webhook endpoint as it is now.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn update(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
    body: Body<UpdateWebhook>,
) -> Result<Json<EndpointView>, ApiError> {
    let (changes, request) = body.split();
    let endpoint = application.change_endpoint(&actor, request.as_ref(), id, changes.into()).await?;
    Ok(Json(endpoint.into()))
}
