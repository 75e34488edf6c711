//! `/api/v1/webhooks/`: Devotel Orbit's calls, for customers who bring their client code along.
//!
//! The same endpoints as under `/v1/webhooks`, in Orbit's names and with its defaults; what is created here is signed
//! as Orbit signs.

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Timestamp,
    endpoint::{Endpoint, TimeoutSeconds},
    format::Format,
    ids::EndpointId,
    pattern::Patterns,
    retry::RetryPolicy,
    scope::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::webhooks::creation::{self, Choices, Dialect};
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    cursor::{PageEnd, PageRequest, Parameters},
    error::{ApiError, ErrorBody},
    openapi::{
        ORBIT as ORBIT_TAG, Routes, examples, parameters::Page, requests::RegisterOrbitWebhook, values,
    },
};

const ORBIT: Dialect = Dialect {
    events: "events",
    active: "active",
    default_timeout: TimeoutSeconds::MAX,
    default_format: Format::orbit,
    extended: false,
};

pub(crate) fn routes() -> Routes {
    Routes::new().with(routes!(list, register))
}

/// A webhook endpoint in Orbit's names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrbitWebhook)]
struct OrbitEndpoint {
    #[schema(value_type = values::EndpointId)]
    id: EndpointId,
    url: String,
    #[schema(value_type = Vec<String>)]
    events: Patterns,
    active: bool,
    #[schema(required)]
    description: Option<String>,
    #[schema(minimum = 1, maximum = 30)]
    timeout_seconds: u8,
    #[schema(value_type = values::RetryPolicy)]
    retry_policy: RetryPolicy,
    #[schema(value_type = values::Timestamp)]
    created_at: Timestamp,
    /// Only in the answer to its registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

/// A webhook endpoint that was just registered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrbitWebhookRegistered, examples(examples::orbit_registered))]
struct Registered {
    data: OrbitEndpoint,
}

/// A page of webhook endpoints in Orbit's names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrbitWebhookList, examples(examples::orbit_listed))]
struct Listed {
    data: Vec<OrbitEndpoint>,
    meta: Meta,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrbitMeta)]
struct Meta {
    pagination: Pagination,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrbitPagination)]
struct Pagination {
    /// What to ask the next page with; null at the end.
    #[schema(required)]
    cursor: Option<String>,
    has_more: bool,
}

impl From<Endpoint> for OrbitEndpoint {
    fn from(endpoint: Endpoint) -> Self {
        let Endpoint { id, settings, created_at, .. } = endpoint;
        Self {
            id,
            url: settings.url,
            events: settings.enabled_events,
            active: settings.is_active,
            description: settings.description.map(|description| description.as_str().to_owned()),
            timeout_seconds: settings.timeout.get(),
            retry_policy: settings.retry_policy,
            created_at,
            secret: None,
        }
    }
}

/// Register a webhook endpoint as Orbit does
///
/// What is registered here is signed as Orbit signs: `X-Devotel-Signature`. The secret is in the answer this once.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/",
    operation_id = "registerOrbitWebhook",
    tag = ORBIT_TAG,
    request_body = RegisterOrbitWebhook,
    responses(
        (status = CREATED, description = "The webhook endpoint, with its secret this once.", body = Registered),
        (status = CONFLICT, description = "Your organization has as many as it may.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
async fn register(
    State(api): State<Api>,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, Json<Registered>), ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let choices = Choices::read(&api, fields, &ORBIT).await?;
    let (endpoint, secret) = creation::create(&api, organization, choices).await?;
    let data = OrbitEndpoint { secret: Some(secret.reveal().to_owned()), ..endpoint.into() };
    Ok((StatusCode::CREATED, Json(Registered { data })))
}

/// List webhook endpoints as Orbit does
///
/// All webhook endpoints of your organization, newest first, in Orbit's names.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/",
    operation_id = "listOrbitWebhooks",
    tag = ORBIT_TAG,
    params(Page),
    responses((status = OK, description = "A page of webhook endpoints.", body = Listed)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<Listed>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksRead)?;
    let request = PageRequest::take(&mut parameters, &api, organization, "orbit").await?;
    parameters.finish()?;
    let before = request.position.as_deref().and_then(|position| EndpointId::parse(position).ok());
    let endpoints = api.registry.list_endpoints(organization, before, request.look_ahead()).await?;
    let (endpoints, end) = request.page(&api, endpoints, |endpoint| endpoint.id.to_string()).await?;
    let PageEnd { next_cursor, has_more } = end;
    let data = endpoints.into_iter().map(OrbitEndpoint::from).collect();
    Ok(Json(Listed { data, meta: Meta { pagination: Pagination { cursor: next_cursor, has_more } } }))
}
