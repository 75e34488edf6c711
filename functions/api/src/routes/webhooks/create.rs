//! `POST /v1/webhooks`

use application::{
    Application, ManageWebhooks,
    endpoints::{Defaults, NewEndpoint},
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    endpoint::{Description, TimeoutSeconds},
    format::Format,
    metadata::Metadata,
    pattern::Patterns,
    retry::PolicyChoice,
    scope::Scope,
    secret::GivenSecret,
};

use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::{ApiError, ErrorBody},
    request::{Body, Call, Url, request},
    schema::examples,
    views::CreatedEndpointView,
};

request! {
    /// A new webhook endpoint.
    #[examples(examples::create_webhook, examples::create_webhook_in_full)]
    pub(super) struct CreateWebhook {
        /// Where events are delivered.
        url: Url,
        /// What is delivered: 1 to 100 patterns. One given twice counts once.
        enabled_events: Patterns,
        /// What it is for, in your words: one line of at most 500 characters.
        description: Option<Description>,
        /// A secret of your own. One is made if you give none.
        secret: Option<GivenSecret>,
        /// Whether it is sent to from now on.
        #[with(|schema| schema.default = Some(true.into()))]
        is_active: Option<bool>,
        /// How long one attempt may take, in seconds: connecting, headers and body together.
        #[with(|schema| schema.default = Some(TimeoutSeconds::DEFAULT.get().into()))]
        timeout = "timeout_seconds": Option<TimeoutSeconds>,
        /// When failed attempts are tried again.
        retry_policy: Option<PolicyChoice>,
        /// How its deliveries are wrapped and signed.
        #[with(|schema| schema.default = Some(Format::dodev().name.into()))]
        format: Option<&'static Format>,
        /// Notes of your own: up to 50 strings by name; names of 1 to 40, values of 1 to 500 characters.
        metadata: Option<Metadata>,
    }
}

impl Call for CreateWebhook {}

impl From<CreateWebhook> for NewEndpoint {
    fn from(call: CreateWebhook) -> Self {
        Self {
            url: call.url.0,
            enabled_events: call.enabled_events,
            description: call.description,
            secret: call.secret,
            is_active: call.is_active,
            timeout: call.timeout,
            retry_policy: call.retry_policy,
            format: call.format,
            metadata: call.metadata,
        }
    }
}

/// Create a webhook endpoint
///
/// From now on it gets every event of your organization that matches `enabled_events`. The answer has its
/// `signing_secret` this once: store it securely, deliveries are verified with it.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    operation_id = "createWebhook",
    tag = WEBHOOKS,
    request_body = CreateWebhook,
    responses(
        (status = CREATED, description = "The webhook endpoint, with its secret this once.", body = CreatedEndpointView),
        (status = CONFLICT, description = "Your organization has as many as it may.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn create(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    body: Body<CreateWebhook>,
) -> Result<(StatusCode, Json<CreatedEndpointView>), ApiError> {
    let defaults = Defaults { timeout: TimeoutSeconds::DEFAULT, format: Format::dodev() };
    let (new, request) = body.split();
    let created = application.create_endpoint(&actor, request.as_ref(), new.into(), defaults).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}
