//! The codes by which programs know what went wrong.

use std::fmt;

use serde::Serialize;

/// The kind of an error, independent of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The caller can mend it.
    Invalid,
    /// The caller is unknown.
    Unauthorized,
    /// The caller may not do that.
    Forbidden,
    /// There is nothing of that name.
    NotFound,
    /// What the caller names exists, but this cannot be done with it.
    MethodNotAllowed,
    /// It conflicts with the present state.
    Conflict,
    /// It is larger than allowed.
    TooLarge,
    /// It has a format or an encoding that is not supported.
    Unsupported,
    /// A fault of ours.
    Internal,
}

/// Declares the codes, each with its text, its kind and its meaning for the documentation.
macro_rules! error_codes {
    ($($name:ident = $text:literal, $kind:ident: $meaning:literal;)*) => {
        /// A stable code of an error. A code never changes its meaning.
        #[derive(Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum ErrorCode {
            $(#[doc = $meaning] #[serde(rename = $text)] $name,)*
        }

        impl ErrorCode {
            /// Every code, by kind and name.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code of this text.
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.text() == text)
            }

            /// The code as programs read it.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Its kind.
            pub const fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$name => ErrorKind::$kind,)*
                }
            }

            /// What it means, for the documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

error_codes! {
    BatchSize = "batch_size", Invalid: "a batch has no events, or too many";
    BodyInvalid = "body_invalid", Invalid: "the body is JSON, but no object";
    BodyTooDeep = "body_too_deep", Invalid: "the body is nested more than 64 levels deep";
    CharacterNotAllowed = "character_not_allowed", Invalid: "a text that people see has a control character, or one that turns the direction of text";
    CursorInvalid = "cursor_invalid", Invalid: "the cursor is not one that this list returned for these filters";
    DataBreaksSchema = "data_breaks_schema", Invalid: "an event's `data` does not satisfy its type's schema; `param` says where";
    DataInvalid = "data_invalid", Invalid: "an event's `data` is no JSON object";
    DataTooDeep = "data_too_deep", Invalid: "an event's `data` is nested more than 60 levels deep";
    DescriptionTooLong = "description_too_long", Invalid: "the description has too many characters";
    EndpointNotMatched = "endpoint_not_matched", Invalid: "the event was not for this endpoint, and cannot be sent to it now: no pattern matches, or it is for another one alone, or about this one";
    EventTypeUnknown = "event_type_unknown", Invalid: "no such event type, or a pattern that covers none; the nearest one is suggested";
    FieldRepeated = "field_repeated", Invalid: "an object names a field more than once; inside an event's `data` that is allowed";
    FieldRequired = "field_required", Invalid: "a field is missing";
    FieldType = "field_type", Invalid: "a field has the wrong type";
    FieldUnknown = "field_unknown", Invalid: "the call has no such field";
    FormatNeedsOtherSecret = "format_needs_other_secret", Invalid: "the endpoint's secret does not suit the format; rotate it first";
    FormatUnknown = "format_unknown", Invalid: "no such format";
    GraceInvalid = "grace_invalid", Invalid: "`grace_seconds` is out of bounds";
    IdempotencyKeyInvalid = "idempotency_key_invalid", Invalid: "the `Idempotency-Key` is empty, too long, or not printable ASCII";
    JsonMalformed = "json_malformed", Invalid: "the body is not JSON in UTF-8, or begins with a byte order mark; the message says which, and where";
    LimitInvalid = "limit_invalid", Invalid: "`limit` is out of bounds";
    LivemodeExceeds = "livemode_exceeds", Invalid: "a test key cannot create a live key";
    MetadataTooLarge = "metadata_too_large", Invalid: "`metadata` has too many keys, or one too long, or a value too long";
    NameTooLong = "name_too_long", Invalid: "the name has too many characters";
    ParameterRepeated = "parameter_repeated", Invalid: "a query parameter is given more than once";
    ParameterType = "parameter_type", Invalid: "a query parameter has the wrong type";
    ParameterUnknown = "parameter_unknown", Invalid: "the list has no such query parameter";
    PatternsCount = "patterns_count", Invalid: "`enabled_events` has no patterns, or too many";
    QueryInvalid = "query_invalid", Invalid: "the query string cannot be read";
    RetryPolicyInvalid = "retry_policy_invalid", Invalid: "a number of the retry policy is out of bounds";
    ScopeUnknown = "scope_unknown", Invalid: "no such scope";
    ScopesRequired = "scopes_required", Invalid: "`scopes` is empty";
    SecretInvalid = "secret_invalid", Invalid: "the secret has not the form that the format asks for";
    SecretNotChangeable = "secret_not_changeable", Invalid: "a change cannot set the secret; rotate it";
    SpanEmpty = "span_empty", Invalid: "`after` is not earlier than `before`";
    StatusInvalid = "status_invalid", Invalid: "`status` is none of those that can be asked for here";
    TextBlank = "text_blank", Invalid: "a text that people see has nothing in it to see";
    TimeInSeconds = "time_in_seconds", Invalid: "a time is a number from 1 to 10^11, which is in seconds; times are in milliseconds";
    TimeoutInvalid = "timeout_invalid", Invalid: "`timeout_seconds` is out of bounds";
    UrlHasCredentials = "url_has_credentials", Invalid: "the URL has a user name or a password";
    UrlHostInvalid = "url_host_invalid", Invalid: "the URL's host is neither a DNS name nor an address";
    UrlHostNotAllowed = "url_host_not_allowed", Invalid: "the URL's host is, or resolves to, an address that is not publicly reachable";
    UrlInvalid = "url_invalid", Invalid: "the URL is not absolute or malformed";
    UrlNotHttps = "url_not_https", Invalid: "the URL is not HTTPS";
    UrlPortInvalid = "url_port_invalid", Invalid: "the URL's port is not 1 to 65535";
    UrlTooLong = "url_too_long", Invalid: "the URL has too many characters";
    Unauthorized = "unauthorized", Unauthorized: "the API key is missing, unknown or revoked";
    EventTypeReserved = "event_type_reserved", Forbidden: "`platform.*` event types are the platform's own: no key can publish them";
    Forbidden = "forbidden", Forbidden: "the API key lacks the scope that the message names";
    LiveKeyRequired = "live_key_required", Forbidden: "a test key cannot revoke a live key";
    EventNotLoggedYet = "event_not_logged_yet", NotFound: "no such event yet; its id says that it was published less than 15 minutes ago, so it may be on its way: ask again after `Retry-After`. Another organization's event of that age is answered alike";
    NotFound = "not_found", NotFound: "no such endpoint, event or key in your organization";
    RouteNotFound = "route_not_found", NotFound: "the API has no such path";
    MethodNotAllowed = "method_not_allowed", MethodNotAllowed: "the path has no such method; `Allow` lists those that it has";
    EndpointDisabled = "endpoint_disabled", Conflict: "the endpoint is disabled; enable it first";
    EndpointLimitReached = "endpoint_limit_reached", Conflict: "the organization has as many endpoints as it may";
    IdempotencyInProgress = "idempotency_in_progress", Conflict: "the first request with this `Idempotency-Key` is still running: ask again after `Retry-After`";
    IdempotencyKeyReused = "idempotency_key_reused", Conflict: "the `Idempotency-Key` was used within 24 hours for another route, body or mode; the message says which";
    NoEndpointLeft = "no_endpoint_left", Conflict: "none of the endpoints that the event was sent to is there and enabled; one can be named that matches now";
    RecipientsLimitReached = "recipients_limit_reached", Conflict: "the event was sent on request to 1,000 endpoints that it did not match";
    RotationOverlapped = "rotation_overlapped", Conflict: "another rotation came in between; its secret counts";
    DataTooLarge = "data_too_large", TooLarge: "an event's `data` has more than 200 KiB";
    PayloadTooLarge = "payload_too_large", TooLarge: "the body is too large; the message has the bound";
    ContentEncodingUnsupported = "content_encoding_unsupported", Unsupported: "the body is compressed, or encoded otherwise, by its `Content-Encoding`";
    UnsupportedMediaType = "unsupported_media_type", Unsupported: "the body is not JSON by its `Content-Type`";
    InternalError = "internal_error", Internal: "a fault of ours; try again";
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl PartialEq<&str> for ErrorCode {
    fn eq(&self, text: &&str) -> bool {
        self.text() == *text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_codes_have_the_same_text() {
        let texts: BTreeSet<_> = ErrorCode::ALL.iter().map(|code| code.text()).collect();

        assert_eq!(texts.len(), ErrorCode::ALL.len());
        assert!(texts.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    }
}
