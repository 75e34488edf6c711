//! What people are shown can be seen, and looks like nothing else.

use domain::{
    ids::{EndpointId, KeyId},
    key::{ApiKey, KeyRecord},
    scope::Scopes,
};
use hyper::Method;
use serde_json::{Value, json};
use tests::platform::{Organization, Platform, changing};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Texts that are refused, and what the message says of each.
const UNFIT: [(&str, &str); 7] = [
    ("  \u{a0}\u{2003}          ", "must not be blank"),
    ("\u{200b}\u{2060}\u{3164}", "must not be blank"),
    ("CI\u{7} and more text", "must be one line without control characters"),
    ("first line\nsecond line", "must be one line without control characters"),
    ("with a\ttab in the text", "must be one line without control characters"),
    ("gpj.\u{202e}exe and more", "must have no characters that turn the direction of text"),
    ("\u{2066}isolated text\u{2069}", "must have no characters that turn the direction of text"),
];

/// A body with this text in one of its fields.
struct Field {
    method: Method,
    path: String,
    /// What the error names, and what its message calls the text.
    param: &'static str,
    subject: &'static str,
    body: Box<dyn Fn(&str) -> Value>,
}

/// Every field in which a caller writes what people are shown.
fn fields(endpoint: &str) -> Vec<Field> {
    let field = |method: Method, path: &str, param, body: fn(&str) -> Value| Field {
        method,
        path: path.replace("{id}", endpoint),
        param,
        subject: param,
        body: Box::new(body),
    };
    let hook = |rest: Value| {
        let mut body = json!({ "url": "https://127.0.0.1/", "enabled_events": ["*"] });
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    let orbit = |rest: Value| {
        let mut body = json!({ "url": "https://127.0.0.1/", "events": ["*"] });
        body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        body
    };
    let with = |field: Field, wrap: fn(Value) -> Value| {
        let inner = field.body;
        Field { body: Box::new(move |text| wrap(inner(text))), ..field }
    };
    let (post, patch) = (|| Method::POST, || Method::PATCH);
    let description: fn(&str) -> Value = |text| json!({ "description": text });
    let secret: fn(&str) -> Value = |text| json!({ "secret": text });
    let note: fn(&str) -> Value = |text| json!({ "metadata": { "team": text } });
    let noted: fn(&str) -> Value = |text| json!({ "metadata": { text: "growth" } });
    let key: fn(&str) -> Value = |text| json!({ "name": text, "scopes": ["platform:events:read"] });

    let metadata_key =
        |method, path| Field { subject: "a key of metadata", ..field(method, path, "metadata", noted) };
    vec![
        with(field(post(), "/v1/webhooks", "description", description), hook),
        with(field(post(), "/v1/webhooks", "secret", secret), hook),
        with(field(post(), "/v1/webhooks", "metadata.team", note), hook),
        with(metadata_key(post(), "/v1/webhooks"), hook),
        field(patch(), "/v1/webhooks/{id}", "description", description),
        field(patch(), "/v1/webhooks/{id}", "metadata.team", note),
        metadata_key(patch(), "/v1/webhooks/{id}"),
        field(post(), "/v1/webhooks/{id}/rotate-secret", "secret", secret),
        with(field(post(), "/api/v1/webhooks/", "description", description), orbit),
        with(field(post(), "/api/v1/webhooks/", "secret", secret), orbit),
        field(post(), "/v1/keys", "name", key),
    ]
}

#[tokio::test]
async fn a_text_that_people_see_is_refused_where_it_is_unfit_to_be_shown() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let endpoint = caller.subscribe("https://127.0.0.1/", &["*"]).await.id;

    for field in fields(&endpoint) {
        for (text, words) in UNFIT {
            let body = (field.body)(text).to_string();
            let answer = caller.send(field.method.clone(), &field.path, &[JSON], &body).await;

            assert_eq!(answer.status, 400, "{} {body}: {}", field.path, answer.text);
            let refused = answer.json();
            let message = refused["error"].as_str().unwrap();
            assert!(
                message.starts_with(&format!("{} {words}", field.subject)),
                "{} {body}: {message}",
                field.path
            );
            assert_eq!(refused["param"], field.param, "{} {body}", field.path);
            // Neither a secret nor what would spoil the reader's terminal comes back.
            assert!(!answer.text.contains(text), "{}", answer.text);
        }
        let fit = (field.body)("Zürich 東京 and more").to_string();
        let answer = caller.send(field.method.clone(), &field.path, &[JSON], &fit).await;
        assert_eq!(answer.status.is_success(), field.param != "secret", "{}: {}", field.path, answer.text);
    }
}

#[tokio::test]
async fn what_was_stored_before_texts_were_checked_is_shown_as_it_is() {
    let platform = Platform::new();
    let Organization { id: organization, key } = platform.organization().await;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe("https://127.0.0.1/", &["*"]).await;

    // As an earlier version stored them: past the checks.
    let (registry, now) = (platform.registry(), platform.aws.clock().now());
    let change = changing(|settings| {
        settings.description = serde_json::from_str(r#""two\nlines\u202e""#).unwrap();
        settings.metadata = serde_json::from_str(r#"{"te\u0007am":""}"#).unwrap();
    });
    registry.update_endpoint(organization, EndpointId::parse(&hook.id).unwrap(), now, change).await.unwrap();
    let record = KeyRecord {
        id: KeyId::new(now, runtime::random().unwrap()),
        organization,
        name: serde_json::from_str(r#""C\u0007I""#).unwrap(),
        scopes: Scopes::all(),
        livemode: true,
        created_at: now,
    };
    registry.create_key(organization, &record, &ApiKey::new(true, &[7; 32]).hash()).await.unwrap();

    let endpoint = caller.endpoint(&hook.id).await;
    assert_eq!(endpoint["description"], "two\nlines\u{202e}");
    assert_eq!(endpoint["metadata"], json!({ "te\u{7}am": "" }));
    caller.get("/v1/webhooks").await.expect(200);
    caller.get("/api/v1/webhooks/").await.expect(200);
    let keys = caller.get("/v1/keys").await.expect(200).json();
    assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["name"] == "C\u{7}I"), "{keys}");
    // A change of something else leaves it alone.
    let path = format!("/v1/webhooks/{}", hook.id);
    let changed = caller.patch(&path, json!({ "timeout_seconds": 5 })).await.expect(200).json();
    assert_eq!(changed["description"], "two\nlines\u{202e}");
    caller.delete(&format!("/v1/keys/{}", record.id)).await.expect(204);
}
