//! From the events queue to the log and the deliveries queue.

use serde_json::{Value, json};
use tests::{
    platform::{DELIVERIES, EVENTS, EVENTS_DEAD_LETTERS, Platform},
    receiver::Receiver,
};

#[tokio::test]
async fn a_redelivered_event_is_not_delivered_again() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let event = caller.publish_any().await;
    let message = platform.aws.messages(EVENTS).pop().unwrap();
    platform.settle().await;
    for _ in 0..3 {
        platform.aws.send(EVENTS, &message);
        platform.settle().await;
    }
    assert_eq!(receiver.received().len(), 1);
    let delivery = caller.delivery(&event, &hook.id).await;
    assert_eq!(
        (&delivery["status"], delivery["attempts"].as_array().unwrap().len()),
        (&json!("delivered"), 1)
    );
}

#[tokio::test]
async fn an_event_s_recipients_are_decided_once() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let event = caller.publish_any().await;
    let message = platform.aws.messages(EVENTS).pop().unwrap();
    platform.settle().await;
    caller.subscribe(&receiver.url(), &["*"]).await;
    platform.aws.send(EVENTS, &message);
    platform.settle().await;
    assert_eq!(caller.event(&event).await["deliveries"], json!([]));
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn a_malformed_message_ends_in_the_dead_letter_queue_and_fails_no_other() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    caller.subscribe(&receiver.url(), &["*"]).await;
    let poison = [
        "not json",
        "{}",
        r#"{"id":"i","source":"dodev.send","detail-type":"send.email.sent","time":"2024-01-01T00:00:00Z","detail":{}}"#,
    ];
    for message in poison {
        platform.aws.send(EVENTS, message);
    }
    let events = [caller.publish_any().await, caller.publish_any().await];
    assert!(platform.pump_events().await, "all of them are one batch");
    assert_eq!(platform.aws.messages(EVENTS), poison, "only the poison stays");
    platform.settle().await;
    let delivered: Vec<_> = receiver.received().iter().map(tests::receiver::Received::event_id).collect();
    assert_eq!(delivered, events);
    assert_eq!(platform.aws.messages(EVENTS_DEAD_LETTERS), poison);
    assert_eq!(platform.aws.messages(EVENTS), Vec::<String>::new());
}

#[tokio::test]
async fn a_service_may_publish_plain_data_straight_to_the_bus() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let organization = platform.organization().await;
    let caller = platform.with_key(&organization.key);
    let hook = caller.subscribe(&receiver.url(), &["talk.*", "send.*"]).await;
    let envelope = json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "send.email.sent",
        "source": "dodev.send",
        "account": "123456789012",
        "time": "2027-01-15T08:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": { "organizationId": organization.id, "data": { "messageId": "m" } },
    });
    for _ in 0..2 {
        platform.aws.send(EVENTS, &envelope.to_string());
        platform.settle().await;
    }
    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert_eq!(post.json()["data"], json!({ "messageId": "m" }));
    assert!(post.verifies(&hook.secret));
    assert_eq!(caller.event(&post.event_id()).await["type"], "send.email.sent");
}

#[tokio::test]
async fn an_event_for_many_endpoints_makes_one_message_for_each() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let mut created = Vec::new();
    for _ in 0..23 {
        created.push(caller.subscribe("https://127.0.0.1/", &["*"]).await.id);
    }
    caller.publish_any().await;
    platform.pump_events().await;
    let messages = platform.aws.messages(DELIVERIES);
    let mut addressed: Vec<_> = messages
        .iter()
        .map(|message| {
            serde_json::from_str::<Value>(message).unwrap()["endpoint"].as_str().unwrap().to_owned()
        })
        .collect();
    addressed.sort_unstable();
    created.sort_unstable();
    assert_eq!(addressed, created);
}
