//! The API's description of itself: an `OpenAPI` 3.1 document that is made from the routes.
//!
//! Each handler's `#[utoipa::path]` says only what is special about it: its purpose, what it takes, what it answers when all is
//! well, and its conflicts. [`conventions`] adds what all calls share: errors, headers, security, idempotency keys. [`limits`]
//! adds what the deployment chooses.

mod conventions;
mod errors;
mod info;
mod limits;
mod parameters;

use std::sync::{Arc, OnceLock};

use application::{Application, Limits};
use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use crate::{
    documented::{DOCUMENTATION, Routes},
    routes, schema,
};

/// Every route, also the one of this document.
pub(crate) fn routes() -> Routes {
    routes::routes().with(routes!(read))
}

/// The document of a deployment with these limits.
pub(crate) fn document(limits: &Limits) -> OpenApi {
    let mut document = routes().into_document();
    info::add(&mut document);
    conventions::add(&mut document);
    limits::add(&mut document, limits);
    document
}

/// The document's JSON. It is written when it is first asked for, and is then the same for as long as the process lives.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<OnceLock<Bytes>>);

/// Get this document
///
/// What this API is and does, as this deployment says itself. It is public: no key is needed.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "getOpenApi",
    tag = DOCUMENTATION,
    responses((status = OK, description = "The document.", body = schema::OpenApiDocument)),
    security(()),
)]
async fn read(State(application): State<Application>, Extension(written): Extension<Written>) -> Response {
    let json = written.0.get_or_init(|| {
        let document = document(&application.limits);
        serde_json::to_vec(&document).unwrap_or_default().into()
    });
    ([(CONTENT_TYPE, "application/json")], json.clone()).into_response()
}
