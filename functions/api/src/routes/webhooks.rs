//! `/v1/webhooks`

mod create;
mod deliveries;
mod pause;
mod replay;
mod rotate;
mod test;
mod update;

use application::{Application, ManageWebhooks, ReadWebhooks};
use axum::{Json, extract::State, http::StatusCode};
use domain::{ids::EndpointId, scope::Scope};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    caller::Caller,
    documented::{Routes, WEBHOOKS},
    error::ApiError,
    path::Id,
    query::Listing,
    request::{Call, request},
    schema::examples,
    views::{EndpointView, PageEnd, listed},
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .with(routes!(list, create::create))
        .with(routes!(read, update::update, remove))
        .with(routes!(deliveries::list))
        .with(routes!(pause::pause))
        .with(routes!(replay::replay))
        .with(routes!(rotate::rotate))
        .with(routes!(test::test))
        .with(routes!(pause::unpause))
}

request! {
    /// Nothing: the call takes no fields.
    #[examples(examples::nothing)]
    struct NoFields {}
}

impl Call for NoFields {}

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
    params(Listing),
    responses((status = OK, description = "A page of webhook endpoints.", body = EndpointList)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
async fn list(
    State(application): State<Application>,
    Caller(actor): Caller<ReadWebhooks>,
    listing: Listing,
) -> Result<Json<EndpointList>, ApiError> {
    let (endpoints, end) = listed(application.endpoints(&actor, "webhooks", listing.page).await?);
    Ok(Json(EndpointList { endpoints, end }))
}

/// Get a webhook endpoint
///
/// One webhook endpoint, without its secret.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    operation_id = "getWebhook",
    tag = WEBHOOKS,
    params(Id<EndpointId>),
    responses((status = OK, description = "The webhook endpoint.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
async fn read(
    State(application): State<Application>,
    Caller(actor): Caller<ReadWebhooks>,
    Id(id): Id<EndpointId>,
) -> Result<Json<EndpointView>, ApiError> {
    let endpoint = application.endpoint(&actor, id).await?;
    Ok(Json(endpoint.into()))
}

/// Delete a webhook endpoint
///
/// Nothing more is sent to it, even of what is already queued.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    operation_id = "deleteWebhook",
    tag = WEBHOOKS,
    params(Id<EndpointId>),
    responses((status = NO_CONTENT, description = "It is deleted.")),
    security(("bearer" = [Scope::WebhooksManage])),
)]
async fn remove(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EndpointId>,
) -> Result<StatusCode, ApiError> {
    application.delete_endpoint(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
