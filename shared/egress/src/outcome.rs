//! What became of one POST.

use std::net::IpAddr;
use std::time::Duration;

/// What became of one POST. This is always a value, because a receiver's fault is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostOutcome {
    /// The receiver's status, or why there is none.
    pub result: PostResult,
    /// The time from the call to its end. It is at most a little more than the deadline.
    pub duration: Duration,
    /// The address that was connected to. `None` if there was no connection, or if a kept connection did not answer in time.
    pub address: Option<IpAddr>,
    /// The answer's `Retry-After` as it was sent, if it is visible ASCII of at most [`MAX_RETRY_AFTER`](crate::MAX_RETRY_AFTER)
    /// bytes. It is kept even if the body then broke off.
    pub retry_after: Option<String>,
    /// The start of the answer's body, at most [`MAX_EXCERPT`](crate::MAX_EXCERPT) bytes. It is made safe to show: never
    /// decompressed, with `U+FFFD` in the place of invalid UTF-8 and control characters. Empty if there was no body.
    pub body_excerpt: String,
}

impl PostOutcome {
    /// Whether the receiver took the request: a 2xx, complete and in time.
    pub fn is_success(&self) -> bool {
        matches!(self.result, PostResult::Answered(200..=299))
    }

    /// The receiver's status code, if its answer's head came.
    pub fn status(&self) -> Option<u16> {
        match self.result {
            PostResult::Answered(status) | PostResult::Truncated { status, .. } => Some(status),
            PostResult::Failed(_) => None,
        }
    }

    /// The failure, if there was no complete answer.
    pub fn error(&self) -> Option<PostError> {
        match self.result {
            PostResult::Answered(_) => None,
            PostResult::Truncated { error, .. } | PostResult::Failed(error) => Some(error),
        }
    }
}

/// A receiver's answer, or why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostResult {
    /// It answered with this status, and its body ended or reached [`MAX_BODY_READ`](crate::MAX_BODY_READ) in time.
    Answered(u16),
    /// It answered with this status, and then its body broke off or did not end in time.
    Truncated {
        /// The answer's status.
        status: u16,
        /// What became of its body.
        error: PostError,
    },
    /// No answer's head came.
    Failed(PostError),
}

/// Declares each failure once: its full meaning, its code, and its text.
macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $text:literal;)*) => {
        /// Why a POST has no complete answer. The texts are for the owner of the endpoint, and say nothing about our side.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        #[non_exhaustive]
        pub enum PostError {
            $($(#[$doc])* #[error($text)] $name,)*
        }

        impl PostError {
            /// Every failure.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code that is recorded and shown; it never changes.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

failures! {
    /// The deadline passed: while resolving, connecting, sending, or waiting for headers or body.
    Timeout = "timeout": "The endpoint did not answer completely in time";
    /// The host's name has no address, or its name servers failed.
    DnsFailure = "dns_failure": "The endpoint's host name could not be resolved";
    /// The host is, or resolves to, an address that is not globally reachable.
    RefusedAddress = "refused_address":
        "The endpoint's host resolves to an address that is not publicly reachable";
    /// The host refused the connection: nothing listens on that port.
    ConnectionRefused = "connection_refused": "The endpoint refused the connection";
    /// No connection for another reason, for example no route.
    ConnectionFailed = "connection_failed": "No connection to the endpoint could be made";
    /// The certificate is past its validity.
    TlsCertificateExpired = "tls_certificate_expired": "The endpoint's TLS certificate has expired";
    /// The certificate was issued by nobody we trust; most often it is self-signed or lacks its intermediate.
    TlsCertificateUntrusted = "tls_certificate_untrusted":
        "The endpoint's TLS certificate is not from a trusted authority";
    /// The certificate is for other names.
    TlsCertificateNameMismatch = "tls_certificate_name_mismatch":
        "The endpoint's TLS certificate is not valid for its host name";
    /// The certificate is unusable otherwise: malformed, not yet valid, wrong purpose.
    TlsCertificateInvalid = "tls_certificate_invalid": "The endpoint's TLS certificate is invalid";
    /// The TLS handshake failed otherwise: no common version or cipher, an alert, no TLS at all.
    TlsFailure = "tls_failure": "The TLS handshake with the endpoint failed";
    /// The receiver closed the connection before its answer was complete.
    ConnectionClosed = "connection_closed":
        "The endpoint closed the connection before its answer was complete";
    /// The receiver reset the connection before its answer was complete.
    ConnectionReset = "connection_reset": "The endpoint reset the connection before its answer was complete";
    /// The answer is not HTTP/1.
    InvalidResponse = "invalid_response": "The endpoint's answer is not valid HTTP";
    /// The answer has more than [`MAX_HEADERS`](crate::MAX_HEADERS) header lines, or they are too large.
    ResponseTooLarge = "response_too_large": "The endpoint's answer has too many or too large headers";
}
