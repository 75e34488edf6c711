//! The layer around every route: request ids, the shape of errors, one log line a request.

use std::panic::AssertUnwindSafe;

use application::{Application, Error};
use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use lambda_http::request::RequestContext;

use crate::error::ApiError;

const REQUEST_ID: &str = "x-request-id";

pub(crate) fn finishing(routes: Router<Application>) -> Router<Application> {
    routes.layer(middleware::from_fn(finish))
}

async fn finish(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    // A panic is a fault of ours like any other. It must not end the function, and its text must not be shown.
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered
        .unwrap_or_else(|_| ApiError::from(Error::Internal("the handler panicked".into())).into_response());
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        response = write(&error, &id, &response);
    }
    tracing::info!(
        request.id = %id,
        http.method = %method,
        http.route = route.as_deref().unwrap_or("none"),
        http.status = response.status().as_u16(),
        "request answered"
    );
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The error's answer, with the header that belongs to it, and with the `Allow` that the router has set.
fn write(error: &ApiError, request_id: &str, unwritten: &Response) -> Response {
    if let Some(cause) = error.internal_cause() {
        tracing::error!(request.id = %request_id, error = cause, "request failed");
    }
    let mut response = (error.status(), axum::Json(error.body(request_id))).into_response();
    let kept = unwritten.headers().iter().filter(|(name, _)| *name == header::ALLOW);
    response.headers_mut().extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    response.headers_mut().extend(error.header());
    response
}

/// The gateway's id of the request. The gateway's access log has it too.
fn request_id(request: &Request) -> String {
    let of_gateway = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    of_gateway.unwrap_or_else(|| {
        let random = runtime::random().map(u128::from_le_bytes);
        format!("{:032x}", random.unwrap_or_default())
    })
}
