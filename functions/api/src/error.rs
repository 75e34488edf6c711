//! What goes wrong, without HTTP; [`ApiError::into_response`] is the one place where it becomes an answer.

use std::borrow::Cow;

use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use domain::{Invalid, event_data, scope::Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::openapi::errors::ErrorCode;

pub(crate) const ENDPOINT_DISABLED: ApiError = ApiError::Conflict {
    code: "endpoint_disabled",
    message: "The webhook endpoint is disabled; enable it first",
};

/// Every way in which a request can fail.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("no key, or one that does not exist")]
    Unauthorized,
    #[error("the key lacks {0}")]
    Forbidden(Scope),
    /// No scope would help.
    #[error("only the platform publishes this event type")]
    EventTypeReserved,
    /// Something about live keys that a test key may not do.
    #[error("a test key, but {0}")]
    TestKey(&'static str),
    /// Also for what belongs to another organization: nobody can tell the two apart.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// Also for an event of another organization that was published a moment ago, and for what may never come.
    #[error("no such event yet")]
    EventNotLoggedYet,
    #[error("no such route")]
    NoSuchRoute,
    #[error("the route has no such method")]
    MethodNotAllowed,
    #[error("conflict: {message}")]
    Conflict { code: &'static str, message: &'static str },
    #[error("larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("not JSON by its content type")]
    UnsupportedMediaType,
    #[error("encoded, by its Content-Encoding")]
    UnsupportedContentEncoding,
    /// A fault of ours. The text is for the log; the caller is told only that it happened.
    #[error("{0}")]
    Internal(String),
}

/// What a caller is told of an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// For a bad request, what is wrong, in a sentence; otherwise the kind of error.
    #[schema(min_length = 1)]
    error: String,
    /// What is wrong, in a sentence, where `error` is a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
    #[schema(value_type = ErrorCode)]
    code: &'static str,
    /// The field or parameter at fault, such as `retry_policy.max_retries`, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    param: Option<Cow<'static, str>>,
}

/// The contract's error body.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    #[serde(flatten)]
    problem: Problem,
    request_id: String,
}

impl ApiError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(invalid) if invalid.code == event_data::TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) | Self::EventTypeReserved | Self::TestKey(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) | Self::EventNotLoggedYet | Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType | Self::UnsupportedContentEncoding => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The header that HTTP wants beside the body, where it wants one.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let header = |name, value| Some((name, HeaderValue::from_static(value)));
        match self {
            Self::Unauthorized => header(WWW_AUTHENTICATE, "Bearer"),
            Self::UnsupportedContentEncoding => header(ACCEPT_ENCODING, "identity"),
            // Seconds. An event is logged a tenth of a second after it was accepted, while nothing else waits.
            Self::EventNotLoggedYet => header(RETRY_AFTER, "1"),
            _ => None,
        }
    }

    /// The body that the caller gets.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody { problem: self.problem(), request_id: request_id.to_owned() }
    }

    /// What the caller is told.
    pub(crate) fn problem(&self) -> Problem {
        if let Self::Invalid(Invalid { code, param, message }) = self {
            return Problem { error: message.clone(), message: None, code, param: param.clone() };
        }
        let (error, message) = match self {
            Self::Unauthorized => ("unauthorized", "Invalid or missing API key".to_owned()),
            Self::Forbidden(scope) => ("forbidden", format!("Insufficient scope. Required: {scope}")),
            Self::EventTypeReserved => (
                "forbidden",
                "platform.* event types are the platform's own; a key cannot publish them".to_owned(),
            ),
            Self::TestKey(message) => ("forbidden", (*message).to_owned()),
            Self::NotFound(what) => ("not_found", format!("No such {what}")),
            Self::EventNotLoggedYet => {
                ("not_found", "No such event yet. If it was just published, ask again in a second".to_owned())
            }
            Self::NoSuchRoute => ("not_found", "No such route".to_owned()),
            Self::MethodNotAllowed => {
                ("method_not_allowed", "This route does not have that method".to_owned())
            }
            Self::Conflict { message, .. } => ("conflict", (*message).to_owned()),
            Self::TooLarge { limit } => {
                ("payload_too_large", format!("The body must be at most {limit} bytes"))
            }
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", "Content-Type must be application/json".to_owned())
            }
            Self::UnsupportedContentEncoding => (
                "unsupported_media_type",
                "Content-Encoding must be identity: send the body as it is".to_owned(),
            ),
            Self::Invalid(_) | Self::Internal(_) => {
                ("internal_error", "Something went wrong on our side. Please try again".to_owned())
            }
        };
        let (code, param) = match self {
            Self::Conflict { code, .. } => (*code, None),
            Self::TestKey(_) => ("live_key_required", None),
            Self::EventNotLoggedYet => ("event_not_logged_yet", None),
            Self::NoSuchRoute => ("route_not_found", None),
            Self::UnsupportedContentEncoding => ("content_encoding_unsupported", None),
            Self::EventTypeReserved => ("event_type_reserved", Some("type".into())),
            _ => (error, None),
        };
        Problem { error: error.to_owned(), message: Some(message), code, param }
    }
}

/// Leaves the error for [`crate::answer`] to write, which knows the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<storage::Error> for ApiError {
    fn from(error: storage::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<messaging::Error> for ApiError {
    fn from(error: messaging::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<vault::Error> for ApiError {
    fn from(error: vault::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<runtime::NoRandomness> for ApiError {
    fn from(error: runtime::NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}
