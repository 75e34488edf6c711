//! The HTTP API.
//!
//! A request passes the layer of [`answer`], which gives every answer its `X-Request-Id` and every error its shape. Then it
//! comes to its handler in [`routes`]. The handler decodes the request ([`caller`], [`path`], [`query`], [`request`]), makes
//! one call to the [`Application`], and encodes the answer ([`views`]).

mod answer;
mod caller;
mod documented;
mod error;
mod openapi;
mod path;
mod query;
mod request;
mod routes;
mod schema;
mod slash;
mod views;

use application::{Application, Limits};
use axum::{Extension, Router};

use error::ApiError;

/// The document that describes the API of a deployment with these limits (`OpenAPI` 3.1). It is written in lines, so that
/// people can read it and its diffs. `GET /v1/openapi.json` answers the same.
pub fn openapi(limits: &Limits) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&openapi::document(limits)).map(|json| json + "\n")
}

/// The API as a service: every route, and the answers for unknown routes and methods.
pub fn router(application: Application) -> Router {
    let routes = openapi::routes()
        .into_router()
        .fallback(|| async { ApiError::NoSuchRoute })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(Extension(openapi::Written::default()));
    slash::ignoring_trailing_slash(answer::finishing(routes).with_state(application))
}
