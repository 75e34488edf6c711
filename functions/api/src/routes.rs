//! The routes, by resource.

mod event_types;
mod events;
mod keys;
mod orbit;
mod webhooks;

pub(crate) use events::Published;

use axum::Router;
use utoipa_axum::routes;

use crate::{
    Api,
    error::ApiError,
    openapi::{self, Routes},
};

/// Every route, with its documentation.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(webhooks::routes())
        .merge(events::routes())
        .merge(keys::routes())
        .merge(event_types::routes())
        .merge(orbit::routes())
        .with(routes!(openapi::read))
}

pub(crate) fn router() -> Router<Api> {
    routes()
        .into_router()
        .fallback(|| async { ApiError::NoSuchRoute })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
}
