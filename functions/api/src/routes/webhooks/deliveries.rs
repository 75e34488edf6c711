//! `GET /v1/webhooks/{id}/deliveries`

use application::{Application, ReadWebhooks};
use axum::{Json, extract::State};
use domain::{Timestamp, delivery::Status, ids::EndpointId, scope::Scope};
use serde::Serialize;
use storage::DeliveryFilter;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    documented::WEBHOOKS,
    error::ApiError,
    path::Id,
    query::{Listing, query},
    schema::examples,
    views::{DeliveryView, PageEnd, listed},
};

query! {
    /// Which deliveries are listed.
    pub(super) struct DeliveryFilters {
        /// Only deliveries that stand like this.
        status: Option<Status>,
        /// Only deliveries of events created at or after this moment.
        after: Option<Timestamp>,
        /// Only deliveries of events created before this moment.
        before: Option<Timestamp>,
    }
}

impl From<DeliveryFilters> for DeliveryFilter {
    fn from(filters: DeliveryFilters) -> Self {
        let DeliveryFilters { status, after, before } = filters;
        Self { status, after, before }
    }
}

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
    params(Id<EndpointId>, Listing<DeliveryFilters>),
    responses((status = OK, description = "A page of deliveries.", body = DeliveryList)),
    security(("bearer" = [Scope::WebhooksRead])),
)]
pub(super) async fn list(
    State(application): State<Application>,
    Caller(actor): Caller<ReadWebhooks>,
    Id(id): Id<EndpointId>,
    listing: Listing<DeliveryFilters>,
) -> Result<Json<DeliveryList>, ApiError> {
    let filter = listing.filters.into();
    let (deliveries, end) =
        listed(application.deliveries_of_endpoint(&actor, id, filter, listing.page).await?);
    Ok(Json(DeliveryList { deliveries, end }))
}
