//! Routes with their documentation. [`Routes`] is the only way to add a route, so the `OpenAPI` document has every route.

use application::Application;
use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

// The document's sections.
pub(crate) const WEBHOOKS: &str = "Webhook endpoints";
pub(crate) const EVENTS: &str = "Events";
pub(crate) const KEYS: &str = "API keys";
pub(crate) const ORBIT: &str = "Orbit-compatible";
pub(crate) const DOCUMENTATION: &str = "Documentation";

/// Routes with their documentation.
pub(crate) struct Routes {
    router: Router<Application>,
    documentation: OpenApiRouter<Application>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), documentation: OpenApiRouter::default() }
    }

    /// Adds what the macro `routes!` makes of the handlers of one path.
    ///
    /// Their documented path may end in a slash. The route's path does not: requests have lost that slash before, see
    /// [`crate::slash`].
    pub(crate) fn with(self, handlers: UtoipaMethodRouter<Application>) -> Self {
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

    pub(crate) fn into_router(self) -> Router<Application> {
        self.router
    }

    pub(crate) fn into_document(self) -> OpenApi {
        self.documentation.into_openapi()
    }
}
