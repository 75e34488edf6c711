//! HTTP itself: methods, paths, content types, bodies that are none.

use axum::body::{Body, to_bytes};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    logs::Logs,
    platform::{Answer, Platform},
};

use crate::{
    document::{Operation, document, operations, resolve},
    parameters,
    stage::{Stage, error, without_request_id},
};

const JSON: (&str, &str) = ("content-type", "application/json");

/// The methods of each documented path, in the document's order.
fn methods_by_path() -> Vec<(&'static str, Vec<String>)> {
    let paths = document()["paths"].as_object().unwrap();
    let upper = |item: &Value| item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
    paths.iter().map(|(path, item)| (path.as_str(), upper(item))).collect()
}

fn listed(answer: &Answer) -> Vec<String> {
    let mut methods: Vec<_> = answer.header("allow").split(',').map(|name| name.trim().to_owned()).collect();
    methods.sort();
    methods
}

#[tokio::test]
async fn a_method_that_a_path_lacks_is_refused_with_those_that_it_has() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let expected = error("method_not_allowed", "This route does not have that method", "method_not_allowed");
    for (path, mut methods) in methods_by_path() {
        if methods.contains(&"GET".to_owned()) {
            methods.push("HEAD".to_owned());
        }
        methods.sort();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if methods.contains(&method.to_owned()) {
                continue;
            }
            for caller in [platform.with_key(&key), platform.without_key()] {
                let answer = caller.send(method.parse().unwrap(), path, &[JSON], "{").await.expect(405);
                assert_eq!(without_request_id(&answer), expected, "{method} {path}");
                assert_eq!(listed(&answer), methods, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn head_is_answered_like_get_without_its_body() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| operation.method == Method::GET) {
        let path = stage.path(&operation);
        let got = stage.owner().get(&path).await;
        let head = stage.owner().send(Method::HEAD, &path, &[], "").await;
        assert_eq!((head.status, head.text.as_str()), (got.status, ""), "{}", operation.id);
        assert_eq!(head.header("content-type"), "application/json", "{}", operation.id);
        assert!(!head.header("x-request-id").is_empty(), "{}", operation.id);
    }
}

#[tokio::test]
async fn a_path_is_known_by_its_exact_spelling() {
    let stage = Stage::set().await;
    let expected = error("not_found", "No such route", "route_not_found");
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/webhooks",
        "/V1/webhooks",
        "//",
        "/v1//webhooks",
        "//v1/webhooks",
        "/v1/webhooks//",
        "/api/v1/webhooks//",
        "/v1/webhooks%2F",
        "/v1/nothing",
        "/v1/webhooks/a/b/c",
        "/v1/%77ebhooks",
        "/v1/nothing/",
        "/v1/webhooks/a/b/c/",
        "/openapi.json",
    ] {
        let answer = stage.owner().get(path).await.expect(404);
        assert_eq!(without_request_id(&answer), expected, "{path}");
    }
}

/// A path in its other spelling: with a slash at its end, or without.
fn other_spelling(path: &str) -> String {
    path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned)
}

#[tokio::test]
async fn a_slash_at_the_end_makes_no_difference_to_any_operation() {
    for operation in operations() {
        let (one, other) = (Stage::set().await, Stage::set().await);
        let path = other_spelling(&other.path(&operation));

        let expected = one.call(&one.owner(), &operation, &one.path(&operation)).await;
        let answer = other.call(&other.owner(), &operation, &path).await;

        assert!(answer.status.is_success(), "{} {path}: {}", operation.id, answer.text);
        assert_eq!(answer.status, expected.status, "{} {path}: {}", operation.id, answer.text);
        operation.check(&answer);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_list_s_path_leaves_its_query_alone() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| !operation.parameters("query").is_empty()) {
        let path = other_spelling(&stage.path(&operation));
        stage.owner().get(&format!("{path}?limit=1")).await.expect(200);
        let refused = stage.owner().get(&format!("{path}?limit=0")).await.expect(400);
        assert_eq!(refused.json()["param"], "limit", "{}", operation.id);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_makes_no_difference_to_what_is_refused() {
    let stage = Stage::set().await;
    for (path, _) in methods_by_path() {
        let (path, other) = (path.to_owned(), other_spelling(path));
        let refusal = |path: String| async move {
            let platform = Platform::new();
            let method = "PROPFIND".parse().unwrap();
            let answer = platform.without_key().send(method, &path, &[], "").await.expect(405);
            (answer.json()["code"].clone(), listed(&answer))
        };
        assert_eq!(refusal(path.clone()).await, refusal(other).await, "{path}");
    }
    for operation in operations().into_iter().filter(|operation| operation.path.contains('{')) {
        let path = operation.path.replace("{id}", "abc123");
        let refused = stage.call(&stage.owner(), &operation, &other_spelling(&path)).await.expect(404);
        assert_eq!(refused.json()["code"], "not_found", "{}", operation.id);
    }
}

#[tokio::test]
async fn the_log_names_the_route_whatever_the_spelling() {
    let stage = Stage::set().await;
    let logs = Logs::capture("info");
    let mut expected = Vec::new();
    for operation in operations().into_iter().filter(|operation| operation.method != Method::DELETE) {
        for path in [stage.path(&operation), other_spelling(&stage.path(&operation))] {
            stage.call(&stage.owner(), &operation, &path).await;
            expected.push(operation.path.trim_end_matches('/').to_owned());
        }
    }
    let lines: Vec<Value> = logs.text().lines().map(|line| line.parse().unwrap()).collect();
    let routes: Vec<_> = lines.iter().filter_map(|line| line["http.route"].as_str()).collect();
    assert_eq!(routes, expected);
}

#[tokio::test]
async fn what_is_no_id_is_not_found_whatever_it_is() {
    let stage = Stage::set().await;
    let long = "a".repeat(5_000);
    for operation in operations().into_iter().filter(|operation| operation.path.contains('{')) {
        let upper = stage.id(&operation).to_uppercase();
        let encoded = parameters::encoded(stage.id(&operation));
        for id in ["abc123", "%00", "%ff", "%2e%2e", "..", "%E2%82", "a%2Fb", "%25", "+", &upper, &long] {
            let path = operation.path.replace("{id}", id);
            let answer = stage.call(&stage.owner(), &operation, &path).await.expect(404);
            let text = &answer.text;
            assert_eq!(answer.json()["error"], "not_found", "{} {path:.80}", operation.id);
            assert!(text.len() < 300 && !text.contains(id), "{} {path:.80}: {text}", operation.id);
            operation.check(&answer);
        }
        let own = operation.path.replace("{id}", &encoded);
        let answer = stage.call(&stage.owner(), &operation, &own).await;
        assert!(answer.status.is_success(), "{} {own}: {}", operation.id, answer.text);
        // It may have deleted what its path names.
        if operation.method == Method::DELETE {
            return;
        }
    }
}

#[tokio::test]
async fn a_body_is_bounded_typed_and_utf_8() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        let path = stage.path(&operation);
        let owner = stage.owner();
        let send = |content_type: &'static str, body: String| {
            let (method, owner, path) = (operation.method.clone(), owner.clone(), path.clone());
            async move { owner.send(method, &path, &[("content-type", content_type)], &body).await }
        };
        let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(6 * 1024 * 1024));
        for (content_type, body, status, code) in [
            ("application/json", huge, 413, "payload_too_large"),
            ("text/plain", "{}".to_owned(), 415, "unsupported_media_type"),
            ("application/x-www-form-urlencoded", "url=x".to_owned(), 415, "unsupported_media_type"),
            ("application/jsonx", "{}".to_owned(), 415, "unsupported_media_type"),
            ("", "{}".to_owned(), 415, "unsupported_media_type"),
            ("application/json", "{\n \"a\": }".to_owned(), 400, "json_malformed"),
            ("application/json", "{} {}".to_owned(), 400, "json_malformed"),
            ("application/json", "{\"a\":NaN}".to_owned(), 400, "json_malformed"),
            ("application/json", "[".repeat(50_000), 400, "json_malformed"),
            ("application/json", "[]".to_owned(), 400, "body_invalid"),
            ("application/json", "null".to_owned(), 400, "body_invalid"),
            ("application/json", "\"{}\"".to_owned(), 400, "body_invalid"),
        ] {
            let shown: String = body.chars().take(40).collect();
            let answer = send(content_type, body).await;
            assert_eq!(answer.status, status, "{} {content_type} {shown}: {}", operation.id, answer.text);
            assert_eq!(
                answer.json()["code"],
                code,
                "{} {content_type} {shown}: {}",
                operation.id,
                answer.text
            );
            operation.check(&answer);
        }
    }
}

/// Good JSON is never called malformed because a parser of ours gives up on its depth, and none overflows its stack.
#[tokio::test]
async fn a_body_that_is_nested_too_deep_is_refused_by_every_operation() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        let path = stage.path(&operation);
        let example = stage.example(operation.request_examples().first().unwrap());
        // Calls that publish read no other field than their own, whatever is in it.
        let publishes = operation.path.starts_with("/v1/events") && !operation.path.contains('{');
        let known: &[_] = if publishes { &["field_unknown", "field_type"] } else { &["body_too_deep"] };

        // As deep as fits the smallest bound of a body; where `serde_json` gives up; one level too many.
        for levels in [30_000, 128, 65] {
            let nested = format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
            let fields = example.as_object().unwrap().keys().map(String::as_str).chain(["zz"]);
            for name in fields {
                let mut body = example.clone();
                body.as_object_mut().unwrap().remove(name);
                let rest = body.to_string();
                let comma = if rest == "{}" { "" } else { "," };
                let body = format!(r#"{{"{name}":{nested}{comma}{}"#, &rest[1..]);

                let answer = stage.owner().send(operation.method.clone(), &path, &[JSON], &body).await;
                operation.check(&answer);
                let context = format!("{} {name} {levels}: {:.300}", operation.id, answer.text);
                let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
                match (operation.id, name) {
                    // Each event of a batch has a result of its own.
                    ("publishEvents", "events") => {
                        assert_eq!(answer.status, 202, "{context}");
                        assert_eq!(answer.json()["results"][0]["code"], "body_invalid", "{context}");
                    }
                    ("publishEvent", "data") => {
                        assert_eq!((400, "data_invalid"), (answer.status.as_u16(), &*code));
                    }
                    _ => assert!(answer.status == 400 && known.contains(&&*code), "{context}"),
                }
            }
        }
    }
}

/// Sends an operation these bytes as its JSON.
async fn send_bytes(stage: &Stage, operation: &Operation, bytes: &[u8]) -> (StatusCode, Value) {
    let request = hyper::Request::builder()
        .method(operation.method.clone())
        .uri(stage.path(operation))
        .header("authorization", format!("Bearer {}", stage.key))
        .header(JSON.0, JSON.1)
        .body(Body::from(bytes.to_vec()))
        .unwrap();
    let response = stage.platform.request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (head.status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        for bytes in [&b"{\"a\":\"\xff\"}"[..], b"\xff{}", b"{\"a\":\"\xed\xa0\x80\"}"] {
            let (status, body) = send_bytes(&stage, &operation, bytes).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{} {bytes:?}", operation.id);
            assert_eq!(body["error"], "The body is not UTF-8", "{} {bytes:?}", operation.id);
        }
    }
}

#[tokio::test]
async fn a_byte_order_mark_is_named() {
    let stage = Stage::set().await;
    let in_utf_16: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        for bytes in [&b"\xef\xbb\xbf{}"[..], b"\xef\xbb\xbf", &in_utf_16, b"\xfe\xff\0{\0}", b"\0\0\xfe\xff"]
        {
            let (status, body) = send_bytes(&stage, &operation, bytes).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{} {bytes:?}", operation.id);
            assert_eq!(body["code"], "json_malformed", "{} {bytes:?}", operation.id);
            let message = body["error"].as_str().unwrap();
            assert!(
                message.starts_with("The body begins with a byte order mark"),
                "{}: {message}",
                operation.id
            );
        }
    }
}

#[tokio::test]
async fn an_encoded_body_is_refused_by_every_operation_that_takes_one() {
    let stage = Stage::set().await;
    let expected = error(
        "unsupported_media_type",
        "Content-Encoding must be identity: send the body as it is",
        "content_encoding_unsupported",
    );
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        let (path, owner) = (stage.path(&operation), stage.owner());
        let send = |codings: &'static [&'static str], body: &'static str| {
            let headers: Vec<_> = std::iter::once(JSON)
                .chain(codings.iter().map(|coding| ("content-encoding", *coding)))
                .collect();
            let (method, owner, path) = (operation.method.clone(), owner.clone(), path.clone());
            async move { owner.send(method, &path, &headers, body).await }
        };
        for codings in [
            &["gzip"][..],
            &["br"],
            &["gzip, identity"],
            &["identity", "gzip"],
            &["", "deflate"],
            &["x-unknown"],
        ] {
            let answer = send(codings, "{\"zz\":1}").await.expect(415);
            assert_eq!(without_request_id(&answer), expected, "{} {codings:?}", operation.id);
            assert_eq!(answer.header("accept-encoding"), "identity", "{}", operation.id);
            operation.check(&answer);
        }
        for codings in [&["identity"][..], &["IDENTITY"], &[""], &["identity, identity"], &["", "identity"]] {
            let code = send(codings, "{\"zz\":1}").await.expect(400).json()["code"].clone();
            assert!(
                code == "field_unknown" || code == "field_required",
                "{} {codings:?}: {code}",
                operation.id
            );
        }
    }
}

#[tokio::test]
async fn a_field_name_that_cannot_be_read_is_an_unknown_field_or_malformed() {
    let stage = Stage::set().await;
    for body in [r#"{"\ud800":1}"#, r#"{"url":"\ud800","enabled_events":["*"]}"#] {
        let answer = stage.owner().post_text("/v1/webhooks", body).await.expect(400);
        assert_eq!(answer.json()["code"], "json_malformed", "{body}");
    }
}

#[tokio::test]
async fn errors_quote_a_long_text_only_in_part() {
    let stage = Stage::set().await;
    let long = "long".repeat(10_000);
    let name = &long[..200];
    for (path, body) in [
        ("/v1/webhooks", json!({ "url": "https://example.com/", "enabled_events": [long] })),
        ("/v1/webhooks", json!({ "url": "https://example.com/", "enabled_events": ["*"], name: 1 })),
        ("/v1/webhooks", json!({ "url": long, "enabled_events": ["*"] })),
        ("/v1/webhooks", json!({ "url": "https://example.com/", "enabled_events": ["*"], "format": long })),
        ("/v1/keys", json!({ "name": "n", "scopes": [long] })),
        ("/v1/events", json!({ "type": long, "data": {} })),
        ("/v1/events", json!({ "type": "send.email.sent", "data": {}, name: 1 })),
    ] {
        let answer = stage.owner().post(path, body).await.expect(400);
        assert!(answer.text.len() < 500, "{path}: {}", answer.text);
    }
    for query in
        [format!("{long}=1"), format!("limit={long}"), format!("cursor={long}"), format!("type={long}")]
    {
        let answer = stage.owner().get(&format!("/v1/events?{query}")).await.expect(400);
        assert!(answer.text.len() < 500, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_field_that_is_given_twice_is_refused_and_named_by_every_operation() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        let schema = resolve(operation.body().unwrap());
        let fields = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        for name in fields.chain(["zz"]) {
            // The same name, spelled otherwise.
            let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
            for second in [name, &escaped] {
                let body = format!(r#"{{"{name}":null,"{second}":null}}"#);
                let answer = stage
                    .owner()
                    .send(operation.method.clone(), &stage.path(&operation), &[JSON], &body)
                    .await
                    .expect(400);
                let expected = json!({
                    "error": format!("Field \"{name}\" is given more than once"),
                    "code": "field_repeated",
                    "param": name,
                });
                assert_eq!(without_request_id(&answer), expected, "{} {body}", operation.id);
                operation.check(&answer);
            }
        }
    }
}

#[tokio::test]
async fn a_field_that_is_given_twice_inside_another_is_refused_too() {
    let stage = Stage::set().await;
    let rest = r#""url":"https://example.com/","enabled_events":["*"]"#;
    for (field, param) in [
        (r#""retry_policy":{"max_retries":1,"max_retries":2}"#, "retry_policy.max_retries"),
        (r#""metadata":{"team":"a","team":"b"}"#, "metadata.team"),
    ] {
        let refused =
            stage.owner().post_text("/v1/webhooks", &format!("{{{rest},{field}}}")).await.expect(400).json();
        assert_eq!((&refused["code"], &refused["param"]), (&json!("field_repeated"), &json!(param)));
    }

    let event = r#"{"type":"send.email.sent","data":{"messageId":"m"},"type":"send.email.bounced"}"#;
    let batch = format!(r#"{{"events":[{event}]}}"#);
    let answer = stage.owner().post_text("/v1/events/batch", &batch).await.expect(202).json();
    let result = &answer["results"][0];
    assert_eq!((&result["code"], &result["param"]), (&json!("field_repeated"), &json!("type")));
}

#[tokio::test]
async fn an_array_of_an_event_s_values_is_no_event() {
    let stage = Stage::set().await;
    let event = r#"["send.email.sent",{"messageId":"m"},true]"#;
    let refused = stage.owner().post_text("/v1/events", event).await.expect(400).json();
    assert_eq!(refused["code"], "body_invalid");
    let refused =
        stage.owner().post_text("/v1/events/batch", &format!("[[{event}]]")).await.expect(400).json();
    assert_eq!(refused["code"], "body_invalid");
    let batch = format!(r#"{{"events":[{event}]}}"#);
    let answer = stage.owner().post_text("/v1/events/batch", &batch).await.expect(202).json();
    assert_eq!(answer["results"][0]["code"], "body_invalid");
}

#[tokio::test]
async fn what_get_and_delete_are_sent_as_a_body_is_ignored() {
    let stage = Stage::set().await;
    for operation in operations() {
        if operation.body().is_some() || operation.method == Method::DELETE {
            continue;
        }
        let path = stage.path(&operation);
        let answer =
            stage.owner().send(operation.method.clone(), &path, &[("content-type", "text/plain")], "{").await;
        assert!(answer.status.is_success(), "{}: {}", operation.id, answer.text);
    }
}

#[tokio::test]
async fn a_query_string_that_cannot_be_read_is_a_bad_request_or_an_unknown_parameter() {
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| !operation.parameters("query").is_empty()) {
        for query in
            ["%ff=1", "limit=%ff", "&&=&", "limit", "limit=", "=", "limit[]=1", "%", "limit=%zz", "a=b;c=d"]
        {
            let answer = stage.owner().get(&format!("{}?{query}", stage.path(&operation))).await;
            assert_eq!(answer.status, 400, "{} {query}: {}", operation.id, answer.text);
            operation.check(&answer);
        }
        for query in ["", "&", "&&"] {
            stage.owner().get(&format!("{}?{query}", stage.path(&operation))).await.expect(200);
        }
    }
}
