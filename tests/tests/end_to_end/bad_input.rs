//! What the API answers to callers' mistakes, through the gateway.

use minreq::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Answer, Customer, api};

/// A mistake and what the contract answers to it.
struct Mistake {
    name: &'static str,
    request: Request,
    status: i32,
    /// The fields that the answer must have, besides `code` and `request_id`.
    answer: Value,
}

#[test]
fn every_mistake_gets_the_contract_s_error() {
    let customer = Customer::new("bad input");
    for Mistake { name, request, status, answer: expected } in mistakes(&customer) {
        let answer = Answer::of(request);
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        assert_eq!(answer.header("Content-Type"), "application/json", "{name}");
        let body = answer.json();
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&body[field], value, "{name}: {body}");
        }
        assert!(body["code"].as_str().is_some_and(|code| !code.is_empty()), "{name}: {body}");
        let id = answer.header("X-Request-Id");
        assert!(!id.is_empty() && body["request_id"] == id, "{name}: {id} {body}");
        if status == 405 {
            assert!(answer.header("Allow").contains("POST"), "{name}: {:?}", answer.header("Allow"));
        }
    }
}

fn mistakes(customer: &Customer) -> Vec<Mistake> {
    let mut mistakes = unauthorized(customer);
    mistakes.extend(bad_urls(customer));
    mistakes.extend(bad_bodies(customer));
    mistakes.extend(bad_routes(customer));
    mistakes
}

fn unauthorized(customer: &Customer) -> Vec<Mistake> {
    let answer = json!({ "error": "unauthorized", "message": "Invalid or missing API key" });
    let list = || api::request(Method::Get, url(customer, "/v1/webhooks"), None);
    let unknown = format!("dd_live_{}", "0".repeat(43));
    let mistake = |name, request| Mistake { name, request, status: 401, answer: answer.clone() };
    vec![
        mistake("no key", list()),
        mistake("unknown key", list().with_header("Authorization", format!("Bearer {unknown}"))),
        mistake("unknown key in X-API-Key", list().with_header("X-API-Key", unknown)),
        mistake("empty key", list().with_header("Authorization", "Bearer ")),
    ]
}

fn bad_urls(customer: &Customer) -> Vec<Mistake> {
    let create = |body: Value| keyed(customer, Method::Post, "/v1/webhooks", Some(&body));
    let with_url = |url: &str| create(json!({ "url": url, "enabled_events": ["*"] }));
    let mistake = |name, request, answer| Mistake { name, request, status: 400, answer };
    let required = json!({ "error": "url is required", "param": "url" });
    vec![
        mistake("no url", create(json!({ "enabled_events": ["*"] })), required.clone()),
        mistake("nothing at all", create(json!({})), required),
        mistake(
            "http://",
            with_url("http://example.com/hooks"),
            json!({ "error": "Webhook URL must use HTTPS", "param": "url" }),
        ),
        mistake("a private address", with_url("https://10.0.0.1/hooks"), json!({ "param": "url" })),
        mistake("an address in disguise", with_url("https://0x7f.1/hooks"), json!({ "param": "url" })),
        mistake("metadata service", with_url("https://169.254.169.254/"), json!({ "param": "url" })),
    ]
}

fn bad_bodies(customer: &Customer) -> Vec<Mistake> {
    let post = |path: &str, body: String| {
        let request = keyed(customer, Method::Post, path, None);
        request.with_header("Content-Type", "application/json").with_body(body)
    };
    let mistake = |name, request, status, answer| Mistake { name, request, status, answer };
    let mebibyte = || format!(r#"{{"type":"send.email.sent","data":{{"x":"{}"}}}}"#, "a".repeat(1024 * 1024));
    let unknown = r#"{"url":"https://example.com/","enabled_events":["*"],"secrets":1}"#;
    let unknown_type = r#"{"type":"send.email.snet","data":{}}"#;
    vec![
        mistake(
            "malformed JSON",
            post("/v1/webhooks", r#"{"url": }"#.into()),
            400,
            json!({
                "error": "Malformed JSON at line 1, column 9"
            }),
        ),
        mistake("malformed event", post("/v1/events", "{".into()), 400, json!({})),
        mistake(
            "1 MiB to events",
            post("/v1/events", mebibyte()),
            413,
            json!({ "error": "payload_too_large" }),
        ),
        mistake(
            "1 MiB to webhooks",
            post("/v1/webhooks", mebibyte()),
            413,
            json!({ "error": "payload_too_large" }),
        ),
        mistake("unknown field", post("/v1/webhooks", unknown.into()), 400, json!({ "param": "secrets" })),
        mistake("unknown type", post("/v1/events", unknown_type.into()), 400, json!({ "param": "type" })),
        mistake(
            "no data",
            post("/v1/events", r#"{"type":"send.email.sent"}"#.into()),
            400,
            json!({
                "error": "data is required",
                "param": "data",
            }),
        ),
        mistake(
            "not JSON",
            keyed(customer, Method::Post, "/v1/webhooks", None)
                .with_header("Content-Type", "text/plain")
                .with_body("url=x"),
            415,
            json!({ "error": "unsupported_media_type" }),
        ),
        mistake(
            "a compressed body",
            post("/v1/webhooks", "{}".into()).with_header("Content-Encoding", "gzip"),
            415,
            json!({ "code": "content_encoding_unsupported" }),
        ),
        mistake(
            "a byte order mark",
            post("/v1/webhooks", "\u{feff}{}".into()),
            400,
            json!({ "code": "json_malformed" }),
        ),
        mistake(
            "a field twice",
            post("/v1/webhooks", r#"{"url":"a","url":"b"}"#.into()),
            400,
            json!({ "code": "field_repeated", "param": "url" }),
        ),
    ]
}

fn bad_routes(customer: &Customer) -> Vec<Mistake> {
    let mistake = |name, request, status, answer| Mistake { name, request, status, answer };
    let not_found = || json!({ "error": "not_found" });
    let keyed = |method, path| keyed(customer, method, path, None);
    vec![
        mistake("unknown route", keyed(Method::Get, "/v1/webhook"), 404, not_found()),
        mistake("no route", keyed(Method::Get, "/"), 404, not_found()),
        mistake(
            "wrong method",
            keyed(Method::Put, "/v1/webhooks"),
            405,
            json!({ "error": "method_not_allowed" }),
        ),
        mistake(
            "wrong method, with a slash",
            keyed(Method::Put, "/v1/webhooks/"),
            405,
            json!({ "error": "method_not_allowed" }),
        ),
        mistake(
            "a time in seconds",
            keyed(Method::Get, "/v1/events/?after=1700000000"),
            400,
            json!({ "code": "time_in_seconds", "param": "after" }),
        ),
        mistake("unknown id", keyed(Method::Get, "/v1/webhooks/whep_0"), 404, not_found()),
        mistake("unknown event", keyed(Method::Get, "/v1/events/evt_%00"), 404, not_found()),
        mistake(
            "unknown parameter",
            keyed(Method::Get, "/v1/webhooks?limits=1"),
            400,
            json!({ "param": "limits" }),
        ),
        mistake(
            "limit too large",
            keyed(Method::Get, "/v1/webhooks?limit=201"),
            400,
            json!({ "param": "limit" }),
        ),
        mistake(
            "made-up cursor",
            keyed(Method::Get, "/v1/webhooks?cursor=abc"),
            400,
            json!({ "param": "cursor" }),
        ),
    ]
}

fn keyed(customer: &Customer, method: Method, path: &str, body: Option<&Value>) -> Request {
    let request = api::request(method, url(customer, path), body);
    request.with_header("Authorization", format!("Bearer {}", customer.organization.key))
}

fn url(customer: &Customer, path: &str) -> String {
    format!("{}{path}", customer.stack.env().base_url())
}
