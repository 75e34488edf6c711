//! The HTTP API.
//!
//! A request passes [`answer`]'s layer, which gives every answer its `X-Request-Id` and every error its shape, then its
//! handler in [`routes`]: decode, authorise, one call, encode.

mod answer;
mod auth;
mod body;
mod cursor;
mod error;
mod openapi;
mod path;
mod routes;
mod slash;
mod views;

use std::sync::Arc;

use axum::Router;
use domain::{
    ids::{EndpointId, OrganizationId},
    retry::RetryPolicy,
};
use egress::{AddressPolicy, Resolver};
use messaging::{Bus, DeliveriesQueue};
use runtime::Clock;
use storage::{EndpointRecord, Log, Registry};
use vault::Vault;

use error::ApiError;
use path::Named;

/// The API and what it needs.
#[derive(Clone)]
pub struct Api {
    /// Organizations, keys, endpoints.
    pub registry: Registry,
    /// Events and deliveries.
    pub log: Log,
    /// Where events are published.
    pub bus: Bus,
    /// Where single deliveries are sent past the bus: tests and replays.
    pub queue: DeliveriesQueue,
    /// Seals signing secrets and cursors.
    pub vault: Vault,
    /// Resolves the hosts of endpoints when they are saved.
    pub resolver: Arc<dyn Resolver>,
    /// Which addresses endpoints may have.
    pub address_policy: AddressPolicy,
    /// The time.
    pub clock: Clock,
    /// What the deployment bounds and presets.
    pub limits: Limits,
}

/// What the deployment bounds and presets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most endpoints of one organization.
    pub endpoints_per_organization: u32,
    /// The retry policy of endpoints that choose none.
    pub retry_policy: RetryPolicy,
}

impl Api {
    /// An organization's endpoint, which a route names and must exist.
    async fn endpoint(
        &self,
        organization: OrganizationId,
        id: EndpointId,
    ) -> Result<EndpointRecord, ApiError> {
        self.registry.endpoint(organization, id).await?.ok_or(ApiError::NotFound(EndpointId::WHAT))
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The document that describes the API (`OpenAPI` 3.1), as `GET /v1/openapi.json` answers it, in lines for people and their diffs.
pub fn openapi() -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&openapi::document()).map(|json| json + "\n")
}

/// The API as a service: every route, and the contract's answer for what is none.
pub fn router(api: Api) -> Router {
    slash::ignoring_trailing_slash(answer::finishing(routes::router()).with_state(api))
}
