//! From publishing to the receiver, and back to the reader.

use std::time::Duration;

use domain::{
    catalogue::Catalogue,
    event::{CLOCKS_DIFFER, LOGGED_WITHIN},
    ids::{EventId, Lane},
};
use hyper::Method;
use serde_json::{Value, json};
use tests::{
    aws::Fault,
    platform::{Answer, EVENTS, Platform},
    receiver::Receiver,
    template::Template,
};

/// What parsing and writing anew would change.
const DELICATE: &str = r#"{"z":1,"messageId":"m\u00e9\/\"","big":123456789012345678901234567890,"one":1.0,"exp":1E+2,  "é":"😀\ud83d\ude00","a":{"b":[ 1,2 ]},"zero":-0.0}"#;

#[tokio::test]
async fn an_event_reaches_its_receiver_once_signed_and_to_the_letter() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["send.*"]).await;
    let body = format!(r#"{{"type":"send.email.sent","data":{DELICATE}}}"#);
    let published = caller.post_text("/v1/events", &body).await.expect(202).json();
    platform.settle().await;

    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    let (id, at) = (published["eventId"].as_str().unwrap(), published["createdAt"].as_i64().unwrap());
    let expected = format!(
        r#"{{"eventId":"{id}","type":"send.email.sent","service":"send","data":{DELICATE},"livemode":true,"createdAt":{at}}}"#
    );
    assert_eq!(post.body, expected);
    assert!(post.verifies(&hook.secret), "{post:?}");
    assert!(!post.verifies("whsec_of_another"), "the verifier can refuse");
    assert_eq!(post.header("content-type"), "application/json");
    assert_eq!(post.header("user-agent"), "DoDevWebhook/1.0");
    assert_eq!(post.header("x-dodevwebhook-id"), id);
    let seconds = platform.aws.clock().now().seconds().to_string();
    assert_eq!(post.header("x-dodevwebhook-timestamp"), seconds);
    assert_eq!(post.target, "/hooks?from=dodev");
}

#[tokio::test]
async fn a_publisher_is_answered_with_the_event_s_id_type_service_and_time() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let body = json!({ "type": "telco.lookup.completed", "data": telco_lookup() });
    let published = platform.with_key(&key).post("/v1/events", body).await.expect(202).json();
    assert!(published["eventId"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(published["type"], "telco.lookup.completed");
    assert_eq!(published["service"], "telco");
    assert_eq!(published["createdAt"], platform.aws.clock().now().millis());
    assert_eq!(published.as_object().unwrap().len(), 4, "{published}");
}

/// The catalogue's own example.
fn telco_lookup() -> Value {
    let catalogue = domain::catalogue::Catalogue::get();
    serde_json::to_value(catalogue.find("telco.lookup.completed").unwrap().example()).unwrap()
}

#[tokio::test]
async fn an_event_is_read_back_with_what_became_of_it() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let id = caller.publish("send.email.sent", DELICATE).await;
    let path = format!("/v1/events/{id}");
    caller.get(&path).await.expect(404);
    platform.pump_events().await;
    assert_eq!(caller.delivery(&id, &hook.id).await["status"], "pending");
    platform.pump().await;

    let read = caller.get(&path).await.expect(200);
    assert!(read.text.contains(&format!(r#""data":{DELICATE}"#)), "{}", read.text);
    let event = read.json();
    assert_eq!((&event["eventId"], &event["type"]), (&json!(id), &json!("send.email.sent")));
    let delivery = caller.delivery(&id, &hook.id).await;
    assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("delivered"), &Value::Null));
    let [attempt] = &delivery["attempts"].as_array().unwrap()[..] else { panic!("{delivery}") };
    assert_eq!((&attempt["number"], &attempt["status_code"]), (&json!(1), &json!(200)));
    assert_eq!((&attempt["error_code"], &attempt["address"]), (&Value::Null, &json!("127.0.0.1")));
    let endpoint = caller.endpoint(&hook.id).await;
    assert_eq!(
        (&endpoint["last_delivery_status"], &endpoint["consecutive_failures"]),
        (&json!(200), &json!(0))
    );
}

#[tokio::test]
async fn the_largest_and_least_compressible_data_arrives() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    caller.subscribe(&receiver.url(), &["*"]).await;
    let mut state = 1_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'#' + u8::try_from((state >> 33) % 57).unwrap())
    })
    .take(200 * 1024 - r#"{"messageId":""}"#.len())
    .collect();
    let data = format!(r#"{{"messageId":"{noise}"}}"#);
    assert_eq!(data.len(), 200 * 1024);
    let id = caller.publish("send.email.sent", &data).await;
    platform.settle().await;
    assert!(receiver.arrived(1).await[0].body.contains(&data));
    assert!(caller.get(&format!("/v1/events/{id}")).await.expect(200).text.contains(&data));
}

#[tokio::test]
async fn an_event_older_than_30_days_is_gone_though_the_database_has_it() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let id = caller.publish_any().await;
    platform.pump().await;
    platform.aws.advance(Duration::from_secs(30 * 24 * 60 * 60 - 1));
    caller.event(&id).await;
    platform.aws.advance(Duration::from_secs(1));
    caller.get(&format!("/v1/events/{id}")).await.expect(404);
    assert!(!platform.aws.items("LogTable").is_empty());
}

/// The calls that read one event.
fn readers(event: &str) -> [(Method, String); 4] {
    let path = format!("/v1/events/{event}");
    [
        (Method::GET, path.clone()),
        (Method::HEAD, path.clone()),
        (Method::GET, format!("{path}/deliveries?limit=1")),
        (Method::POST, format!("{path}/resend")),
    ]
}

/// Checks that all of them answer that there is no such event, or none yet.
async fn check_absent(platform: &Platform, key: &str, event: &str, code: &str) {
    for (method, path) in readers(event) {
        let answer = platform.with_key(key).send(method.clone(), &path, &[], "").await.expect(404);
        let retry_after = if code == "event_not_logged_yet" { "1" } else { "" };
        assert_eq!(answer.header("retry-after"), retry_after, "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(answer.json()["code"], code, "{method} {path}: {}", answer.text);
            assert_eq!(answer.json()["error"], "not_found", "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_event_that_waits_to_be_logged_is_told_from_one_that_does_not_exist() {
    let platform = Platform::new();
    let (key, stranger) = (platform.organization().await.key, platform.organization().await.key);
    platform.with_key(&key).subscribe("https://127.0.0.1/", &["*"]).await;
    let event = platform.with_key(&key).publish_any().await;

    check_absent(&platform, &key, &event, "event_not_logged_yet").await;
    // The id says when, not whose.
    check_absent(&platform, &stranger, &event, "event_not_logged_yet").await;
    platform.aws.advance(LOGGED_WITHIN);
    check_absent(&platform, &key, &event, "event_not_logged_yet").await;
    platform.aws.advance(Duration::from_millis(1));
    check_absent(&platform, &key, &event, "not_found").await;

    // However long it waited.
    platform.pump_events().await;
    for (method, path) in readers(&event) {
        let answer = platform.with_key(&key).send(method.clone(), &path, &[], "").await;
        assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn an_id_that_no_event_can_have_yet_is_simply_not_found() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let now = platform.aws.clock().now();
    let code = Catalogue::get().find("send.email.sent").unwrap().code();
    let lane = Lane { livemode: true, shard: 0 };
    let ahead = now.after(CLOCKS_DIFFER);
    for (at, code, expected) in [
        (now, code, "event_not_logged_yet"),
        (ahead, code, "event_not_logged_yet"),
        (ahead.after(Duration::from_millis(1)), code, "not_found"),
        (now.after(Duration::from_hours(1)), code, "not_found"),
        (now, EventId::MAX_TYPE_CODE, "not_found"),
    ] {
        let id = EventId::new(at, code, lane, [7; 8]);
        check_absent(&platform, &key, &id.to_string(), expected).await;
    }
}

/// Fan-out has received it as often as the queue lets it by then.
#[test]
fn an_event_is_awaited_until_its_message_is_logged_or_dead() {
    let template = Template::of_project();
    let queue = &template.queues()[EVENTS];
    let receives = queue.redrive.as_ref().unwrap().max_receive_count;
    assert_eq!(queue.visibility_timeout * receives, LOGGED_WITHIN);
    let alarm = template.parameter("DeliveryAgeAlarmSeconds");
    assert_eq!(LOGGED_WITHIN, Duration::from_secs(alarm));
}

/// Publishes with a fault at the first call of the bus.
async fn publish_with(platform: &Platform, key: &str, fault: Fault) -> Answer {
    let caller = platform.with_key(key);
    // Warm, so that both requests make the same calls.
    for _ in 0..2 {
        platform.aws.forget_calls();
        caller.publish_any().await;
    }
    let publishing = platform.aws.calls().iter().position(|call| call.operation == "PutEvents").unwrap();
    platform.aws.forget_calls();
    platform.aws.inject(publishing, fault);
    let answer =
        caller.post_text("/v1/events", r#"{"type":"send.email.sent","data":{"messageId":"m"}}"#).await;
    assert!(platform.aws.fault_struck());
    assert_eq!(platform.aws.calls()[publishing].operation, "PutEvents");
    answer
}

#[tokio::test]
async fn what_the_bus_does_not_take_is_no_202() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let refused = publish_with(&platform, &key, Fault::Outage).await.expect(500).json();
    assert_eq!(refused["error"], "internal_error");
    assert_eq!(platform.aws.messages(EVENTS).len(), 2, "only the two before");
}

#[tokio::test]
async fn a_call_of_the_bus_that_fails_once_is_made_again() {
    for fault in [Fault::PartOnly, Fault::FailBefore, Fault::FailAfter] {
        let platform = Platform::new();
        let key = platform.organization().await.key;
        let published = publish_with(&platform, &key, fault).await.expect(202).json();
        let id = published["eventId"].as_str().unwrap();
        let messages = platform.aws.messages(EVENTS);
        let carrying = messages.iter().filter(|message| message.contains(id)).count();
        // Where only the answer was lost, the event is on the queue twice and fan-out drops one.
        assert_eq!(carrying, if fault == Fault::FailAfter { 2 } else { 1 }, "{fault:?}");
    }
}
