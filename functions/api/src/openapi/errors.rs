//! Errors: their codes, and the answers that any call may give.

use domain::{Invalid, scope::Scope};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema, Type, header::Header,
    },
};

use super::conventions::request_id;
use crate::error::{ApiError, ErrorBody};

/// What an error's `code` can be, with the status that it comes with and what it says.
const CODES: &[(u16, &str, &str)] = &[
    (400, "batch_size", "a batch has no events, or too many"),
    (400, "body_invalid", "the body is JSON, but no object"),
    (400, "body_too_deep", "the body is nested more than 64 levels deep"),
    (
        400,
        "character_not_allowed",
        "a text that people see has a control character, or one that turns the direction of text",
    ),
    (400, "cursor_invalid", "the cursor is not one that this list returned for these filters"),
    (400, "data_breaks_schema", "an event's `data` does not satisfy its type's schema; `param` says where"),
    (400, "data_invalid", "an event's `data` is no JSON object"),
    (400, "data_too_deep", "an event's `data` is nested more than 60 levels deep"),
    (400, "description_too_long", "the description has too many characters"),
    (
        400,
        "endpoint_not_matched",
        "the event was not for this endpoint, and cannot be sent to it now: no pattern matches, or it is for another one \
         alone, or about this one",
    ),
    (
        400,
        "event_type_unknown",
        "no such event type, or a pattern that covers none; the nearest one is suggested",
    ),
    (
        400,
        "field_repeated",
        "an object names a field more than once; inside an event's `data` that is allowed",
    ),
    (400, "field_required", "a field is missing"),
    (400, "field_type", "a field has the wrong type"),
    (400, "field_unknown", "the call has no such field"),
    (400, "format_needs_other_secret", "the endpoint's secret does not suit the format; rotate it first"),
    (400, "format_unknown", "no such format"),
    (400, "grace_invalid", "`grace_seconds` is out of bounds"),
    (400, "idempotency_key_invalid", "the `Idempotency-Key` is empty, too long, or not printable ASCII"),
    (
        400,
        "json_malformed",
        "the body is not JSON in UTF-8, or begins with a byte order mark; the message says which, and where",
    ),
    (400, "limit_invalid", "`limit` is out of bounds"),
    (400, "livemode_exceeds", "a test key cannot create a live key"),
    (400, "metadata_too_large", "`metadata` has too many keys, or one too long, or a value too long"),
    (400, "name_too_long", "the name has too many characters"),
    (400, "parameter_repeated", "a query parameter is given more than once"),
    (400, "parameter_type", "a query parameter has the wrong type"),
    (400, "parameter_unknown", "the list has no such query parameter"),
    (400, "patterns_count", "`enabled_events` has no patterns, or too many"),
    (400, "query_invalid", "the query string cannot be read"),
    (400, "retry_policy_invalid", "a number of the retry policy is out of bounds"),
    (400, "scope_unknown", "no such scope"),
    (400, "scopes_required", "`scopes` is empty"),
    (400, "secret_invalid", "the secret has not the form that the format asks for"),
    (400, "secret_not_changeable", "a change cannot set the secret; rotate it"),
    (400, "span_empty", "`after` is not earlier than `before`"),
    (400, "status_invalid", "`status` is none of those that can be asked for here"),
    (400, "text_blank", "a text that people see has nothing in it to see"),
    (
        400,
        "time_in_seconds",
        "a time is a number from 1 to 10^11, which is in seconds; times are in milliseconds",
    ),
    (400, "timeout_invalid", "`timeout_seconds` is out of bounds"),
    (400, "url_has_credentials", "the URL has a user name or a password"),
    (400, "url_host_invalid", "the URL's host is neither a DNS name nor an address"),
    (
        400,
        "url_host_not_allowed",
        "the URL's host is, or resolves to, an address that is not publicly reachable",
    ),
    (400, "url_invalid", "the URL is not absolute or malformed"),
    (400, "url_not_https", "the URL is not HTTPS"),
    (400, "url_port_invalid", "the URL's port is not 1 to 65535"),
    (400, "url_too_long", "the URL has too many characters"),
    (401, "unauthorized", "the API key is missing, unknown or revoked"),
    (403, "event_type_reserved", "`platform.*` event types are the platform's own: no key can publish them"),
    (403, "forbidden", "the API key lacks the scope that the message names"),
    (403, "live_key_required", "a test key cannot revoke a live key"),
    (
        404,
        "event_not_logged_yet",
        "no such event yet; its id says that it was published less than 15 minutes ago, so it may be on its way: ask again \
         after `Retry-After`. Another organization's event of that age is answered alike",
    ),
    (404, "not_found", "no such endpoint, event or key in your organization"),
    (404, "route_not_found", "the API has no such path"),
    (405, "method_not_allowed", "the path has no such method; `Allow` lists those that it has"),
    (409, "endpoint_disabled", "the endpoint is disabled; enable it first"),
    (409, "endpoint_limit_reached", "the organization has as many endpoints as it may"),
    (409, "idempotency_key_reused", "the `Idempotency-Key` was used with another body within 24 hours"),
    (
        409,
        "no_endpoint_left",
        "none of the endpoints that the event was sent to is there and enabled; one can be named that matches now",
    ),
    (
        409,
        "recipients_limit_reached",
        "the event was sent on request to 1,000 endpoints that it did not match",
    ),
    (409, "rotation_overlapped", "another rotation came in between; its secret counts"),
    (413, "data_too_large", "an event's `data` has more than 200 KiB"),
    (413, "payload_too_large", "the body is too large; the message has the bound"),
    (
        415,
        "content_encoding_unsupported",
        "the body is compressed, or encoded otherwise, by its `Content-Encoding`",
    ),
    (415, "unsupported_media_type", "the body is not JSON by its `Content-Type`"),
    (500, "internal_error", "a fault of ours; try again"),
];

/// An error's stable code.
#[derive(Debug)]
pub(crate) enum ErrorCode {}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let meanings =
            CODES.iter().map(|(status, code, meaning)| format!("- `{code}` ({status}): {meaning}"));
        let meanings = meanings.collect::<Vec<_>>().join("\n");
        let description =
            format!("What went wrong, for programs. A code never changes its meaning.\n\n{meanings}");
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(description))
            .enum_values(Some(CODES.iter().map(|(_, code, _)| *code)))
            .into()
    }
}

impl ToSchema for ErrorCode {}

/// An answer that any call of some kind may give.
pub(super) struct Shared {
    pub(super) status: &'static str,
    pub(super) name: &'static str,
    description: &'static str,
    /// Headers beside the request's id, and what they say.
    headers: &'static [(&'static str, &'static str)],
    example: ApiError,
}

impl Shared {
    pub(super) fn reference(&self) -> RefOr<Response> {
        Ref::from_response_name(self.name).into()
    }

    pub(super) fn response(&self) -> Response {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ErrorBody::name())))
            .example(Some(self.example()));
        let mut response = ResponseBuilder::new()
            .description(self.description)
            .content("application/json", content.build())
            .header("X-Request-Id", request_id());
        for (name, meaning) in self.headers {
            let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
            header.description = Some((*meaning).into());
            response = response.header(*name, header);
        }
        response.build()
    }

    fn example(&self) -> Value {
        let body = self.example.body("6f1c0a5e2b7d4c3f9e8a1b2c3d4e5f60");
        serde_json::to_value(body).unwrap_or_default()
    }
}

pub(super) fn bad_request() -> Shared {
    Shared {
        status: "400",
        name: "BadRequest",
        description: "The first problem found, in a sentence; `param` names the field or parameter where it is one.",
        headers: &[],
        example: Invalid::param("url", "field_required", "url is required").into(),
    }
}

pub(super) fn unauthorized() -> Shared {
    Shared {
        status: "401",
        name: "Unauthorized",
        description: "The API key is missing, unknown or revoked.",
        headers: &[("WWW-Authenticate", "How to authenticate: `Bearer`.")],
        example: ApiError::Unauthorized,
    }
}

pub(super) fn forbidden() -> Shared {
    Shared {
        status: "403",
        name: "Forbidden",
        description: "The API key lacks the scope that the message names, or is a test key and the call is about a live one.",
        headers: &[],
        example: ApiError::Forbidden(Scope::WebhooksManage),
    }
}

pub(super) fn not_found() -> Shared {
    Shared {
        status: "404",
        name: "NotFound",
        description: "Your organization has nothing with this id.",
        headers: &[],
        example: ApiError::NotFound("webhook endpoint"),
    }
}

/// [`not_found`] of events, which may be on their way.
pub(super) fn event_not_found() -> Shared {
    Shared {
        status: "404",
        name: "EventNotFound",
        description: "Your organization has no event with this id, or, with the code `event_not_logged_yet`, none yet.",
        headers: &[(
            "Retry-After",
            "Only with the code `event_not_logged_yet`: after how many seconds to ask again.",
        )],
        example: ApiError::EventNotLoggedYet,
    }
}

pub(super) fn too_large() -> Shared {
    Shared {
        status: "413",
        name: "PayloadTooLarge",
        description: "The body, or the event's `data` in it, is too large.",
        headers: &[],
        example: ApiError::TooLarge { limit: 65_536 },
    }
}

pub(super) fn unsupported() -> Shared {
    Shared {
        status: "415",
        name: "UnsupportedMediaType",
        description: "The body is not JSON by its `Content-Type`, or it is encoded by its `Content-Encoding`: then \
                      `Accept-Encoding` says what is accepted.",
        headers: &[("Accept-Encoding", "Only with the code `content_encoding_unsupported`: `identity`.")],
        example: ApiError::UnsupportedMediaType,
    }
}

pub(super) fn internal() -> Shared {
    Shared {
        status: "500",
        name: "InternalError",
        description: "A fault of ours. Try again.",
        headers: &[],
        example: ApiError::Internal(String::new()),
    }
}
