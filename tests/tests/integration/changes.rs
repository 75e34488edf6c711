//! Changing and deleting endpoints.

use serde_json::{Value, json};
use tests::{
    platform::{Caller, DELIVERIES, Hook, Platform},
    receiver::Receiver,
};

fn path(hook: &Hook) -> String {
    format!("/v1/webhooks/{}", hook.id)
}

#[tokio::test]
async fn each_field_can_be_changed_by_itself() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe_with("https://127.0.0.1/", &["*"], json!({ "description": "d" })).await;
    let policy = json!({ "max_retries": 1, "initial_delay_seconds": 2, "backoff_factor": 3.0, "max_delay_seconds": 4 });
    let mut expected = caller.endpoint(&hook.id).await;
    for (field, value) in [
        ("url", json!("https://127.0.0.1/moved")),
        ("enabled_events", json!(["send.*", "telco.lookup.completed"])),
        ("description", json!("another")),
        ("description", Value::Null),
        ("is_active", json!(false)),
        ("timeout_seconds", json!(3)),
        ("retry_policy", policy),
        ("format", json!("ekdsend")),
        ("metadata", json!({ "team": "billing" })),
    ] {
        let changed = caller.patch(&path(&hook), json!({ field: value })).await.expect(200).json();
        expected[field] = value;
        assert_eq!(changed, expected, "{field}");
        assert_eq!(caller.endpoint(&hook.id).await, expected, "{field}");
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_made_leaves_everything_as_it_was() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe("https://127.0.0.1/", &["*"]).await;
    let before = caller.endpoint(&hook.id).await;
    for (field, value) in [
        ("secret", json!("whsec_0123456789abcdef")),
        ("url", Value::Null),
        ("url", json!("http://example.com/")),
        ("enabled_events", json!([])),
        ("enabled_events", json!(["send.emial.sent"])),
        ("is_active", Value::Null),
        ("timeout_seconds", json!(31)),
        ("is_paused", json!(true)),
        ("id", json!("whep_1")),
    ] {
        let change = json!({ "description": "changed", field: value });
        let refused = caller.patch(&path(&hook), change).await.expect(400).json();
        assert_eq!(refused["param"], field, "{refused}");
        assert_eq!(caller.endpoint(&hook.id).await, before, "{field}");
    }
}

#[tokio::test]
async fn overlapping_changes_of_different_fields_both_stick() {
    for seed in 1..=20 {
        let platform = Platform::new();
        let key = platform.organization().await.key;
        let caller = platform.with_key(&key);
        let hook = caller.subscribe("https://127.0.0.1/", &["*"]).await;
        let path = path(&hook);
        platform.aws.interleave(seed);
        let changes = [
            json!({ "description": "described" }),
            json!({ "enabled_events": ["telco.*"] }),
            json!({ "timeout_seconds": 3 }),
        ];
        let answers =
            futures::future::join_all(changes.iter().map(|change| caller.patch(&path, change.clone()))).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "seed {seed}: {answers:?}");
        let endpoint = caller.endpoint(&hook.id).await;
        for (field, value) in changes.iter().flat_map(|change| change.as_object().unwrap()) {
            assert_eq!(endpoint[field], *value, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn changed_patterns_decide_from_the_next_event_on() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["telco.*"]).await;
    let matched = async |caller: &Caller<'_>| {
        let event = caller.publish_any().await;
        platform.settle().await;
        caller.event(&event).await["deliveries"].as_array().unwrap().len()
    };
    assert_eq!(matched(&caller).await, 0);
    caller.patch(&path(&hook), json!({ "enabled_events": ["send.email.sent"] })).await.expect(200);
    assert_eq!(matched(&caller).await, 1);
    caller.patch(&path(&hook), json!({ "enabled_events": ["telco.*"] })).await.expect(200);
    assert_eq!(matched(&caller).await, 0);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_deleted_endpoint_is_gone_and_gets_nothing_even_of_what_is_queued() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    caller.publish_any().await;
    platform.pump_events().await;
    let deleted = caller.delete(&path(&hook)).await.expect(204);
    assert_eq!(deleted.text, "");
    platform.settle().await;
    let later = caller.publish_any().await;
    platform.settle().await;
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(platform.aws.messages(DELIVERIES), Vec::<String>::new());
    assert_eq!(caller.event(&later).await["deliveries"], json!([]));
    for answer in [caller.get(&path(&hook)).await, caller.delete(&path(&hook)).await] {
        assert_eq!(answer.expect(404).json()["error"], "not_found");
    }
    assert_eq!(caller.get("/v1/webhooks").await.expect(200).json()["endpoints"], json!([]));
}

#[tokio::test]
async fn a_test_goes_to_its_endpoint_alone_whatever_the_patterns() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let (tested, other) = (Receiver::start().await, Receiver::start().await);
    let hook = caller.subscribe(&tested.url(), &["telco.*"]).await;
    caller.subscribe(&other.url(), &["*"]).await;
    let answer = caller.post(&format!("{}/test", path(&hook)), json!({})).await.expect(202).json();
    assert_eq!(answer["success"], true);
    assert_eq!(answer["message"], "Test event published. The webhook will be delivered shortly.");
    platform.settle().await;
    let [received] = &tested.received()[..] else { panic!("{:?}", tested.received()) };
    let expected = json!({
        "eventId": answer["eventId"],
        "type": "platform.test",
        "service": "platform",
        "data": { "message": "This is a test webhook event from do.dev", "endpoint_id": hook.id },
        "livemode": false,
        "createdAt": received.json()["createdAt"],
    });
    assert_eq!(received.json(), expected);
    assert!(received.verifies(&hook.secret));
    assert_eq!(other.received().len(), 0);
}

#[tokio::test]
async fn a_test_reaches_a_paused_endpoint_and_conflicts_with_a_disabled_one() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let test = format!("{}/test", path(&hook));
    caller.post(&format!("{}/pause", path(&hook)), json!({})).await.expect(200);
    caller.post(&test, json!({})).await.expect(202);
    platform.settle().await;
    assert_eq!(receiver.received().len(), 1);
    caller.patch(&path(&hook), json!({ "is_active": false })).await.expect(200);
    assert_eq!(caller.post(&test, json!({})).await.expect(409).json()["error"], "conflict");
}

#[tokio::test]
async fn failed_tests_do_not_count_as_failures() {
    let (platform, receiver) =
        (Platform::new(), Receiver::answering(vec![tests::receiver::Reply::status(500); 36]).await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let retries = json!({ "retry_policy": { "max_retries": 1 } });
    let hook = caller.subscribe_with(&receiver.url(), &["*"], retries).await;
    let start = platform.aws.clock().now().millis() - 1;
    for sent in 1..=12 {
        caller.post(&format!("{}/test", path(&hook)), json!({})).await.expect(202);
        platform.settle().await;
        assert_eq!(receiver.received().len(), sent, "one attempt for each");
    }
    // Sent again they have their retries, but are still no more than tests.
    platform.aws.advance(std::time::Duration::from_secs(1));
    caller.post(&format!("{}/replay", path(&hook)), json!({ "after": start })).await.expect(202);
    platform.settle().await;
    assert_eq!(receiver.received().len(), 36);
    let endpoint = caller.endpoint(&hook.id).await;
    assert_eq!((&endpoint["consecutive_failures"], &endpoint["is_paused"]), (&json!(0), &json!(false)));
}
