//! `/v1/webhooks`

mod create;
pub(super) mod creation;
mod deliveries;
mod rotate;
mod settings;
mod state;
mod update;
mod waiting;

use axum::{Json, extract::State, http::StatusCode};
use domain::{ids::EndpointId, scope::Scope};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Api,
    auth::{Authorized, Caller},
    cursor::{PageEnd, PageRequest, Parameters},
    error::ApiError,
    openapi::{
        Routes, WEBHOOKS, examples,
        parameters::{EndpointPath, Page},
    },
    path::{Id, Named},
    views::EndpointView,
};

pub(crate) fn routes() -> Routes {
    Routes::new()
        .with(routes!(list, create::create))
        .with(routes!(read, update::update, remove))
        .with(routes!(deliveries::list))
        .with(routes!(state::pause))
        .with(routes!(state::replay))
        .with(routes!(rotate::rotate))
        .with(routes!(state::test))
        .with(routes!(state::unpause))
}

/// A page of webhook endpoints.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookEndpointList, examples(examples::endpoints))]
struct EndpointList {
    endpoints: Vec<EndpointView>,
    #[serde(flatten)]
    end: PageEnd,
}

/// List webhook endpoints
///
/// Your organization's webhook endpoints, newest first, without their secrets.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    operation_id = "listWebhooks",
    tag = WEBHOOKS,
    params(Page),
    responses((status = OK, description = "A page of webhook endpoints.", body = EndpointList)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<EndpointList>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksRead)?;
    let request = PageRequest::take(&mut parameters, &api, organization, "webhooks").await?;
    parameters.finish()?;
    let before = request.position.as_deref().and_then(|position| EndpointId::parse(position).ok());
    let endpoints = api.registry.list_endpoints(organization, before, request.look_ahead()).await?;
    let (endpoints, end) = request.page(&api, endpoints, |endpoint| endpoint.id.to_string()).await?;
    Ok(Json(EndpointList { endpoints: endpoints.into_iter().map(EndpointView::from).collect(), end }))
}

/// Get a webhook endpoint
///
/// One webhook endpoint, without its secret.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    operation_id = "getWebhook",
    tag = WEBHOOKS,
    params(EndpointPath),
    responses((status = OK, description = "The webhook endpoint.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
async fn read(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
) -> Result<Json<EndpointView>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksRead)?;
    let record = api.registry.endpoint(organization, id).await?;
    let record = record.ok_or(ApiError::NotFound(EndpointId::WHAT))?;
    Ok(Json(record.endpoint.into()))
}

/// Delete a webhook endpoint
///
/// Nothing more is sent to it, even of what is already queued.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = WEBHOOKS,
    params(EndpointPath),
    responses((status = NO_CONTENT, description = "It is deleted.")),
    security(("bearer" = [Scope::WebhooksManage])),
)]
async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
) -> Result<StatusCode, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    if api.registry.delete_endpoint(organization, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NotFound(EndpointId::WHAT))
    }
}
