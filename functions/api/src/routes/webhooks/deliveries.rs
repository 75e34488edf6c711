//! `GET /v1/webhooks/{id}/deliveries`

use axum::{Json, extract::State};
use domain::{
    Invalid,
    delivery::Status,
    ids::{EndpointId, EventId},
    scope::Scope,
};
use serde::Serialize;
use storage::DeliveryFilter;
use utoipa::ToSchema;

use crate::{
    Api,
    auth::{Authorized, Caller},
    cursor::{PageEnd, PageRequest, Parameters},
    error::ApiError,
    openapi::{
        WEBHOOKS, examples,
        parameters::{DeliveryFilter as DeliveryFilterParameters, EndpointPath, Page},
    },
    path::{Id, Named},
    views::DeliveryView,
};

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
#[schema(examples(examples::deliveries))]
pub(super) struct DeliveryList {
    deliveries: Vec<DeliveryView>,
    #[serde(flatten)]
    end: PageEnd,
}

/// List a webhook endpoint's deliveries
///
/// What became of the events that it matched, newest event first, for 30 days. A delivery is listed once an attempt has
/// ended or it is held; before that it is pending, and `GET /v1/events/{id}` of its event shows it.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries",
    operation_id = "listWebhookDeliveries",
    tag = WEBHOOKS,
    params(EndpointPath, DeliveryFilterParameters, Page),
    responses((status = OK, description = "A page of deliveries.", body = DeliveryList)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    mut parameters: Parameters,
) -> Result<Json<DeliveryList>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksRead)?;
    let filter = filter(&mut parameters)?;
    let list = format!("deliveries/{id}/{filter:?}");
    let request = PageRequest::take(&mut parameters, &api, organization, &list).await?;
    parameters.finish()?;
    if api.registry.endpoint(organization, id).await?.is_none() {
        return Err(ApiError::NotFound(EndpointId::WHAT));
    }
    let position = request.position.as_deref().and_then(|position| EventId::parse(position).ok());
    let limit = request.look_ahead();
    let deliveries =
        api.log.list_deliveries(organization, id, filter, position, limit, api.clock.now()).await?;
    let (deliveries, end) = request.page(&api, deliveries, |delivery| delivery.event.to_string()).await?;
    Ok(Json(DeliveryList { deliveries: deliveries.into_iter().map(DeliveryView::from).collect(), end }))
}

fn filter(parameters: &mut Parameters) -> Result<DeliveryFilter, Invalid> {
    let status = match parameters.take("status")? {
        None => None,
        Some(name) => Some(listed_status(&name)?),
    };
    let after = parameters.take_timestamp("after")?;
    let before = parameters.take_timestamp("before")?;
    Ok(DeliveryFilter { status, after, before })
}

/// A status that deliveries can be listed by. What is pending has no record, so an empty list would say that there is none.
fn listed_status(name: &str) -> Result<Status, Invalid> {
    let found = Status::RECORDED.into_iter().find(|status| status.name() == name);
    found.ok_or_else(|| {
        let known = Status::RECORDED.map(Status::name).join(", ");
        let hint = if name == Status::Pending.name() {
            ". A pending delivery is shown with its event: GET /v1/events/{id}"
        } else {
            ""
        };
        Invalid::param("status", "status_invalid", format!("status must be one of {known}{hint}"))
    })
}
