//! `POST /v1/webhooks`

use axum::{Json, extract::State, http::StatusCode};
use domain::{endpoint::TimeoutSeconds, format::Format, scope::Scope};

use super::creation::{self, Choices, Dialect};
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::{ApiError, ErrorBody},
    openapi::{WEBHOOKS, requests::CreateWebhook},
    views::CreatedEndpointView,
};

const DODEV: Dialect = Dialect {
    events: "enabled_events",
    active: "is_active",
    default_timeout: TimeoutSeconds::DEFAULT,
    default_format: Format::dodev,
    extended: true,
};

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
    State(api): State<Api>,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, Json<CreatedEndpointView>), ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let choices = Choices::read(&api, fields, &DODEV).await?;
    let (endpoint, secret) = creation::create(&api, organization, choices).await?;
    let view = CreatedEndpointView::new(endpoint, secret.reveal().to_owned());
    Ok((StatusCode::CREATED, Json(view)))
}
