//! The seeds' own requests, and the answers that they show.

use serde_json::{Value, json};
use tests::platform::Platform;

/// The names in a JSON object, in the order in which they are written.
fn names(text: &str) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Names>(text).unwrap().0
}

/// Checks that an answer begins with the seed's fields, in the seed's order, and has the seed's values but for those
/// that differ from call to call.
#[track_caller]
fn like_seed(answer: &str, seed: &str, differing: &[&str]) {
    let (shown, answered) = (names(seed), names(answer));
    assert_eq!(answered[..shown.len()], shown, "{answer}");
    let (seed, answer): (Value, Value) =
        (serde_json::from_str(seed).unwrap(), serde_json::from_str(answer).unwrap());
    for name in shown.iter().filter(|name| !differing.contains(&name.as_str())) {
        assert_eq!(answer[name], seed[name], "{name}");
    }
}

const CREATE: &str = r#"{
"url": "https://example.com/webhooks/dodev",
"enabled_events": ["send.email.*", "telco.lookup.completed"],
"description": "Production webhook handler"
}"#;

const CREATED: &str = r#"{
"id": "whep_abc123",
"url": "https://example.com/webhooks/dodev",
"enabled_events": ["send.email.*", "telco.lookup.completed"],
"description": "Production webhook handler",
"signing_secret": "whsec_EXAMPLE_SECRET_DO_NOT_USE",
"is_active": true,
"message": "Webhook endpoint created. Save the signing_secret - it will not be shown again."
}"#;

const LISTED: &str = r#"{
"id": "whep_abc123",
"url": "https://example.com/webhooks/dodev",
"description": "Production webhook handler",
"enabled_events": ["send.email.*", "telco.lookup.completed"],
"is_active": true,
"is_paused": false,
"consecutive_failures": 0,
"last_delivery_at": 1700000000000,
"last_delivery_status": 200,
"created_at": 1699900000000
}"#;

#[tokio::test]
async fn creating_listing_reading_and_testing_answer_as_the_seed_shows() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let created = caller.post_text("/v1/webhooks", CREATE).await.expect(201);
    like_seed(&created.text, CREATED, &["id", "signing_secret"]);
    assert!(created.json()["signing_secret"].as_str().unwrap().starts_with("whsec_"));

    let id = created.json()["id"].as_str().unwrap().to_owned();
    let differing = ["id", "last_delivery_at", "last_delivery_status", "created_at"];
    let listed = caller.get("/v1/webhooks").await.expect(200);
    assert_eq!(names(&listed.text)[0], "endpoints");
    let entry = listed.text.split_once('[').unwrap().1;
    let mut entries =
        serde_json::Deserializer::from_str(entry).into_iter::<Box<serde_json::value::RawValue>>();
    like_seed(entries.next().unwrap().unwrap().get(), LISTED, &differing);
    like_seed(&caller.get(&format!("/v1/webhooks/{id}")).await.expect(200).text, LISTED, &differing);

    let tested =
        caller.send(hyper::Method::POST, &format!("/v1/webhooks/{id}/test"), &[], "").await.expect(202);
    let seed = r#"{
"success": true,
"eventId": "evt_a1b2c3d4-e5f6-7890-abcd-ef1234567890",
"message": "Test event published. The webhook will be delivered shortly."
}"#;
    like_seed(&tested.text, seed, &["eventId"]);
    assert_eq!(names(&tested.text).len(), 3);
}

#[tokio::test]
async fn the_quick_start_s_endpoint_without_a_description_is_created() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let body = r#"{ "url": "https://example.com/webhooks/dodev", "enabled_events": ["*"] }"#;
    let created = platform.with_key(&key).post_text("/v1/webhooks", body).await.expect(201).json();
    assert_eq!(created["enabled_events"], json!(["*"]));
    assert_eq!(created["is_active"], true);
}

#[tokio::test]
async fn refusals_are_in_the_seed_s_words() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let refused = caller.post("/v1/webhooks", json!({ "enabled_events": ["*"] })).await.expect(400);
    like_seed(&refused.text, r#"{ "error": "url is required" }"#, &[]);
    let http = json!({ "url": "http://example.com/", "enabled_events": ["*"] });
    let refused = caller.post("/v1/webhooks", http).await.expect(400);
    like_seed(&refused.text, r#"{ "error": "Webhook URL must use HTTPS" }"#, &[]);
    let refused = platform.without_key().get("/v1/webhooks").await.expect(401);
    like_seed(&refused.text, r#"{ "error": "unauthorized", "message": "Invalid or missing API key" }"#, &[]);
    let organization = platform.organization().await;
    let reader = platform.key(organization.id, &[domain::scope::Scope::WebhooksRead], true).await;
    let refused = platform.with_key(&reader).post("/v1/webhooks", json!({})).await.expect(403);
    let seed =
        r#"{ "error": "forbidden", "message": "Insufficient scope. Required: platform:webhooks:manage" }"#;
    like_seed(&refused.text, seed, &[]);
}

#[tokio::test]
async fn orbit_s_request_registers_an_endpoint() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let body = r#"{
  "url": "https://yourapp.com/webhooks/orbit",
  "events": [
    "message.delivered",
    "message.failed",
    "call.completed"
  ]
}"#;
    let headers = [("X-API-Key", key.as_str()), ("Content-Type", "application/json")];
    let caller = platform.without_key();
    let path = "/api/v1/webhooks/";
    let created = caller.send(hyper::Method::POST, path, &headers, body).await.expect(201).json();
    assert_eq!(created["data"]["events"], json!(["message.delivered", "message.failed", "call.completed"]));
    assert_eq!(created["data"]["timeout_seconds"], 30);
    assert!(created["data"]["secret"].as_str().unwrap().starts_with("whsec_"));
    let listed = caller.send(hyper::Method::GET, path, &headers[..1], "").await.expect(200).json();
    assert_eq!(listed["data"][0]["id"], created["data"]["id"]);
    assert_eq!(listed["data"][0].get("secret"), None);
    assert_eq!(listed["meta"]["pagination"]["cursor"], Value::Null);
}
