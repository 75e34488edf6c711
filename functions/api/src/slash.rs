//! A slash at the end of a path makes no difference to any route.
//!
//! It is removed before the routes see the request. So each route exists once, and statuses, `Allow` and the route's name in
//! the log are the same for both spellings. Only one slash is removed. A path with an empty segment, such as `/v1/webhooks//`,
//! is no route.

use axum::{
    Router,
    extract::Request,
    http::{Uri, uri::PathAndQuery},
    middleware,
};

/// The same routes, for paths with and without a slash at their end.
pub(crate) fn ignoring_trailing_slash(routes: Router) -> Router {
    // A layer around the routes themselves would see the request only after its route was found.
    Router::new().fallback_service(routes).layer(middleware::map_request(without_trailing_slash))
}

async fn without_trailing_slash(mut request: Request) -> Request {
    if let Some(uri) = shorter(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The URI without the slash at its path's end, if it has one.
fn shorter(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/'))?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();

    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_at_the_end_is_dropped_and_nothing_else_changes() {
        for (uri, expected) in [
            ("/v1/webhooks/", Some("/v1/webhooks")),
            ("/v1/webhooks/?", Some("/v1/webhooks?")),
            ("/v1/webhooks/?a=b/&c=%2F", Some("/v1/webhooks?a=b/&c=%2F")),
            ("/v1/events/%ff/", Some("/v1/events/%ff")),
            ("https://api.do.dev/v1/", Some("https://api.do.dev/v1")),
            ("/v1/webhooks", None),
            ("/v1/webhooks?a=/", None),
            ("/v1/webhooks//", None),
            ("/v1/webhooks%2F", None),
            ("/", None),
            ("//", None),
            ("*", None),
        ] {
            let shorter = shorter(&uri.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(shorter.as_deref(), expected, "{uri}");
        }
    }
}
