//! Every refusal has the contract's shape.

use domain::{
    catalogue::{Catalogue, EventType},
    scope::Scope,
};
use hyper::Method;
use serde_json::{Value, json};
use tests::platform::{Answer, Deployment, EVENTS, Platform};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A platform with the rules for addresses that production has.
async fn strict() -> (Platform, String) {
    let deployment = Deployment { address_policy: egress::AddressPolicy::Strict, ..Deployment::default() };
    let platform = Platform::deployed(deployment);
    let key = platform.organization().await.key;
    (platform, key)
}

/// Checks what every error has, and gives its body.
#[track_caller]
fn error(answer: &Answer, status: u16) -> Value {
    let body = answer.json();
    assert_eq!(answer.status.as_u16(), status, "{body}");
    assert_eq!(answer.header("content-type"), "application/json", "{body}");
    assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    let code = body["code"].as_str().unwrap_or_default();
    assert!(!code.is_empty() && code.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()), "{body}");
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    let known = ["error", "message", "code", "param", "request_id"];
    assert!(body.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())), "{body}");
    body
}

#[tokio::test]
async fn a_bad_endpoint_is_refused_in_the_contract_s_words() {
    let (platform, key) = strict().await;
    let caller = platform.with_key(&key);
    let url = "https://example.com/hooks";
    let cases = [
        (json!({}), "url is required", "url"),
        (json!({ "url": null, "enabled_events": ["*"] }), "url is required", "url"),
        (
            json!({ "url": "http://example.com/", "enabled_events": ["*"] }),
            "Webhook URL must use HTTPS",
            "url",
        ),
        (json!({ "url": 5, "enabled_events": ["*"] }), "url must be a string", "url"),
        (json!({ "url": url }), "enabled_events is required", "enabled_events"),
        (
            json!({ "url": url, "enabled_events": "*" }),
            "enabled_events must be an array of strings",
            "enabled_events",
        ),
        (
            json!({ "url": url, "enabled_events": [1] }),
            "enabled_events must be an array of strings",
            "enabled_events",
        ),
        (
            json!({ "url": url, "enabled_events": ["*"], "is_active": "yes" }),
            "is_active must be true or false",
            "is_active",
        ),
        (json!({ "url": url, "enabled_events": ["*"], "urll": 1 }), "Unknown field \"urll\"", "urll"),
        (
            json!({ "url": url, "enabled_events": ["*"], "timeout_seconds": 31 }),
            "timeout_seconds must be between 1 and 30",
            "timeout_seconds",
        ),
    ];
    for (body, message, param) in cases {
        let refused = error(&caller.post("/v1/webhooks", body.clone()).await, 400);
        assert_eq!(refused["error"], message, "{body}");
        assert_eq!(refused["param"], param, "{body}");
    }
}

#[tokio::test]
async fn other_fields_out_of_bounds_name_their_parameter() {
    let (platform, key) = strict().await;
    let caller = platform.with_key(&key);
    let cases = [
        ("enabled_events", json!([])),
        ("enabled_events", json!(vec!["*"; 101])),
        ("secret", json!("short")),
        ("secret", json!("x".repeat(257))),
        ("format", json!("carrier-pigeon")),
        ("description", json!("x".repeat(501))),
        ("timeout_seconds", json!(0)),
        ("timeout_seconds", json!(1.5)),
        ("metadata", json!({ "a": 1 })),
        ("retry_policy", json!([])),
        ("retry_policy.max_retries", json!({ "max_retries": 6 })),
        ("retry_policy.max_retries", json!({ "max_retries": -1 })),
        ("retry_policy.initial_delay_seconds", json!({ "initial_delay_seconds": 0 })),
        ("retry_policy.backoff_factor", json!({ "backoff_factor": 11 })),
        ("retry_policy.max_delay_seconds", json!({ "max_delay_seconds": 43_201 })),
        ("retry_policy.max_retrys", json!({ "max_retrys": 1 })),
    ];
    for (param, value) in cases {
        let field = param.split('.').next().unwrap();
        let mut body = json!({ "url": "https://example.com/", "enabled_events": ["*"] });
        body[field] = value;
        let refused = error(&caller.post("/v1/webhooks", body.clone()).await, 400);
        assert_eq!(refused["param"], param, "{body}: {refused}");
    }
}

#[tokio::test]
async fn no_spelling_of_a_private_address_is_taken() {
    let (platform, key) = strict().await;
    let caller = platform.with_key(&key);
    for host in [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "169.254.169.254",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:10.0.0.1]",
    ] {
        let body = json!({ "url": format!("https://{host}/"), "enabled_events": ["*"] });
        let refused = error(&caller.post("/v1/webhooks", body).await, 400);
        assert_eq!(refused["param"], "url", "{host}: {refused}");
    }
}

#[tokio::test]
async fn malformed_json_is_refused_with_its_position() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    for path in ["/v1/webhooks", "/v1/events"] {
        let refused = error(&caller.post_text(path, "{\n \"url\": }").await, 400);
        assert_eq!(refused["error"], "Malformed JSON at line 2, column 9", "{path}");
        assert_eq!(refused["code"], "json_malformed", "{path}");
        let refused = error(&caller.post_text(path, "[]").await, 400);
        assert_eq!(refused["error"], "The body must be a JSON object", "{path}");
    }
}

#[tokio::test]
async fn a_bad_event_is_refused_and_its_field_named() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let data = r#"{"messageId":"m"}"#;
    let cases = [
        ("{}".to_owned(), "type", "type is required"),
        (format!(r#"{{"type":"","data":{data}}}"#), "type", "type is required"),
        (format!(r#"{{"type":7,"data":{data}}}"#), "type", "type must be a string"),
        (r#"{"type":"send.email.sent"}"#.into(), "data", "data is required"),
        (r#"{"type":"send.email.sent","data":null}"#.into(), "data", "data is required"),
        (r#"{"type":"send.email.sent","data":[]}"#.into(), "data", "data must be a JSON object"),
        (r#"{"type":"send.email.sent","data":{}}"#.into(), "data.messageId", "data.messageId is required"),
        (
            format!(r#"{{"type":"send.email.sent","data":{data},"livemode":1}}"#),
            "livemode",
            "livemode must be true or false",
        ),
        (
            format!(r#"{{"type":"send.email.sent","data":{data},"extra":1}}"#),
            "extra",
            "Unknown field \"extra\"",
        ),
    ];
    for (body, param, message) in cases {
        let refused = error(&caller.post_text("/v1/events", &body).await, 400);
        assert_eq!((&refused["error"], &refused["param"]), (&json!(message), &json!(param)), "{body}");
    }
    let unknown = format!(r#"{{"type":"send.email.snet","data":{data}}}"#);
    let refused = error(&caller.post_text("/v1/events", &unknown).await, 400);
    assert_eq!(refused["param"], "type");
    assert!(refused["error"].as_str().unwrap().contains("send.email.sent"), "{refused}");
    assert!(platform.aws.messages(EVENTS).is_empty(), "nothing refused is published");
}

/// The types of the catalogue that only the platform publishes.
fn reserved_types() -> Vec<&'static str> {
    let types = Catalogue::get().iter().map(EventType::name);
    types.filter(|name| name.starts_with("platform.")).collect()
}

#[tokio::test]
async fn a_key_cannot_publish_the_platform_s_own_events_whatever_its_scopes() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let test_key = platform.key(organization.id, &Scope::ALL, false).await;
    assert!(reserved_types().len() >= 4);

    for key in [&organization.key, &test_key] {
        for name in reserved_types() {
            // With the catalogue's example, and with data that breaks the type's schema: the type alone decides.
            let example = Catalogue::get().find(name).unwrap().example();
            for data in [json!(example), json!({ "endpoint_id": 7 })] {
                let body = json!({ "type": name, "data": data });
                let refused = error(&platform.with_key(key).post("/v1/events", body).await, 403);
                assert_eq!(refused["error"], "forbidden", "{name}");
                assert_eq!(
                    (&refused["code"], &refused["param"]),
                    (&json!("event_type_reserved"), &json!("type"))
                );
                let message = refused["message"].as_str().unwrap();
                assert!(message.contains("platform.*") && !message.contains("scope"), "{message}");
            }
        }
    }
    assert!(platform.aws.messages(EVENTS).is_empty(), "nothing refused is published");
}

#[tokio::test]
async fn a_platform_type_that_does_not_exist_is_unknown_before_it_is_reserved() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    for name in ["platform.nothing", "platform.", "platform.tst"] {
        let body = json!({ "type": name, "data": {} });
        let refused = error(&platform.with_key(&key).post("/v1/events", body).await, 400);
        assert_eq!(refused["code"], "event_type_unknown", "{refused}");
        let hint = refused["error"].as_str().unwrap();
        assert!(!hint.contains("mean \"platform."), "what cannot be published is not suggested: {hint}");
    }
}

#[tokio::test]
async fn another_content_type_is_unsupported() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    for path in ["/v1/webhooks", "/v1/events"] {
        for headers in [&[("content-type", "text/plain")][..], &[]] {
            let answer = caller.send(Method::POST, path, headers, "{}").await;
            assert_eq!(error(&answer, 415)["code"], "unsupported_media_type", "{path}");
        }
        let answer = caller
            .send(Method::POST, path, &[("content-type", "application/json; charset=utf-8")], "{}")
            .await;
        error(&answer, 400);
    }
}

#[tokio::test]
async fn an_oversized_body_is_too_large() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let mebibyte = format!(r#"{{"type":"{}"}}"#, "x".repeat(1024 * 1024));
    for path in ["/v1/webhooks", "/v1/events"] {
        let answer = caller.send(Method::POST, path, &[JSON], &mebibyte).await;
        assert_eq!(error(&answer, 413)["code"], "payload_too_large", "{path}");
    }
    let data = format!(r#"{{"messageId":"{}"}}"#, "x".repeat(200 * 1024));
    let body = format!(r#"{{"type":"send.email.sent","data":{data}}}"#);
    let refused = error(&caller.post_text("/v1/events", &body).await, 413);
    assert_eq!((&refused["code"], &refused["param"]), (&json!("data_too_large"), &json!("data")));
}

#[tokio::test]
async fn an_unknown_route_is_not_found() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    for caller in [platform.with_key(&key), platform.without_key()] {
        for path in ["/", "/v1", "/v1/nothing", "/v1/webhooks//", "/v2/webhooks", "/v1/webhooks/a/b/c"] {
            let refused = error(&caller.get(path).await, 404);
            assert_eq!(
                (&refused["error"], &refused["code"]),
                (&json!("not_found"), &json!("route_not_found"))
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    for (method, path, allowed) in [
        (Method::PUT, "/v1/webhooks", vec!["GET", "HEAD", "POST"]),
        (Method::DELETE, "/v1/events", vec!["POST"]),
    ] {
        let answer = caller.send(method.clone(), path, &[], "").await;
        assert_eq!(error(&answer, 405)["code"], "method_not_allowed", "{method} {path}");
        let mut listed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
        listed.sort_unstable();
        assert!(allowed.iter().all(|method| listed.contains(method)), "{method} {path}: {listed:?}");
        assert!(!listed.contains(&method.as_str()), "{method} {path}: {listed:?}");
    }
}

#[tokio::test]
async fn an_unknown_or_repeated_query_parameter_is_refused() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    for (query, param) in [
        ("limt=5", "limt"),
        ("limit=5&limit=6", "limit"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
    ] {
        let refused = error(&caller.get(&format!("/v1/webhooks?{query}")).await, 400);
        assert_eq!(refused["param"], param, "{query}");
    }
}

#[tokio::test]
async fn a_fault_of_ours_tells_the_caller_nothing_of_it() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    platform.aws.forget_calls();
    platform.aws.inject(0, tests::aws::Fault::FailBefore);
    let refused = error(&platform.with_key(&key).get("/v1/webhooks").await, 500);
    assert_eq!(refused["error"], "internal_error");
    let text = refused.to_string();
    assert!(!text.contains("injected") && !text.contains("GetItem") && !text.contains("Dynamo"), "{text}");
}
