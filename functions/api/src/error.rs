//! Errors, as HTTP answers them. [`ApiError::into_response`] is the one place where an error becomes an answer.

use std::borrow::Cow;

use application::Error;
use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{ACCEPT_ENCODING, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use domain::{ErrorCode, ErrorKind, Invalid};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::schema;

/// Every way in which a request can fail.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ApiError {
    /// The use case was not carried out.
    #[error(transparent)]
    Application(#[from] Error),
    #[error("no key, or one that does not exist")]
    Unauthorized,
    #[error("no such route")]
    NoSuchRoute,
    #[error("the route has no such method")]
    MethodNotAllowed,
    #[error("larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("not JSON by its content type")]
    UnsupportedMediaType,
    #[error("encoded, by its Content-Encoding")]
    UnsupportedContentEncoding,
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::Application(invalid.into())
    }
}

/// What a caller is told of an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What is wrong with a field or parameter, in a sentence; otherwise the kind of error.
    #[schema(min_length = 1)]
    error: Cow<'static, str>,
    /// What is wrong, in a sentence, where `error` is a kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<String>,
    #[schema(value_type = Code)]
    code: ErrorCode,
    /// The field or parameter at fault, such as `retry_policy.max_retries`, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    param: Option<String>,
}

/// The contract's error body.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody {
    #[serde(flatten)]
    problem: Problem,
    request_id: String,
}

impl ApiError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Application(error) => error.code(),
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::NoSuchRoute => ErrorCode::RouteNotFound,
            Self::MethodNotAllowed => ErrorCode::MethodNotAllowed,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::UnsupportedMediaType => ErrorCode::UnsupportedMediaType,
            Self::UnsupportedContentEncoding => ErrorCode::ContentEncodingUnsupported,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Application(error) => error.message(),
            Self::Unauthorized => "Invalid or missing API key".into(),
            Self::NoSuchRoute => "No such route".into(),
            Self::MethodNotAllowed => "This route does not have that method".into(),
            Self::TooLarge { limit } => format!("The body must be at most {limit} bytes"),
            Self::UnsupportedMediaType => "Content-Type must be application/json".into(),
            Self::UnsupportedContentEncoding => {
                "Content-Encoding must be identity: send the body as it is".into()
            }
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::Application(error) => error.param(),
            _ => None,
        }
    }

    /// What went wrong on our side, for the log.
    pub(crate) fn internal_cause(&self) -> Option<&str> {
        match self {
            Self::Application(Error::Internal(cause)) => Some(cause),
            _ => None,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        status(self.code())
    }

    /// The header that HTTP requires with this error, if it requires one.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let header = |name, value| Some((name, HeaderValue::from_static(value)));
        match self.code() {
            ErrorCode::Unauthorized => header(WWW_AUTHENTICATE, "Bearer"),
            ErrorCode::ContentEncodingUnsupported => header(ACCEPT_ENCODING, "identity"),
            // In seconds. While nothing else waits, an event is logged a tenth of a second after it was accepted. And most
            // requests end within a second.
            ErrorCode::EventNotLoggedYet | ErrorCode::IdempotencyInProgress => header(RETRY_AFTER, "1"),
            _ => None,
        }
    }

    /// The body of the answer.
    pub(crate) fn body(&self, request_id: &str) -> ErrorBody {
        ErrorBody { problem: self.problem(), request_id: request_id.to_owned() }
    }

    /// The body without the request's id.
    pub(crate) fn problem(&self) -> Problem {
        let code = self.code();
        let (error, message) = match self {
            // The seeds have the sentence in `error`.
            Self::Application(Error::Invalid(_)) => (self.message().into(), None),
            _ => (kind(code).into(), Some(self.message())),
        };
        Problem { error, message, code, param: self.param().map(str::to_owned) }
    }
}

/// The HTTP status for a code.
pub(crate) fn status(code: ErrorCode) -> StatusCode {
    match code.kind() {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The seeds' words for kinds of errors.
fn kind(code: ErrorCode) -> &'static str {
    match code.kind() {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Unauthorized => "unauthorized",
        ErrorKind::Forbidden => "forbidden",
        ErrorKind::NotFound => "not_found",
        ErrorKind::MethodNotAllowed => "method_not_allowed",
        ErrorKind::Conflict => "conflict",
        ErrorKind::TooLarge => "payload_too_large",
        ErrorKind::Unsupported => "unsupported_media_type",
        ErrorKind::Internal => "internal_error",
    }
}

/// Leaves the error in the response. [`crate::answer`] writes it, because that layer knows the request's id.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl PartialSchema for ErrorBody {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .description(Some("The request's id, which `X-Request-Id` has too."));
        schema::extended::<Problem>("request_id", id).description(Some("What went wrong.")).into()
    }
}

impl ToSchema for ErrorBody {
    fn name() -> Cow<'static, str> {
        "Error".into()
    }
}

/// An error's stable code, in the document.
#[derive(Debug)]
pub(crate) enum Code {}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let meaning =
            |code: &ErrorCode| format!("- `{code}` ({}): {}", status(*code).as_u16(), code.meaning());
        let meanings = ErrorCode::ALL.iter().map(meaning).collect::<Vec<_>>().join("\n");
        let description =
            format!("What went wrong, for programs. A code never changes its meaning.\n\n{meanings}");

        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .enum_values(Some(ErrorCode::ALL.iter().map(|code| code.text())))
            .into()
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        "ErrorCode".into()
    }
}
