//! Querying the event log.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    platform::{Caller, Platform},
    receiver::{Receiver, Reply},
};

const DATA: &str = r#"{"messageId":"m"}"#;

/// Publishes events of these types, a minute apart; their ids, newest first.
async fn fill(platform: &Platform, caller: &Caller<'_>, types: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for event_type in types {
        ids.insert(0, caller.publish(event_type, DATA).await);
        platform.settle().await;
        platform.aws.advance(Duration::from_mins(1));
    }
    ids
}

async fn list(caller: &Caller<'_>, query: &str) -> Vec<String> {
    let listed = caller.get(&format!("/v1/events{query}")).await.expect(200).json();
    listed["events"].as_array().unwrap().iter().map(|it| it["eventId"].as_str().unwrap().to_owned()).collect()
}

const MIXED: [&str; 4] = ["send.email.sent", "send.email.delivered", "send.email.sent", "email.sent"];

#[tokio::test]
async fn events_are_listed_newest_first_by_type_service_and_time() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let start = platform.aws.clock().now().millis();
    let catalogue = domain::catalogue::Catalogue::get();
    let mut ids = Vec::new();
    for event_type in MIXED {
        let data = serde_json::to_string(&catalogue.find(event_type).unwrap().example()).unwrap();
        ids.insert(0, caller.publish(event_type, &data).await);
        platform.settle().await;
        platform.aws.advance(Duration::from_mins(1));
    }
    let pick =
        |positions: &[usize]| positions.iter().map(|position| ids[*position].clone()).collect::<Vec<_>>();
    assert_eq!(list(&caller, "").await, ids);
    assert_eq!(list(&caller, "?type=*").await, ids);
    assert_eq!(list(&caller, "?type=send.*").await, pick(&[1, 2, 3]));
    assert_eq!(list(&caller, "?type=send.email.sent").await, pick(&[1, 3]));
    assert_eq!(list(&caller, "?type=telco.*").await, Vec::<String>::new());
    assert_eq!(list(&caller, "?service=email").await, pick(&[0]));
    assert_eq!(list(&caller, "?service=send&type=send.email.delivered").await, pick(&[2]));
    assert_eq!(list(&caller, &format!("?after={}", start + 90_000)).await, pick(&[0, 1]));
    assert_eq!(list(&caller, &format!("?before={}", start + 90_000)).await, pick(&[2, 3]));
    assert_eq!(list(&caller, "?livemode=false").await, Vec::<String>::new());
    for query in ["type=send.emial.sent", "livemode=maybe", "after=yesterday", "limit=0", "tpye=*"] {
        caller.get(&format!("/v1/events?{query}")).await.expect(400);
    }
}

#[tokio::test]
async fn pages_of_the_log_hold_every_event_once_while_new_ones_arrive() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let ids = fill(&platform, &caller, &["send.email.sent"; 7]).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/v1/events?type=send.*&limit=2{cursor}")).await.expect(200).json();
        let events = page["events"].as_array().unwrap();
        seen.extend(events.iter().map(|event| event["eventId"].as_str().unwrap().to_owned()));
        caller.publish_any().await;
        platform.settle().await;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
    let page = caller.get("/v1/events?limit=2").await.expect(200).json();
    let other_filter = format!("/v1/events?type=telco.*&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(caller.get(&other_filter).await.expect(400).json()["param"], "cursor");
}

#[tokio::test]
async fn an_organization_s_log_holds_its_own_events_for_30_days() {
    let platform = Platform::new();
    let (one, other) = (platform.organization().await.key, platform.organization().await.key);
    let (one, other) = (platform.with_key(&one), platform.with_key(&other));
    let ids = fill(&platform, &one, &["send.email.sent"]).await;
    fill(&platform, &other, &["send.email.sent"]).await;
    assert_eq!(list(&one, "").await, ids);
    platform.aws.advance(Duration::from_hours(30 * 24));
    assert_eq!(list(&one, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn an_event_sent_again_arrives_again_under_its_own_id() {
    let (platform, receiver, other) = (Platform::new(), Receiver::start().await, Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let second = caller.subscribe(&other.url(), &["*"]).await;
    let event = caller.publish("send.email.sent", DATA).await;
    platform.settle().await;
    platform.aws.advance(Duration::from_mins(1));
    let resend = format!("/v1/events/{event}/resend");
    caller.post(&resend, json!({ "endpoint_id": hook.id })).await.expect(202);
    platform.settle().await;
    let posts = receiver.arrived(2).await;
    assert!(posts.iter().all(|post| post.event_id() == event && post.verifies(&hook.secret)), "{posts:?}");
    assert_eq!(posts[0].body, posts[1].body);
    assert_eq!(other.received().len(), 1);
    let delivery = caller.delivery(&event, &hook.id).await;
    assert_eq!(
        (&delivery["status"], delivery["attempts"].as_array().unwrap().len()),
        (&json!("delivered"), 2)
    );
    caller.post(&resend, json!({})).await.expect(202);
    platform.settle().await;
    assert_eq!((receiver.received().len(), other.received().len()), (3, 2));
    let listed = caller.get(&format!("/v1/events/{event}/deliveries")).await.expect(200).json();
    let mut endpoints: Vec<_> =
        listed["deliveries"].as_array().unwrap().iter().map(|it| it["endpoint_id"].clone()).collect();
    endpoints.sort_by_key(Value::to_string);
    let mut expected = vec![json!(hook.id), json!(second.id)];
    expected.sort_by_key(Value::to_string);
    assert_eq!(endpoints, expected);
    let unmatched = caller.post(&resend, json!({ "endpoint_id": "whep_1" })).await.expect(400).json();
    assert_eq!(unmatched["param"], "endpoint_id");
}

#[tokio::test]
async fn what_is_disabled_or_deleted_is_not_sent_to_again_and_the_answer_says_so() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let event = caller.publish("send.email.sent", DATA).await;
    platform.settle().await;
    let resend = format!("/v1/events/{event}/resend");
    let path = format!("/v1/webhooks/{}", hook.id);
    caller.patch(&path, json!({ "is_active": false })).await.expect(200);
    let refused = caller.post(&resend, json!({ "endpoint_id": hook.id })).await.expect(409).json();
    assert_eq!(refused["code"], "endpoint_disabled");
    assert_eq!(caller.post(&resend, json!({})).await.expect(409).json()["code"], "no_endpoint_left");
    caller.delete(&path).await.expect(204);
    caller.post(&resend, json!({ "endpoint_id": hook.id })).await.expect(404);
    assert_eq!(caller.post(&resend, json!({})).await.expect(409).json()["code"], "no_endpoint_left");
    platform.settle().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_event_of_very_many_deliveries_leaves_out_the_answers_of_most() {
    let replies = (0..103).map(|_| Reply::status(200).body("thanks"));
    let (platform, receiver) = (Platform::new(), Receiver::answering(replies).await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    for _ in 0..103 {
        caller.subscribe(&receiver.url(), &["*"]).await;
    }
    let event = caller.publish("send.email.sent", DATA).await;
    platform.settle().await;
    let answers = |event: &Value| {
        let deliveries = event["deliveries"].as_array().unwrap().iter();
        deliveries.map(|it| it["attempts"][0]["response_body"].clone()).collect::<Vec<_>>()
    };
    let shown = answers(&caller.event(&event).await);
    assert_eq!(shown[..100], vec![json!("thanks"); 100]);
    assert_eq!(shown[100..], [Value::Null, Value::Null, Value::Null]);
    let listed = caller.get(&format!("/v1/events/{event}/deliveries?limit=200")).await.expect(200).json();
    assert_eq!(answers(&listed), vec![json!("thanks"); 103]);
}
