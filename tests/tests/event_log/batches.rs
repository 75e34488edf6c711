//! `POST /v1/events/batch`: a result for each event, in their order, whatever becomes of its neighbours.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    aws::{Call, Fault, Service},
    noise::{LEADS, printable, utf8},
    receiver::Receiver,
};

use crate::stage::{Stage, TYPE};

const PATH: &str = "/v1/events/batch";

fn good(number: usize) -> Value {
    json!({ "type": TYPE, "data": { "messageId": format!("m{number}") } })
}

fn body(events: &[Value]) -> String {
    json!({ "events": events }).to_string()
}

fn statuses(answer: &Value) -> Vec<u64> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

fn published(answer: &Value) -> Vec<String> {
    let results = answer["results"].as_array().unwrap().iter();
    results.filter_map(|result| Some(result["eventId"].as_str()?.to_owned())).collect()
}

impl Stage {
    /// What each event in the log says that it is.
    async fn message_of(&self, id: &str) -> String {
        self.caller().event(id).await["data"]["messageId"].as_str().unwrap().to_owned()
    }

    fn put_events(&self) -> Vec<usize> {
        let calls = self.platform.aws.calls();
        let calls = calls.iter().filter(|call| call.service == Service::EventBridge);
        calls.map(|call| call.request["Entries"].as_array().unwrap().len()).collect()
    }

    fn sorted_log(&self) -> Vec<String> {
        let mut logged = self.logged();
        logged.sort_unstable();
        logged
    }
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_hundred_events_go_in_calls_of_ten_and_keep_their_order() {
    let stage = Stage::set().await;
    stage.platform.aws.forget_calls();
    let events: Vec<_> = (0..100).map(good).collect();
    let answer = stage.caller().post_text(PATH, &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&answer), [202; 100]);
    assert_eq!(stage.put_events(), [10; 10]);
    stage.platform.settle().await;
    let ids = published(&answer);
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(stage.message_of(id).await, format!("m{number}"));
    }
    assert_eq!(stage.sorted_log(), sorted(ids));
}

#[tokio::test]
async fn a_batch_has_1_to_100_events() {
    let stage = Stage::set().await;
    let events: Vec<_> = (0..101).map(good).collect();
    for wrong in [body(&[]), body(&events), "{}".into(), r#"{"events":{}}"#.into()] {
        let refused = stage.caller().post_text(PATH, &wrong).await.expect(400).json();
        assert_eq!(refused["param"], "events", "{refused}");
    }
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 0);
}

#[tokio::test]
async fn a_bad_event_fails_none_of_its_neighbours() {
    let stage = Stage::set().await;
    let huge = json!({ "type": TYPE, "data": { "messageId": "x".repeat(200 * 1024) } });
    let events = [
        good(0),
        json!({ "type": "send.email.lost", "data": {} }),
        good(2),
        json!({ "type": TYPE, "data": {} }),
        json!({ "type": TYPE, "data": [] }),
        huge,
        json!({ "type": TYPE, "data": { "messageId": "m" }, "colour": "red" }),
        json!("no object"),
        good(8),
    ];
    let answer = stage.caller().post_text(PATH, &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&answer), [202, 400, 202, 400, 400, 413, 400, 400, 202]);
    let params: Vec<_> = answer["results"].as_array().unwrap().iter().map(|it| it["param"].clone()).collect();
    assert_eq!(params[1], "type");
    assert_eq!(params[3], "data.messageId");
    assert_eq!(params[5], "data");
    assert_eq!(params[6], "colour");
    for refused in [1, 3, 4, 5, 6, 7] {
        let result = &answer["results"][refused];
        assert!(result["error"].is_string() && result["code"].is_string(), "{result}");
        assert_eq!(result.get("eventId"), None, "{result}");
    }
    stage.platform.settle().await;
    assert_eq!(stage.sorted_log(), sorted(published(&answer)));
    assert_eq!(stage.logged().len(), 3);
}

#[tokio::test]
async fn an_event_of_the_platform_s_own_is_refused_alone() {
    let stage = Stage::set().await;
    let key_revoked = json!({ "type": "platform.key.revoked", "data": { "key_id": "key_1", "name": "CI" } });
    let test = json!({ "type": "platform.test", "data": {} });
    let events = [good(0), key_revoked, test, good(3)];

    let answer = stage.post_with(PATH, "k", &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&answer), [202, 403, 403, 202]);
    for refused in [1, 2] {
        let result = &answer["results"][refused];
        assert_eq!(result["error"], "forbidden", "{result}");
        assert_eq!((&result["code"], &result["param"]), (&json!("event_type_reserved"), &json!("type")));
    }

    stage.platform.settle().await;
    let items = stage.platform.aws.items("LogTable");
    let of_platform = items.iter().filter(|item| {
        item["event_type"]["S"].as_str().is_some_and(|event_type| event_type.starts_with("platform."))
    });
    assert_eq!(of_platform.count(), 0);
    assert_eq!(stage.sorted_log(), sorted(published(&answer)));
}

/// How many bytes each call of this operation carried.
fn carried_by(calls: &[Call], operation: &str) -> Vec<usize> {
    let calls = calls.iter().filter(|call| call.operation == operation);
    calls.map(tests::aws::Call::carried_bytes).collect()
}

#[tokio::test]
async fn large_events_are_split_over_calls_by_their_size() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    for _ in 0..4 {
        stage.caller().subscribe(&receiver.url(), &["*"]).await;
    }
    let largest = 200 * 1024 - r#"{"messageId":""}"#.len();
    let texts: Vec<_> = [largest, largest, 60_000, 60_000, 60_000, 60_000, 10, 10, largest, largest, largest]
        .iter()
        .zip(1..)
        .map(
            |(length, seed)| {
                if seed % 2 == 0 { printable(*length, seed) } else { utf8(*length, &LEADS, seed) }
            },
        )
        .collect();
    let events: Vec<_> =
        texts.iter().map(|text| json!({ "type": TYPE, "data": { "messageId": text } })).collect();

    stage.platform.aws.forget_calls();
    let answer = stage.caller().post_text(PATH, &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&answer), [202; 11]);
    let puts = stage.put_events();
    assert_eq!(puts.iter().sum::<usize>(), 11, "{puts:?}");
    stage.platform.settle().await;

    let calls = stage.platform.aws.calls();
    // A call ends where the next event has no room, so that each but the last lacks less than the largest event.
    let largest_event = 267 * 1024;
    let put = carried_by(&calls, "PutEvents");
    assert!(put.len() >= 2 && put.iter().all(|bytes| *bytes < 1_000_000), "{put:?}");
    assert!(put[..put.len() - 1].iter().all(|bytes| *bytes > 999_999 - largest_event), "{put:?}");
    let sent = carried_by(&calls, "SendMessageBatch");
    assert!(sent.iter().all(|bytes| *bytes <= 1024 * 1024), "{sent:?}");
    assert!(sent.iter().any(|bytes| *bytes > 1024 * 1024 - largest_event), "{sent:?}");

    for (id, text) in published(&answer).iter().zip(&texts) {
        assert_eq!(&stage.message_of(id).await, text);
        let posts = receiver.received().into_iter().filter(|post| post.event_id() == *id);
        let bodies: Vec<_> = posts.map(|post| post.json()["data"]["messageId"].clone()).collect();
        assert_eq!(bodies, vec![json!(text); 4]);
    }
}

#[tokio::test]
async fn entries_that_the_bus_refuses_are_published_again_and_no_others() {
    let stage = Stage::set().await;
    let events: Vec<_> = (0..25).map(good).collect();
    stage.platform.restart();
    stage.platform.aws.forget_calls();
    stage.caller().post_text(PATH, &body(&events)).await.expect(202);
    let first_put = stage.platform.aws.calls().iter().position(|it| it.operation == "PutEvents").unwrap();
    for chunk in 0..3 {
        let stage = Stage::set().await;
        stage.platform.restart();
        stage.platform.aws.forget_calls();
        stage.platform.aws.inject(first_put + chunk, Fault::PartOnly);
        let answer = stage.caller().post_text(PATH, &body(&events)).await.expect(202).json();
        assert!(stage.platform.aws.fault_struck());
        let mut expected = vec![10, 10, 5];
        expected.insert(chunk + 1, 1);
        assert_eq!(stage.put_events(), expected, "the refused entry alone is tried again");
        assert_eq!(statuses(&answer), [202; 25]);
        stage.platform.settle().await;
        assert_eq!(stage.sorted_log(), sorted(published(&answer)));
    }
}

#[tokio::test]
async fn what_the_bus_never_takes_is_said_of_those_events_alone() {
    let stage = Stage::set().await;
    let events: Vec<_> = (0..20).map(good).collect();
    stage.platform.restart();
    stage.platform.aws.forget_calls();
    stage.post_with(PATH, "k", &body(&events)).await.expect(202);
    let calls = stage.platform.aws.calls();
    let puts = calls.iter().enumerate().filter(|(_, call)| call.operation == "PutEvents");
    let second_put = puts.map(|(number, _)| number).nth(1).unwrap();

    let stage = Stage::set().await;
    stage.platform.restart();
    stage.platform.aws.forget_calls();
    stage.platform.aws.inject(second_put, Fault::Outage);
    let answer = stage.post_with(PATH, "k", &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&answer), [[202; 10], [500; 10]].concat());
    assert_eq!(answer["results"][10]["error"], "internal_error");
    // Sent again with the same key, the batch is whole, and no event is there twice.
    let again = stage.post_until_answered(PATH, "k", &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&again), [202; 20]);
    assert_eq!(published(&again)[..10], published(&answer)[..]);
    stage.platform.settle().await;
    assert_eq!(stage.sorted_log(), sorted(published(&again)));
}

#[tokio::test]
async fn a_batch_sent_again_with_its_key_makes_no_second_events() {
    let stage = Stage::set().await;
    let events = [good(0), json!({ "type": TYPE, "data": {} }), good(0)];
    let first = stage.post_with(PATH, "k", &body(&events)).await.expect(202).json();
    assert_eq!(statuses(&first), [202, 400, 202]);
    assert_ne!(first["results"][0]["eventId"], first["results"][2]["eventId"], "each place is its own");
    let again = stage.post_with(PATH, "k", &body(&events)).await.expect(202).json();
    assert_eq!(again, first);
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 2);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_batch_publishes_nothing() {
    let stage = Stage::set().await;
    let events = [good(0), json!({ "type": TYPE, "data": {} }), good(1)];
    stage.post_with(PATH, "k", &body(&events)).await.expect(202);
    let corrected = [good(0), good(2), good(1)];
    for other in [&corrected[..], &events[..1], &events[1..], &[&events[..], &[good(3)]].concat()] {
        let refused = stage.post_with(PATH, "k", &body(other)).await.expect(409).json();
        assert_eq!(refused["code"], "idempotency_key_reused");
    }
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 2);
    // The next day it is free.
    stage.platform.aws.advance(Duration::from_hours(24));
    stage.post_with(PATH, "k", &body(&corrected)).await.expect(202);
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 5);
}

/// One key stands for one request, whichever route it went to.
#[tokio::test]
async fn a_batch_s_key_publishes_no_single_event() {
    let stage = Stage::set().await;
    let batch = stage.post_with(PATH, "k", &body(&[good(0)])).await.expect(202).json();

    let refused = stage.post_with("/v1/events", "k", &good(0).to_string()).await.expect(409).json();
    assert_eq!(refused["code"], "idempotency_key_reused");
    assert!(refused["message"].as_str().unwrap().contains("another route"), "{refused}");
    let single = stage.post_with("/v1/events", "k/0", &good(0).to_string()).await.expect(202).json();
    assert_ne!(single["eventId"], batch["results"][0]["eventId"]);
}
