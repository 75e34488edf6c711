//! What became of one POST.

use std::net::IpAddr;
use std::time::Duration;

/// What became of one POST: always a value, because a receiver's fault is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostOutcome {
    /// The receiver's status, or why there is none.
    pub result: PostResult,
    /// From the call to its end, at most a little over the deadline.
    pub duration: Duration,
    /// The address that was connected to; `None` if no connection was made.
    pub address: Option<IpAddr>,
    /// Whether the request was handed to an open connection. If not, the receiver has seen nothing of it.
    /// If so, it may have acted on it, whatever `result` says.
    pub request_sent: bool,
    /// The answer's `Retry-After` as it was sent, when it is visible ASCII of at most
    /// [`MAX_RETRY_AFTER`](crate::MAX_RETRY_AFTER) bytes. Kept even if the body then failed.
    pub retry_after: Option<String>,
    /// The start of the answer's body, made safe to show: at most [`MAX_EXCERPT`](crate::MAX_EXCERPT) bytes,
    /// never decompressed, invalid UTF-8 and control characters replaced by `U+FFFD`. Empty if there was none.
    pub body_excerpt: String,
}

impl PostOutcome {
    /// Whether the receiver took the request: a 2xx, complete and in time.
    pub fn is_success(&self) -> bool {
        matches!(self.result, PostResult::Answered(200..=299))
    }

    /// The receiver's status code, if it answered.
    pub fn status(&self) -> Option<u16> {
        match self.result {
            PostResult::Answered(status) => Some(status),
            PostResult::Failed(_) => None,
        }
    }

    /// The failure's stable code, if there was no complete answer.
    pub fn error_code(&self) -> Option<&'static str> {
        match self.result {
            PostResult::Answered(_) => None,
            PostResult::Failed(error) => Some(error.code()),
        }
    }
}

/// A receiver's answer or the failure in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostResult {
    /// It answered with this status, and its body ended or reached [`MAX_BODY_READ`](crate::MAX_BODY_READ) in time.
    Answered(u16),
    /// There was no complete answer.
    Failed(PostError),
}

/// Why a POST has no complete answer. The texts are for the owner of the endpoint and carry nothing of our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The deadline passed: while resolving, connecting, sending, or waiting for headers or body.
    #[error("The endpoint did not answer completely in time")]
    Timeout,
    /// The host's name has no address, or its name servers failed.
    #[error("The endpoint's host name could not be resolved")]
    DnsFailure,
    /// The host is, or resolves to, an address that is not globally reachable.
    #[error("The endpoint's host resolves to an address that is not publicly reachable")]
    RefusedAddress,
    /// The host refused the connection: nothing listens on that port.
    #[error("The endpoint refused the connection")]
    ConnectionRefused,
    /// No connection for another reason, for example no route.
    #[error("No connection to the endpoint could be made")]
    ConnectionFailed,
    /// The certificate is past its validity.
    #[error("The endpoint's TLS certificate has expired")]
    TlsCertificateExpired,
    /// The certificate was issued by nobody we trust; most often it is self-signed or lacks its intermediate.
    #[error("The endpoint's TLS certificate is not from a trusted authority")]
    TlsCertificateUntrusted,
    /// The certificate is for other names.
    #[error("The endpoint's TLS certificate is not valid for its host name")]
    TlsCertificateNameMismatch,
    /// The certificate is unusable otherwise: malformed, not yet valid, revoked, wrong purpose.
    #[error("The endpoint's TLS certificate is invalid")]
    TlsCertificateInvalid,
    /// The TLS handshake failed otherwise: no common version or cipher, an alert, no TLS at all.
    #[error("The TLS handshake with the endpoint failed")]
    TlsFailure,
    /// The receiver closed the connection before its answer was complete.
    #[error("The endpoint closed the connection before its answer was complete")]
    ConnectionClosed,
    /// The receiver reset the connection before its answer was complete.
    #[error("The endpoint reset the connection before its answer was complete")]
    ConnectionReset,
    /// The answer is not HTTP/1.
    #[error("The endpoint's answer is not valid HTTP")]
    InvalidResponse,
    /// The answer's headers exceed [`MAX_HEAD`](crate::MAX_HEAD) or a hundred lines.
    #[error("The endpoint's answer has too many or too large headers")]
    ResponseTooLarge,
}

impl PostError {
    /// The code that is recorded and shown; it never changes.
    pub fn code(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::DnsFailure => "dns_failure",
            Self::RefusedAddress => "refused_address",
            Self::ConnectionRefused => "connection_refused",
            Self::ConnectionFailed => "connection_failed",
            Self::TlsCertificateExpired => "tls_certificate_expired",
            Self::TlsCertificateUntrusted => "tls_certificate_untrusted",
            Self::TlsCertificateNameMismatch => "tls_certificate_name_mismatch",
            Self::TlsCertificateInvalid => "tls_certificate_invalid",
            Self::TlsFailure => "tls_failure",
            Self::ConnectionClosed => "connection_closed",
            Self::ConnectionReset => "connection_reset",
            Self::InvalidResponse => "invalid_response",
            Self::ResponseTooLarge => "response_too_large",
        }
    }
}
