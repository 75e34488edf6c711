//! Publishing the same event again.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tests::platform::{Answer, Caller, EVENTS, Platform};

async fn publish(caller: &Caller<'_>, key: &str, message: &str) -> Answer {
    let body = json!({ "type": "send.email.sent", "data": { "messageId": message } }).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    caller.send(Method::POST, "/v1/events", &headers, &body).await
}

/// The ids of the events on their way, each once.
fn published(platform: &Platform) -> usize {
    let mut ids: Vec<_> = platform
        .aws
        .messages(EVENTS)
        .iter()
        .map(|message| serde_json::from_str::<Value>(message).unwrap()["detail"]["eventId"].to_string())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len()
}

#[tokio::test]
async fn the_same_key_and_body_get_the_same_answer_and_no_second_event() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let first = publish(&caller, "order-1", "m").await.expect(202).json();
    platform.aws.advance(Duration::from_mins(1));
    assert_eq!(publish(&caller, "order-1", "m").await.expect(202).json(), first);
    assert_ne!(publish(&caller, "order-2", "m").await.expect(202).json()["eventId"], first["eventId"]);
    assert_eq!(published(&platform), 2);
    assert_eq!(platform.aws.messages(EVENTS).len(), 2);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    publish(&caller, "order-1", "m").await.expect(202);
    let refused = publish(&caller, "order-1", "another").await.expect(409).json();
    assert_eq!(refused["code"], "idempotency_key_reused");
    assert_eq!(published(&platform), 1);
}

#[tokio::test]
async fn keys_of_different_organizations_never_meet() {
    let platform = Platform::new();
    let (one, other) = (platform.organization().await.key, platform.organization().await.key);
    let first = publish(&platform.with_key(&one), "order-1", "m").await.expect(202).json();
    let second = publish(&platform.with_key(&other), "order-1", "another").await.expect(202).json();
    assert_ne!(first["eventId"], second["eventId"]);
}

#[tokio::test]
async fn a_key_is_remembered_for_24_hours() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let first = publish(&caller, "order-1", "m").await.expect(202).json();
    platform.aws.advance(Duration::from_secs(24 * 60 * 60 - 1));
    publish(&caller, "order-1", "another").await.expect(409);
    platform.aws.advance(Duration::from_secs(1));
    assert_ne!(publish(&caller, "order-1", "another").await.expect(202).json()["eventId"], first["eventId"]);
}

#[tokio::test]
async fn a_batch_answers_for_each_event_and_a_bad_one_fails_no_other() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let good = json!({ "type": "send.email.sent", "data": { "messageId": "m" } });
    let mut events = vec![good.clone(); 12];
    events[3] = json!({ "type": "send.email.lost", "data": {} });
    events[7] = json!({ "type": "send.email.sent" });
    let answer = caller.post("/v1/events/batch", json!({ "events": events })).await.expect(202).json();
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 202, 202, 400, 202, 202, 202, 400, 202, 202, 202, 202]);
    assert_eq!((&results[3]["param"], &results[7]["param"]), (&json!("type"), &json!("data")));
    assert_eq!(published(&platform), 10);
    for bad in
        [json!({}), json!({ "events": [] }), json!({ "events": vec![good; 101] }), json!({ "events": {} })]
    {
        assert_eq!(caller.post("/v1/events/batch", bad).await.expect(400).json()["param"], "events");
    }
}
