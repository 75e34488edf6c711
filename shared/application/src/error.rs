//! Why a use case did not do what it was asked for.

use domain::{ErrorCode, Invalid, scope::Scope};
use serde::{Deserialize, Serialize};

/// Why a use case was not carried out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Whoever asked can mend it.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The actor lacks a scope.
    #[error("the actor lacks {0}")]
    Forbidden(Scope),
    /// The event type is the platform's own. No scope would help.
    #[error("only the platform publishes this event type")]
    EventTypeReserved,
    /// A test key would change something that is live.
    #[error("a test key cannot revoke a live key")]
    LiveKeyRequired,
    /// The actor's organization has nothing with this id. The answer is the same for what belongs to another organization, so
    /// nobody can find out about it.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The organization has no such event yet. Only the id's age is known. So the answer is the same for a recent event of
    /// another organization, and for a recent id that no event has.
    #[error("no such event yet")]
    EventNotLoggedYet,
    /// It conflicts with the present state.
    #[error("conflict: {}", .0.message())]
    Conflict(Conflict),
    /// A fault of ours. The text is for logs alone.
    #[error("{0}")]
    Internal(String),
}

/// With what a request conflicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Conflict {
    /// Nothing is sent to a disabled endpoint.
    EndpointDisabled,
    /// The organization has as many endpoints as it may.
    EndpointLimitReached,
    /// Two rotations of a secret overlapped.
    RotationOverlapped,
    /// There is no endpoint left to send the event to.
    NoEndpointLeft,
    /// The event was added to as many endpoints on request as it may have.
    RecipientsLimitReached,
    /// The idempotency key stands for another request.
    IdempotencyKeyReused(Difference),
    /// The first request with the idempotency key is still running.
    IdempotencyInProgress,
}

/// How two requests with the same idempotency key differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Difference {
    /// Method or path.
    Route,
    /// A live key and a test key.
    Mode,
    /// The body.
    Body,
}

impl Error {
    pub(crate) const NO_SUCH_ENDPOINT: Self = Self::NotFound("webhook endpoint");
    pub(crate) const NO_SUCH_EVENT: Self = Self::NotFound("event");
    pub(crate) const NO_SUCH_KEY: Self = Self::NotFound("key");

    /// Its stable code, for programs.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(invalid) => invalid.code,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::EventTypeReserved => ErrorCode::EventTypeReserved,
            Self::LiveKeyRequired => ErrorCode::LiveKeyRequired,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::EventNotLoggedYet => ErrorCode::EventNotLoggedYet,
            Self::Conflict(conflict) => conflict.code(),
            Self::Internal(_) => ErrorCode::InternalError,
        }
    }

    /// What is wrong, in a sentence for whoever asked. A fault of ours is not explained.
    pub fn message(&self) -> String {
        match self {
            Self::Invalid(invalid) => invalid.message.clone(),
            Self::Forbidden(scope) => format!("Insufficient scope. Required: {scope}"),
            Self::EventTypeReserved => {
                "platform.* event types are the platform's own; a key cannot publish them".into()
            }
            Self::LiveKeyRequired => "A test key cannot revoke a live key".into(),
            Self::NotFound(what) => format!("No such {what}"),
            Self::EventNotLoggedYet => {
                "No such event yet. If it was just published, ask again in a second".into()
            }
            Self::Conflict(conflict) => conflict.message().into(),
            Self::Internal(_) => "Something went wrong on our side. Please try again".into(),
        }
    }

    /// The field at fault, where it is one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Invalid(invalid) => invalid.param.as_deref(),
            Self::EventTypeReserved => Some("type"),
            _ => None,
        }
    }
}

impl Conflict {
    /// Whether it is repeated to whoever sends the request again: messages were sent before it was found.
    pub(crate) fn is_kept(self) -> bool {
        self == Self::RotationOverlapped
    }

    fn code(self) -> ErrorCode {
        match self {
            Self::EndpointDisabled => ErrorCode::EndpointDisabled,
            Self::EndpointLimitReached => ErrorCode::EndpointLimitReached,
            Self::RotationOverlapped => ErrorCode::RotationOverlapped,
            Self::NoEndpointLeft => ErrorCode::NoEndpointLeft,
            Self::RecipientsLimitReached => ErrorCode::RecipientsLimitReached,
            Self::IdempotencyKeyReused(_) => ErrorCode::IdempotencyKeyReused,
            Self::IdempotencyInProgress => ErrorCode::IdempotencyInProgress,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::EndpointDisabled => "The webhook endpoint is disabled; enable it first",
            Self::EndpointLimitReached => {
                "Your organization has as many webhook endpoints as it may; delete one first"
            }
            Self::RotationOverlapped => {
                "Another rotation of this endpoint's secret came in between; its new secret counts"
            }
            Self::NoEndpointLeft => {
                "None of the webhook endpoints that the event was sent to is there and enabled; name one in endpoint_id"
            }
            Self::RecipientsLimitReached => {
                "The event was sent to as many webhook endpoints on request as it may"
            }
            Self::IdempotencyKeyReused(Difference::Route) => {
                "This Idempotency-Key was used for another route within the last 24 hours"
            }
            Self::IdempotencyKeyReused(Difference::Mode) => {
                "This Idempotency-Key was used by a key of the other mode, live or test, within the last 24 hours"
            }
            Self::IdempotencyKeyReused(Difference::Body) => {
                "This Idempotency-Key was used with another body within the last 24 hours"
            }
            Self::IdempotencyInProgress => {
                "The first request with this Idempotency-Key is still running; ask again in a second"
            }
        }
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<messaging::Error> for Error {
    fn from(error: messaging::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<vault::Error> for Error {
    fn from(error: vault::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<runtime::NoRandomness> for Error {
    fn from(error: runtime::NoRandomness) -> Self {
        Self::Internal(error.to_string())
    }
}
