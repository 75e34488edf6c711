//! `PutEvents` by a service of the platform, past the API.

use std::time::Duration;

use aws_sdk_eventbridge::{Client, primitives::DateTime, types::PutEventsRequestEntry};
use domain::{
    Timestamp,
    audience::Audience,
    catalogue::Catalogue,
    event::{Event, RETENTION},
    event_data::EventData,
    ids::{EventId, Lane},
};
use messaging::Detail;
use serde_json::{Value, json};
use tests::{
    aws::Fault,
    logs::Logs,
    metrics::measured_by,
    platform::{EVENTS, EVENTS_DEAD_LETTERS},
    receiver::{Receiver, Reply},
};

use crate::stage::{Stage, TYPE};

impl Stage {
    /// Puts one event on the bus with the SDK, as a service would.
    pub(crate) async fn put(&self, source: &str, event_type: &str, detail: &str) {
        self.put_at(None, source, event_type, detail).await;
    }

    /// The same, with a time of its own.
    async fn put_at(&self, time: Option<Timestamp>, source: &str, event_type: &str, detail: &str) {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(self.platform.aws.template().rule().bus)
            .set_time(time.map(|time| DateTime::from_millis(time.millis())))
            .source(source)
            .detail_type(event_type)
            .detail(detail)
            .build();
        let client = Client::new(&self.platform.aws.config());
        let answer = client.put_events().entries(entry).send().await.unwrap();
        assert_eq!(answer.failed_entry_count(), 0, "{answer:?}");
    }

    pub(crate) fn detail(&self, data: &str) -> String {
        format!(r#"{{"organizationId":"{}","data":{data}}}"#, self.organization)
    }
}

#[tokio::test]
async fn a_service_s_event_is_logged_and_delivered_like_any_other() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["send.email.*"]).await;
    stage.put("dodev.send", TYPE, &stage.detail(r#"{"messageId":"m","n":[1,2.5,null]}"#)).await;
    stage.platform.settle().await;
    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(post.verifies(&hook.secret));
    assert_eq!(post.json()["data"], json!({ "messageId": "m", "n": [1, 2.5, null] }));
    assert_eq!((&post.json()["service"], &post.json()["livemode"]), (&json!("send"), &json!(true)));
    let event = stage.caller().event(&post.event_id()).await;
    assert_eq!(event["createdAt"], stage.platform.aws.clock().now().millis());
    assert_eq!(event["deliveries"][0]["status"], "delivered");
    assert_eq!(stage.logged(), [post.event_id()]);
}

#[tokio::test]
async fn an_event_of_the_test_s_type_that_is_for_all_subscribers_counts_whenever_it_is_sent() {
    let stage = Stage::set().await;
    let receiver = Receiver::answering(vec![Reply::status(500); 10]).await;
    let once = json!({ "retry_policy": { "max_retries": 1 } });
    let hook = stage.caller().subscribe_with(&receiver.url(), &["platform.test"], once).await;
    let failures = async || stage.caller().endpoint(&hook.id).await["consecutive_failures"].clone();

    stage.put("dodev.platform", "platform.test", &stage.detail(r#"{"endpoint_id":"another"}"#)).await;
    stage.platform.pump().await;
    assert_eq!(failures().await, 1, "at first");

    // A new start, which lets go what waits for its retry.
    let path = format!("/v1/webhooks/{}", hook.id);
    stage.caller().patch(&path, json!({ "timeout_seconds": 30 })).await.expect(200);
    assert_eq!(failures().await, 0);
    stage.platform.aws.advance(Duration::from_secs(1));
    stage.platform.pump().await;
    assert_eq!((receiver.received().len(), failures().await), (2, json!(1)), "let go");

    stage.platform.aws.advance(Duration::from_secs(1));
    let event = receiver.received()[0].event_id();
    stage.caller().post(&format!("/v1/events/{event}/resend"), json!({})).await.expect(202);
    stage.platform.pump().await;
    assert_eq!((receiver.received().len(), failures().await), (3, json!(2)), "sent again");
}

#[tokio::test]
async fn a_service_that_carries_its_data_has_it_delivered_to_the_letter() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let data = r#"{"b":1.0,  "a":123456789012345678901234567890,"messageId":"\u00e9"}"#;
    let text = json!({ "organizationId": stage.organization, "carriedData": { "text": data } });
    stage.put("dodev.send", TYPE, &text.to_string()).await;
    let lane = Lane { livemode: false, shard: 0 };
    let code = Catalogue::get().find(TYPE).unwrap().code();
    let event = Event {
        id: EventId::new(Timestamp::from_millis(1_799_999_999_123), code, lane, [3; 8]),
        organization: stage.organization,
        event_type: TYPE.into(),
        data: EventData::parse(data).unwrap(),
        livemode: false,
        created_at: Timestamp::from_millis(1_799_999_999_123),
    };
    let whole = serde_json::to_string(&Detail::of(&event, Audience::Subscribers)).unwrap();
    stage.put("dodev.send", TYPE, &whole).await;
    stage.platform.settle().await;
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    for post in &received {
        assert!(post.body.contains(&format!(r#""data":{data},"#)), "{}", post.body);
    }
    assert_eq!(received[1].event_id(), event.id.to_string());
    assert_eq!(received[1].json()["createdAt"], 1_799_999_999_123_i64);
}

#[tokio::test]
async fn what_the_bus_or_the_queue_brings_twice_is_one_event() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    stage.put("dodev.send", TYPE, &stage.detail(r#"{"messageId":"m"}"#)).await;
    let message = stage.platform.aws.messages(EVENTS).pop().unwrap();
    stage.platform.aws.duplicate_messages(EVENTS);
    stage.platform.settle().await;
    // Routed at the same moment, it may be delivered twice: under one id, by which receivers know it.
    let received = receiver.received();
    assert!(received.iter().all(|post| post.event_id() == received[0].event_id()), "{received:?}");
    assert_eq!(stage.logged(), [received[0].event_id()]);
    // Once more, much later: it is known by then.
    stage.platform.aws.advance(std::time::Duration::from_hours(1));
    stage.platform.aws.send(EVENTS, &message);
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (1, received.len()));
    // Published twice, it is two: a service that must not repeat itself gives its events ids.
    for _ in 0..2 {
        stage.put("dodev.send", TYPE, &stage.detail(r#"{"messageId":"m"}"#)).await;
    }
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (3, received.len() + 2));
}

#[tokio::test]
async fn an_event_with_an_id_that_is_published_twice_is_one() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let code = Catalogue::get().find(TYPE).unwrap().code();
    let lane = Lane { livemode: true, shard: 0 };
    let id = EventId::new(stage.platform.aws.clock().now(), code, lane, [9; 8]);
    let detail = json!({ "organizationId": stage.organization, "eventId": id, "data": { "messageId": "m" } });
    for _ in 0..2 {
        stage.put("dodev.send", TYPE, &detail.to_string()).await;
        stage.platform.settle().await;
    }
    assert_eq!((stage.logged(), receiver.received().len()), (vec![id.to_string()], 1));
}

#[tokio::test]
async fn what_breaks_the_detail_s_schema_ends_in_the_dead_letter_queue_alone() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let good = stage.detail(r#"{"messageId":"m"}"#);
    let broken = [
        ("dodev.send", TYPE, "{}".to_owned()),
        ("dodev.send", TYPE, stage.detail("[]")),
        ("dodev.send", TYPE, good.replace("data", "payload")),
        ("dodev.send", TYPE, good.replace("org_", "key_")),
        ("dodev.talk", TYPE, good.clone()),
        ("dodev.send", "send.email.lost", good.clone()),
    ];
    for (source, event_type, detail) in &broken {
        stage.put(source, event_type, detail).await;
    }
    stage.put("dodev.send", TYPE, &good).await;
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (1, 1), "the good one alone");
    let dead: Vec<Value> =
        stage.platform.aws.messages(EVENTS_DEAD_LETTERS).iter().map(|it| it.parse().unwrap()).collect();
    let dead: Vec<_> = dead.iter().map(|message| message["detail"].clone()).collect();
    let expected: Vec<Value> = broken.iter().map(|(_, _, detail)| detail.parse().unwrap()).collect();
    assert_eq!(dead, expected);
    assert_eq!(stage.platform.aws.messages(EVENTS), Vec::<String>::new());
}

/// What the API refuses with a 400, a service learns from the dead-letter queue: receivers never see it.
#[tokio::test]
async fn data_that_breaks_its_type_s_schema_is_no_event_either() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    for data in ["{}", r#"{"messageId":7}"#] {
        stage.put("dodev.send", TYPE, &stage.detail(data)).await;
    }
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (0, 0));
    assert_eq!(stage.platform.aws.messages(EVENTS_DEAD_LETTERS).len(), 2);
}

#[tokio::test]
async fn what_is_not_of_the_platform_s_services_is_left_alone() {
    let stage = Stage::set().await;
    stage.put("aws.s3", TYPE, &stage.detail(r#"{"messageId":"m"}"#)).await;
    assert_eq!(stage.platform.aws.messages(EVENTS), Vec::<String>::new());
}

#[tokio::test]
async fn an_event_from_the_future_waits_for_its_time() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let now = stage.platform.aws.clock().now();
    stage.put("dodev.send", TYPE, &stage.detail(r#"{"messageId":"m"}"#)).await;
    let [message] = &stage.platform.aws.receive(EVENTS, 10)[..] else { panic!("one message") };
    stage.platform.aws.delete(EVENTS, &message.receipt_handle);
    let mut envelope: Value = message.body.parse().unwrap();
    let ahead = Timestamp::from_millis((now.seconds() + 60) * 1_000);
    envelope["time"] = json!(ahead.rfc3339());
    stage.platform.aws.send(EVENTS, &envelope.to_string());
    stage.platform.pump().await;
    assert_eq!(stage.logged(), Vec::<String>::new(), "its place in the log is not settled yet");
    stage.platform.settle().await;
    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert_eq!(EventId::parse(&post.event_id()).unwrap().created_at(), ahead);
}

#[tokio::test]
async fn a_service_s_event_for_one_endpoint_is_retried_and_held_like_any_other() {
    let (stage, receiver) = (Stage::set().await, Receiver::answering([Reply::status(500)]).await);
    let hook = stage.caller().subscribe(&receiver.url(), &["telco.*"]).await;
    let other = stage.caller().subscribe(&receiver.url(), &["send.*"]).await;
    let detail = json!({
        "organizationId": stage.organization,
        "data": { "messageId": "m" },
        "audience": { "only": hook.id },
    });
    stage.put("dodev.send", TYPE, &detail.to_string()).await;
    stage.platform.settle().await;
    let received = receiver.received();
    assert_eq!(received.iter().map(|post| post.answered).collect::<Vec<_>>(), [500, 200]);
    assert!(received.iter().all(|post| post.verifies(&hook.secret) && !post.verifies(&other.secret)));
    stage.caller().post(&format!("/v1/webhooks/{}/pause", hook.id), json!({})).await.expect(200);
    stage.put("dodev.send", TYPE, &detail.to_string()).await;
    stage.platform.settle().await;
    assert_eq!(receiver.received().len(), 2);
    let held = stage.caller().get(&format!("/v1/webhooks/{}/deliveries?status=held", hook.id)).await;
    assert_eq!(held.expect(200).json()["deliveries"].as_array().unwrap().len(), 1);
}

/// An id of the stage's type that was made then.
fn id_of(at: Timestamp) -> EventId {
    let code = Catalogue::get().find(TYPE).unwrap().code();
    EventId::new(at, code, Lane { livemode: true, shard: 0 }, [9; 8])
}

#[tokio::test]
async fn an_event_that_the_log_would_keep_no_longer_ends_in_the_dead_letter_queue() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let detail = stage.detail(r#"{"messageId":"m"}"#);
    let now = stage.platform.aws.clock().now().millis();
    let ago = |span: Duration| Timestamp::from_millis(now - i64::try_from(span.as_millis()).unwrap());

    // The last that is kept, for long enough to be delivered.
    let just_young_enough = RETENTION.checked_sub(Duration::from_secs(1)).unwrap();
    stage.put_at(Some(ago(just_young_enough)), "dodev.send", TYPE, &detail).await;
    stage.platform.pump().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (1, 1));

    // Of exactly 30 days ago, of longer ago, and with an id that says so.
    stage.put_at(Some(ago(RETENTION)), "dodev.send", TYPE, &detail).await;
    stage.put_at(Some(ago(2 * RETENTION)), "dodev.send", TYPE, &detail).await;
    let id = id_of(ago(RETENTION));
    let with_id =
        json!({ "organizationId": stage.organization, "eventId": id, "data": { "messageId": "m" } });
    stage.put("dodev.send", TYPE, &with_id.to_string()).await;
    let refused = stage.platform.aws.messages(EVENTS);
    assert_eq!(refused.len(), 3);
    stage.platform.settle().await;

    assert_eq!((stage.logged().len(), receiver.received().len()), (1, 1), "neither logged nor delivered");
    assert_eq!(stage.platform.aws.messages(EVENTS_DEAD_LETTERS), refused);
}

/// Brings what is no event to the queue in every way that there is, and tells the code that each is refused with.
async fn put_what_is_refused(stage: &Stage) -> Vec<&'static str> {
    let (organization, now) = (stage.organization, stage.platform.aws.clock().now());
    let good = stage.detail(r#"{"messageId":"m"}"#);
    let with_id = |id| {
        let data = json!({ "messageId": "m" });
        json!({ "organizationId": organization, "eventId": id, "data": data }).to_string()
    };
    let other_type = EventId::new(now, 999, Lane { livemode: true, shard: 0 }, [5; 8]);
    let deep = format!(r#"{{"messageId":"m","x":{}{}}}"#, "[".repeat(60), "]".repeat(60));
    let large = json!({ "messageId": "m".repeat(200 * 1024) }).to_string();
    let put = [
        ("detail_unreadable", "dodev.send", TYPE, "{}".to_owned()),
        ("detail_unreadable", "dodev.send", TYPE, good.replace("org_", "key_")),
        ("event_type_unknown", "dodev.send", "send.email.lost", good.clone()),
        ("source_mismatch", "dodev.talk", TYPE, good.clone()),
        ("event_id_mismatch", "dodev.send", TYPE, with_id(other_type)),
        ("event_expired", "dodev.send", TYPE, with_id(id_of(Timestamp::from_millis(1)))),
        ("data_required", "dodev.send", TYPE, json!({ "organizationId": organization }).to_string()),
        ("data_invalid", "dodev.send", TYPE, stage.detail("[]")),
        ("data_too_large", "dodev.send", TYPE, stage.detail(&large)),
        ("data_too_deep", "dodev.send", TYPE, stage.detail(&deep)),
        ("data_breaks_schema", "dodev.send", TYPE, stage.detail("{}")),
    ];
    for (_, source, event_type, detail) in &put {
        stage.put(source, event_type, detail).await;
    }
    let mut codes: Vec<_> = put.iter().map(|(code, ..)| *code).collect();

    let (long_ago, tomorrow) = (Timestamp::from_millis(0), now.after(Duration::from_hours(24)));
    stage.put_at(Some(long_ago), "dodev.send", TYPE, &good).await;
    stage.put_at(Some(tomorrow), "dodev.send", TYPE, &good).await;
    codes.extend(["event_expired", "event_from_future"]);

    // What the bus does not bring, but who has access to the queue may.
    let detail: Value = good.parse().unwrap();
    let timeless = json!({ "id": "i", "source": "dodev.send", "detail-type": TYPE, "time": "yesterday", "detail": detail });
    for message in ["", "not json", "{}", &timeless.to_string()] {
        stage.platform.aws.send(EVENTS, message);
    }
    codes.extend(["envelope_unreadable", "envelope_unreadable", "envelope_unreadable", "time_unreadable"]);
    codes
}

/// How often a message of the events queue is received before it is a dead letter.
fn looks(stage: &Stage) -> usize {
    let queues = stage.platform.aws.template().queues();
    let redrive = queues[EVENTS].redrive.as_ref().unwrap();
    redrive.max_receive_count.try_into().unwrap()
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

#[tokio::test]
async fn whatever_is_refused_has_a_code_in_the_log_and_becomes_a_dead_letter() {
    let (logs, stage) = (Logs::capture("info"), Stage::set().await);
    let codes = put_what_is_refused(&stage).await;
    let messages = sorted(stage.platform.aws.messages(EVENTS));
    stage.platform.settle().await;

    let dead = sorted(stage.platform.aws.messages(EVENTS_DEAD_LETTERS));
    assert!(dead == messages, "{} of {} are dead letters", dead.len(), messages.len());
    assert_eq!(stage.logged(), Vec::<String>::new());

    let lines: Vec<Value> = logs.text().lines().filter_map(|line| line.parse().ok()).collect();
    let logged: Vec<_> = lines.iter().filter_map(|line| line["refusal.code"].as_str()).collect();
    assert_eq!(sorted(logged), sorted(codes.repeat(looks(&stage))));

    let readme = include_str!("../../../shared/messaging/README.md");
    for code in codes {
        assert!(readme.contains(&format!("| `{code}` |")), "the README does not have {code}");
    }
}

#[tokio::test]
async fn whatever_is_refused_is_counted_at_each_look() {
    let test = "direct::whatever_is_refused_has_a_code_in_the_log_and_becomes_a_dead_letter";
    let counted = measured_by(test, "EventsRefused");

    let stage = Stage::set().await;
    let expected = put_what_is_refused(&stage).await.len() * looks(&stage);
    assert_eq!(counted, u64::try_from(expected).unwrap());
}

/// A fault of ours is no refusal: it passes, and nobody has to mend the event.
#[tokio::test]
async fn an_event_that_could_not_be_routed_yet_is_not_called_refused() {
    let (logs, stage) = (Logs::capture("info"), Stage::set().await);
    let id = stage.caller().publish(TYPE, r#"{"messageId":"m"}"#).await;
    stage.platform.aws.forget_calls();
    stage.platform.aws.inject(0, Fault::Outage);
    stage.platform.pump_events().await;
    assert!(logs.text().contains("event not routed") && !logs.text().contains("refusal.code"));

    stage.platform.settle().await;
    assert_eq!(stage.logged(), [id]);
}
