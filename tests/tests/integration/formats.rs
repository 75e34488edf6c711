//! Formats beside do.dev's own, from the API to a receiver: which headers arrive, and what they sign.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::hmac;
use serde_json::json;
use tests::{
    platform::{Caller, Platform},
    receiver::{Received, Receiver},
};

fn sign(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// The value of a header that signs the body alone, in hex.
fn of_body(post: &Received, secret: &str) -> String {
    hex::encode(sign(secret.as_bytes(), &post.body))
}

/// A signature as Standard Webhooks has it.
fn standard(post: &Received, secret: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", post.header("webhook-id"), post.header("webhook-timestamp"), post.body);
    format!("v1,{}", STANDARD.encode(sign(&key, &signed)))
}

/// Publishes an event, rotates the endpoint's secret and publishes another: what arrived, and the new secret.
async fn before_and_after_rotation(
    platform: &Platform,
    caller: &Caller<'_>,
    receiver: &Receiver,
    endpoint: &str,
) -> (Received, Received, String) {
    caller.publish_any().await;
    platform.settle().await;
    let path = format!("/v1/webhooks/{endpoint}/rotate-secret");
    let rotated = caller.post(&path, json!({})).await.expect(200).json();
    caller.publish_any().await;
    platform.settle().await;
    let [before, after] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    (before.clone(), after.clone(), rotated["signing_secret"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn formats_that_sign_the_body_send_both_signatures_during_a_rotation() {
    for (format, header, prefix) in
        [("orbit", "x-devotel-signature", ""), ("ekdsend", "x-ekdsend-signature", "sha256=")]
    {
        let (platform, receiver) = (Platform::new(), Receiver::start().await);
        let key = platform.organization().await.key;
        let caller = platform.with_key(&key);
        let hook = caller.subscribe_with(&receiver.url(), &["*"], json!({ "format": format })).await;
        let (before, after, new) = before_and_after_rotation(&platform, &caller, &receiver, &hook.id).await;
        let previous = format!("{header}-previous");
        let signed = |post: &Received, secret: &str| format!("{prefix}{}", of_body(post, secret));
        assert_eq!(before.header(header), signed(&before, &hook.secret));
        assert!(!before.headers.contains_key(&previous), "{before:?}");
        assert_eq!(after.header(header), signed(&after, &new));
        assert_eq!(after.header(&previous), signed(&after, &hook.secret));
    }
}

#[tokio::test]
async fn standard_webhooks_signatures_stand_side_by_side_during_a_rotation() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe_with(&receiver.url(), &["*"], json!({ "format": "standard" })).await;
    let (before, after, new) = before_and_after_rotation(&platform, &caller, &receiver, &hook.id).await;
    assert_eq!(before.header("webhook-signature"), standard(&before, &hook.secret));
    let both = format!("{} {}", standard(&after, &new), standard(&after, &hook.secret));
    assert_eq!(after.header("webhook-signature"), both);
    assert!(before.json()["data"].is_object() && before.json()["eventId"].is_null(), "{before:?}");
}

#[tokio::test]
async fn what_is_registered_as_orbit_has_it_is_delivered_as_orbit_has_it() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let body = json!({ "url": receiver.url(), "events": ["email.*"] });
    let registered = caller.post("/api/v1/webhooks/", body).await.expect(201).json();
    caller.publish("email.clicked", r#"{"message_id":"m"}"#).await;
    platform.settle().await;
    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    let secret = registered["data"]["secret"].as_str().unwrap();
    assert_eq!(post.header("x-devotel-signature"), of_body(post, secret));
    assert_eq!(post.json()["type"], "email.clicked");
}

#[tokio::test]
async fn another_format_holds_from_the_next_attempt_on() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    caller.publish_any().await;
    platform.settle().await;
    let path = format!("/v1/webhooks/{}", hook.id);
    caller.patch(&path, json!({ "format": "ekdsend" })).await.expect(200);
    caller.publish_any().await;
    platform.settle().await;
    let [first, second] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(first.verifies(&hook.secret), "{first:?}");
    let expected = format!("sha256={}", of_body(second, &hook.secret));
    assert_eq!(second.header("x-ekdsend-signature"), expected);
    assert!(!second.headers.contains_key("x-dodevwebhook-signature"), "{second:?}");
}
