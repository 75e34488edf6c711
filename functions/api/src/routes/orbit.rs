//! `/api/v1/webhooks/`: Devotel Orbit's calls, for customers who bring their client code along.
//!
//! These are the same endpoints as under `/v1/webhooks`, in Orbit's names and with Orbit's defaults. Deliveries to an endpoint
//! that was created here are signed as Orbit signs.

use application::{
    Application, ManageWebhooks, ReadWebhooks,
    endpoints::{CreatedEndpoint, Defaults, NewEndpoint},
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Timestamp,
    endpoint::{Description, Endpoint, TimeoutSeconds},
    format::Format,
    ids::EndpointId,
    pattern::Patterns,
    retry::{PolicyChoice, RetryPolicy},
    scope::Scope,
    secret::GivenSecret,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    caller::Caller,
    documented::{ORBIT, Routes},
    error::{ApiError, ErrorBody},
    query::Listing,
    request::{Body, Call, Url, request},
    schema::{self, examples},
    views::{PageEnd, listed},
};

pub(super) fn routes() -> Routes {
    Routes::new().with(routes!(list, register))
}

request! {
    /// A new webhook endpoint in Orbit's names.
    #[examples(examples::orbit_register)]
    struct RegisterOrbitWebhook {
        /// Where events are delivered.
        url: Url,
        /// What is delivered: 1 to 100 event types or patterns.
        events: Patterns,
        /// A secret of your own: 16 to 256 printable ASCII characters. One is made if you give none.
        secret: Option<GivenSecret>,
        /// Whether it is sent to from now on.
        #[with(|schema| schema.default = Some(true.into()))]
        active: Option<bool>,
        /// What it is for, in your words: one line of at most 500 characters.
        description: Option<Description>,
        /// How long one attempt may take, in seconds.
        #[with(|schema| schema.default = Some(TimeoutSeconds::MAX.get().into()))]
        timeout = "timeout_seconds": Option<TimeoutSeconds>,
        /// When failed attempts are tried again.
        retry_policy: Option<PolicyChoice>,
    }
}

impl Call for RegisterOrbitWebhook {}

impl From<RegisterOrbitWebhook> for NewEndpoint {
    fn from(call: RegisterOrbitWebhook) -> Self {
        Self {
            url: call.url.0,
            enabled_events: call.events,
            description: call.description,
            secret: call.secret,
            is_active: call.active,
            timeout: call.timeout,
            retry_policy: call.retry_policy,
            format: None,
            metadata: None,
        }
    }
}

/// A webhook endpoint in Orbit's names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrbitWebhook)]
struct OrbitEndpoint {
    #[schema(value_type = schema::EndpointId)]
    id: EndpointId,
    url: String,
    #[schema(value_type = Vec<String>)]
    events: Patterns,
    active: bool,
    #[schema(required)]
    description: Option<String>,
    #[schema(schema_with = schema::answered_timeout_seconds)]
    timeout_seconds: u8,
    #[schema(value_type = schema::RetryPolicy)]
    retry_policy: RetryPolicy,
    #[schema(value_type = schema::Timestamp)]
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

impl From<CreatedEndpoint> for Registered {
    fn from(created: CreatedEndpoint) -> Self {
        let CreatedEndpoint { endpoint, secret } = created;
        Self { data: OrbitEndpoint { secret: Some(secret.reveal().to_owned()), ..endpoint.into() } }
    }
}

/// Register a webhook endpoint as Orbit does
///
/// What is registered here is signed as Orbit signs: `X-Devotel-Signature`. The secret is in the answer this once.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/",
    operation_id = "registerOrbitWebhook",
    tag = ORBIT,
    request_body = RegisterOrbitWebhook,
    responses(
        (status = CREATED, description = "The webhook endpoint, with its secret this once.", body = Registered),
        (status = CONFLICT, description = "Your organization has as many as it may.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
async fn register(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    body: Body<RegisterOrbitWebhook>,
) -> Result<(StatusCode, Json<Registered>), ApiError> {
    let defaults = Defaults { timeout: TimeoutSeconds::MAX, format: Format::orbit() };
    let (new, request) = body.split();
    let created = application.create_endpoint(&actor, request.as_ref(), new.into(), defaults).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// List webhook endpoints as Orbit does
///
/// All webhook endpoints of your organization, newest first, in Orbit's names.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/",
    operation_id = "listOrbitWebhooks",
    tag = ORBIT,
    params(Listing),
    responses((status = OK, description = "A page of webhook endpoints.", body = Listed)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
async fn list(
    State(application): State<Application>,
    Caller(actor): Caller<ReadWebhooks>,
    listing: Listing,
) -> Result<Json<Listed>, ApiError> {
    let (data, end) = listed(application.endpoints(&actor, "orbit", listing.page).await?);
    let PageEnd { next_cursor, has_more } = end;
    Ok(Json(Listed { data, meta: Meta { pagination: Pagination { cursor: next_cursor, has_more } } }))
}
