//! The API's description of itself: an `OpenAPI` 3.1 document made from the routes.
//!
//! Each handler's `#[utoipa::path]` says what is its own: what it is for, what it takes, what it answers when all is
//! well, and its conflicts. What follows from the conventions that all calls share (errors, headers, security) is
//! added in [`conventions`]. [`Routes`] is the only way to a route, so there is none that the document lacks.

mod conventions;
pub(crate) mod errors;
pub(crate) mod examples;
mod info;
pub(crate) mod parameters;
mod published;
pub(crate) mod requests;
pub(crate) mod values;

pub(crate) use info::{DOCUMENTATION, EVENTS, KEYS, ORBIT, WEBHOOKS};
pub(crate) use published::BatchResult;

use std::sync::LazyLock;

use axum::{
    Router,
    body::Bytes,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{Api, routes};

/// Routes with their documentation.
pub(crate) struct Routes {
    router: Router<Api>,
    documentation: OpenApiRouter<Api>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), documentation: OpenApiRouter::default() }
    }

    /// Adds what `routes!` makes of one path's handlers.
    ///
    /// Their documented path may end in a slash. The route's does not: requests have lost theirs by then, see
    /// [`crate::slash`].
    pub(crate) fn with(self, handlers: UtoipaMethodRouter<Api>) -> Self {
        let methods = &handlers.2;
        let paths = handlers.1.paths.keys().map(|path| path.trim_end_matches('/'));
        let router = paths.fold(self.router, |router, path| router.route(path, methods.clone()));
        Self { router, documentation: self.documentation.routes(handlers) }
    }

    pub(crate) fn merge(self, others: Routes) -> Self {
        Self {
            router: self.router.merge(others.router),
            documentation: self.documentation.merge(others.documentation),
        }
    }

    pub(crate) fn into_router(self) -> Router<Api> {
        self.router
    }
}

/// The document of this build.
pub(crate) fn document() -> OpenApi {
    let mut document = routes::routes().documentation.into_openapi();
    info::add(&mut document);
    conventions::add(&mut document);
    document
}

/// Get this document
///
/// What this API is and does, as this deployment says itself. It is public: no key is needed.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "getOpenApi",
    tag = DOCUMENTATION,
    responses((status = OK, description = "The document.", body = values::OpenApiDocument)),
    security(()),
)]
pub(crate) async fn read() -> Response {
    // Written once: it is the same for as long as the process lives.
    static JSON: LazyLock<Bytes> =
        LazyLock::new(|| serde_json::to_vec(&document()).unwrap_or_default().into());
    ([(CONTENT_TYPE, "application/json")], JSON.clone()).into_response()
}
