//! The document's head: what the API is, its conventions, its tags, its security schemes.

use utoipa::openapi::{
    Components, Info, License, OpenApi, Server, Tag,
    security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    tag::TagBuilder,
};

use crate::documented::{DOCUMENTATION, EVENTS, KEYS, ORBIT, WEBHOOKS};

/// `Authorization: Bearer <key>`
pub(super) const BEARER: &str = "bearer";
/// `X-API-Key: <key>`
pub(super) const API_KEY: &str = "api_key";

const DESCRIPTION: &str = "\
Webhooks & Events receives events of all do.dev services, keeps them for 30 days and delivers them, signed, to your \
webhook endpoints.

**Times** are Unix milliseconds in bodies; query parameters take Unix milliseconds or RFC 3339. A number from 1 to \
10^11 is plainly in seconds, and refused with the code `time_in_seconds`.

**Paths** may end in a slash: it makes no difference.

**Lists** take `limit` (1 to 200, 25 by default) and `cursor`. A list answers `has_more` and, if that is true, \
`next_cursor`: send it as `cursor`, with the same filters, for the next page. Unknown query parameters of a list are \
refused.

**Errors** all have one shape, `Error`: `error` and often `message` for people, `code` for programs, `param` where one \
field or parameter is at fault, and `request_id`. A path that does not exist answers 404 `route_not_found`, a method \
that a path does not have 405 `method_not_allowed` with `Allow`. An id of another organization answers 404, like one \
that does not exist. `HEAD` is answered wherever `GET` is.

**Every answer** has `X-Request-Id`; tell it to support.

**Bodies** are JSON objects in UTF-8, without a byte order mark, with `Content-Type: application/json` and no \
`Content-Encoding`. Unknown fields are refused, and fields that are given more than once. `null` stands \
for a field that is not given, but in a change, where it sets the field back to its default. A body has at most \
64 KiB, one that publishes an event 512 KiB, a batch 3 MB. It may be nested at most 64 levels deep, an event's `data` \
60. An object or an array is a level, and what stands in it is one further: the body and `data` are each the first of \
their own.

In front of this API, AWS API Gateway limits the rate of requests: beyond it, it answers 429 or 503 itself, in a shape \
of its own. Wait a little and try again.";

/// Adds the head.
pub(super) fn add(document: &mut OpenApi) {
    let mut info = Info::new("do.dev Webhooks & Events", "1.0.0");
    info.description = Some(DESCRIPTION.into());
    info.license = Some(license());
    document.info = info;
    document.servers = Some(vec![Server::new("https://api.do.dev")]);
    document.tags = Some(tags());
    let components = document.components.get_or_insert_with(Components::new);
    components.add_security_scheme(BEARER, SecurityScheme::Http(bearer()));
    components.add_security_scheme(API_KEY, SecurityScheme::ApiKey(header()));
}

fn license() -> License {
    let mut license = License::new("Apache-2.0");
    license.identifier = Some("Apache-2.0".into());
    license
}

fn tags() -> Vec<Tag> {
    let tag =
        |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    vec![
        tag(
            WEBHOOKS,
            "Where your events are delivered: addresses, what they subscribe to, and their deliveries.",
        ),
        tag(EVENTS, "Publishing events and reading the log of the last 30 days."),
        tag(KEYS, "The keys that call this API, each with its scopes."),
        tag(
            ORBIT,
            "Devotel Orbit's calls, for client code that is brought along: the same endpoints in its names.",
        ),
        tag(DOCUMENTATION, "What needs no key."),
    ]
}

fn bearer() -> Http {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some(
        "Your API key, `dd_live_…` or `dd_test_…`. Each call asks for one scope, which its description names; \
         `platform:webhooks:manage` includes `platform:webhooks:read`, and that includes `platform:events:read`. What a \
         test key publishes is never live, and it creates and revokes test keys only. Webhook endpoints and the event log \
         have no mode: with the scope for it, a test key changes the endpoints that live events go to, and reads and \
         resends live events."
            .into(),
    );
    scheme
}

fn header() -> ApiKey {
    ApiKey::Header(ApiKeyValue::with_description(
        "X-API-Key",
        "The same key. `Authorization` counts first where both are sent.",
    ))
}
