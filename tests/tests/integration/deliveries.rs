//! Attempts, retries and what is recorded of them.

use std::time::Duration;

use domain::{endpoint::Thresholds, event::RETENTION, ids::EndpointId};
use serde_json::{Value, json};
use tests::{
    logs::Logs,
    metrics::measured_by,
    platform::{Caller, DELIVERIES, DELIVERIES_DEAD_LETTERS, Deployment, EVENTS, Hook, Platform, changing},
    receiver::{Receiver, Reply},
};

/// An organization with one endpoint at a receiver.
struct Stage {
    platform: Platform,
    receiver: Receiver,
    organization: tests::platform::Organization,
    hook: Hook,
}

impl Stage {
    /// The receiver answers with these statuses, then with 200; the endpoint has these fields.
    async fn set(statuses: &[u16], fields: Value) -> Self {
        Self::replying(statuses.iter().map(|status| Reply::status(*status)), fields).await
    }

    async fn replying(replies: impl IntoIterator<Item = Reply>, fields: Value) -> Self {
        // Whether an endpoint is failing is another file's matter.
        let mut deployment = Deployment::default();
        deployment.thresholds = Thresholds { failing_after: 100, pause_after: 100, ..deployment.thresholds };
        let (platform, receiver) = (Platform::deployed(deployment), Receiver::answering(replies).await);
        let organization = platform.organization().await;
        let hook = platform.with_key(&organization.key).subscribe_with(&receiver.url(), &["*"], fields).await;
        Self { platform, receiver, organization, hook }
    }

    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.organization.key)
    }

    fn endpoint(&self) -> EndpointId {
        EndpointId::parse(&self.hook.id).unwrap()
    }

    async fn delivery(&self, event: &str) -> Value {
        self.caller().delivery(event, &self.hook.id).await
    }

    /// The events of the endpoint's deliveries with this status.
    async fn listed(&self, status: &str) -> Vec<String> {
        let path = format!("/v1/webhooks/{}/deliveries?status={status}", self.hook.id);
        let list = self.caller().get(&path).await.expect(200).json();
        let deliveries = list["deliveries"].as_array().unwrap().iter();
        deliveries.map(|it| it["event_id"].as_str().unwrap().to_owned()).collect()
    }

    fn now(&self) -> i64 {
        self.platform.aws.clock().now().millis()
    }
}

fn retries(max_retries: u32) -> Value {
    json!({ "retry_policy": { "max_retries": max_retries, "initial_delay_seconds": 10, "backoff_factor": 2 } })
}

fn outcomes(delivery: &Value) -> Vec<Value> {
    delivery["attempts"].as_array().unwrap().iter().map(|it| it["status_code"].clone()).collect()
}

#[tokio::test]
async fn a_failed_attempt_is_recorded_and_comes_back_when_it_is_due() {
    let stage = Stage::replying([Reply::status(503).body("come again")], retries(5)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;

    let delivery = stage.delivery(&event).await;
    assert_eq!(delivery["status"], "retrying");
    let due = delivery["next_attempt_at"].as_i64().unwrap() - stage.now();
    assert!((9_000..12_000).contains(&due), "10 seconds, ±10 %, from the attempt's end: {due}");
    assert_eq!(delivery["attempts"][0]["response_body"], "come again");
    stage.platform.pump().await;
    assert_eq!(stage.receiver.received().len(), 1, "its message is hidden");

    assert!(stage.platform.advance_to_next_visibility());
    assert!(stage.now() >= delivery["next_attempt_at"].as_i64().unwrap(), "it is back when it is due");
    stage.platform.pump().await;
    let delivery = stage.delivery(&event).await;
    assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("delivered"), &Value::Null));
    assert_eq!(outcomes(&delivery), [503, 200]);
    assert_eq!(stage.platform.aws.messages(DELIVERIES), Vec::<String>::new());
}

#[tokio::test]
async fn every_attempt_is_signed_for_its_own_moment() {
    let stage = Stage::set(&[500, 500], retries(2)).await;
    stage.caller().publish_any().await;
    stage.platform.settle().await;
    let received = stage.receiver.arrived(3).await;
    assert!(received.iter().all(|request| request.verifies(&stage.hook.secret)));
    let times: Vec<i64> =
        received.iter().map(|request| request.header("x-dodevwebhook-timestamp").parse().unwrap()).collect();
    assert!(times[1] - times[0] >= 9 && times[2] - times[1] >= 18, "{times:?}");
    assert_eq!(received[0].body, received[2].body);
}

#[tokio::test]
async fn a_delivery_whose_retries_are_used_up_has_failed() {
    let stage = Stage::set(&[404, 302], retries(1)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    let delivery = stage.delivery(&event).await;
    assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("failed"), &Value::Null));
    assert_eq!(outcomes(&delivery), [404, 302]);
    assert_eq!(stage.receiver.received().len(), 2);
    assert_eq!(stage.platform.aws.messages(DELIVERIES_DEAD_LETTERS), Vec::<String>::new());
}

#[tokio::test]
async fn without_retries_the_first_failure_is_the_last() {
    let stage = Stage::set(&[500], retries(0)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    assert_eq!(stage.delivery(&event).await["status"], "failed");
    assert_eq!(stage.receiver.received().len(), 1);
}

#[tokio::test]
async fn retry_after_lengthens_the_wait() {
    let stage = Stage::replying([Reply::status(429).header("retry-after", "120")], retries(1)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;
    let due = stage.delivery(&event).await["next_attempt_at"].as_i64().unwrap() - stage.now();
    assert!((120_000..122_000).contains(&due), "{due}");
    stage.platform.settle().await;
    assert_eq!(stage.delivery(&event).await["status"], "delivered");
}

#[tokio::test]
async fn the_longest_retry_after_is_waited_for_though_sqs_hides_for_12_hours_at_most() {
    let stage = Stage::replying([Reply::status(503).header("retry-after", "43200")], retries(1)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;
    let due = stage.delivery(&event).await["next_attempt_at"].as_i64().unwrap();
    stage.platform.settle().await;
    assert_eq!(stage.delivery(&event).await["status"], "delivered");
    let received = stage.receiver.arrived(2).await;
    let second: i64 = received[1].header("x-dodevwebhook-timestamp").parse().unwrap();
    assert!(second >= due / 1_000, "not before it was due: {second} {due}");
}

#[tokio::test]
async fn gone_disables_the_endpoint_at_once() {
    let stage = Stage::set(&[410], retries(5)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    assert_eq!(stage.delivery(&event).await["status"], "failed");
    assert_eq!(stage.caller().endpoint(&stage.hook.id).await["is_active"], false);
    let later = stage.caller().publish_any().await;
    stage.platform.settle().await;
    assert_eq!(stage.caller().event(&later).await["deliveries"], json!([]));
    assert_eq!(stage.receiver.received().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_a_timeout_and_delays_no_other() {
    let held = Receiver::answering([Reply::status(200).held()]).await;
    let stage = Stage::set(&[], json!({})).await;
    let fields = json!({ "timeout_seconds": 1, "retry_policy": { "max_retries": 0 } });
    let hanging = stage.caller().subscribe_with(&held.url(), &["*"], fields).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    let delivering = async {
        stage.platform.pump_deliveries().await;
    };
    let others = async {
        stage.receiver.arrived(1).await;
        held.arrived(1).await;
    };
    tokio::join!(delivering, others);
    assert_eq!(stage.delivery(&event).await["status"], "delivered");
    let hung = stage.caller().delivery(&event, &hanging.id).await;
    assert_eq!((&hung["status"], &hung["attempts"][0]["error_code"]), (&json!("failed"), &json!("timeout")));
    assert!(hung["attempts"][0]["duration_ms"].as_i64().unwrap() >= 1_000, "{hung}");
}

#[tokio::test]
async fn a_receiver_that_is_down_is_told_apart_by_its_error_code() {
    let stage = Stage::set(&[], json!({})).await;
    let gone = Receiver::start().await;
    let url = gone.url();
    let hook = stage.caller().subscribe_with(&url, &["*"], retries(0)).await;
    drop(gone);
    // Its socket closes when the task that accepts has ended.
    while tokio::net::TcpStream::connect(url.split('/').nth(2).unwrap()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    let attempt = stage.caller().delivery(&event, &hook.id).await["attempts"][0].clone();
    assert_eq!(attempt["error_code"], "connection_refused", "{attempt}");
    assert_eq!(attempt["status_code"], Value::Null);
}

#[tokio::test]
async fn nothing_is_sent_to_an_endpoint_deleted_after_the_event() {
    let stage = Stage::set(&[], json!({})).await;
    stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    let registry = stage.platform.registry();
    assert!(registry.delete_endpoint(stage.organization.id, stage.endpoint()).await.unwrap());
    stage.platform.settle().await;
    assert_eq!(stage.receiver.received().len(), 0);
}

#[tokio::test]
async fn nothing_is_sent_to_an_endpoint_deleted_or_disabled_while_a_retry_waits() {
    for delete in [true, false] {
        let stage = Stage::set(&[500], retries(5)).await;
        let event = stage.caller().publish_any().await;
        stage.platform.pump().await;
        let later = stage.caller().publish_any().await;
        stage.platform.pump_events().await;
        let path = format!("/v1/webhooks/{}", stage.hook.id);
        if delete {
            stage.caller().delete(&path).await.expect(204);
        } else {
            stage.caller().patch(&path, json!({ "is_active": false })).await.expect(200);
        }
        stage.platform.settle().await;
        assert_eq!(stage.receiver.received().len(), 1);
        assert_eq!(stage.platform.aws.messages(DELIVERIES), Vec::<String>::new());
        for (event, attempts) in [(event, 1), (later, 0)] {
            let delivery = stage.delivery(&event).await;
            assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("failed"), &Value::Null));
            assert_eq!(outcomes(&delivery).len(), attempts);
        }
    }
}

#[tokio::test]
async fn a_changed_url_is_where_the_retry_goes() {
    let (stage, moved) = (Stage::set(&[500], retries(5)).await, Receiver::start().await);
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;
    let change = changing(|settings| settings.url = moved.url());
    let (registry, now) = (stage.platform.registry(), stage.platform.aws.clock().now());
    registry.update_endpoint(stage.organization.id, stage.endpoint(), now, change).await.unwrap();
    stage.platform.settle().await;
    assert_eq!((stage.receiver.received().len(), moved.received().len()), (1, 1));
    assert_eq!(stage.delivery(&event).await["status"], "delivered");
}

#[tokio::test]
async fn failures_are_counted_and_a_success_sets_the_count_to_0() {
    let stage = Stage::set(&[500, 500, 200], retries(1)).await;
    stage.caller().publish_any().await;
    stage.platform.settle().await;
    let endpoint = stage.caller().endpoint(&stage.hook.id).await;
    assert_eq!(
        (&endpoint["consecutive_failures"], &endpoint["last_delivery_status"]),
        (&json!(2), &json!(500))
    );
    stage.caller().publish_any().await;
    stage.platform.settle().await;
    let endpoint = stage.caller().endpoint(&stage.hook.id).await;
    assert_eq!(
        (&endpoint["consecutive_failures"], &endpoint["last_delivery_status"]),
        (&json!(0), &json!(200))
    );
}

#[tokio::test]
async fn a_message_that_comes_back_after_its_delivery_is_done_is_not_sent_again() {
    let stage = Stage::set(&[], json!({})).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    // Recorded, but the function dies before its message is deleted.
    let batch = stage.platform.aws.receive(DELIVERIES, 1);
    let [message] = &batch[..] else { panic!("{batch:?}") };
    stage.platform.aws.send(DELIVERIES, &message.body);
    stage.platform.pump().await;
    assert_eq!(stage.delivery(&event).await["status"], "delivered");
    stage.platform.settle().await;
    assert_eq!(stage.receiver.received().len(), 1);
    assert_eq!(outcomes(&stage.delivery(&event).await), [200]);
}

#[tokio::test]
async fn duplicated_messages_change_no_outcome_and_no_schedule() {
    for (statuses, status, attempts) in [(&[][..], "delivered", 1), (&[500; 100], "failed", 3)] {
        let stage = Stage::set(statuses, retries(2)).await;
        let event = stage.caller().publish_any().await;
        stage.platform.aws.duplicate_messages(EVENTS);
        stage.platform.pump_events().await;
        stage.platform.aws.duplicate_messages(DELIVERIES);
        let messages = stage.platform.aws.messages(DELIVERIES).len();
        stage.platform.settle().await;
        let delivery = stage.delivery(&event).await;
        assert_eq!(delivery["status"], status, "{delivery}");
        assert_eq!(delivery["next_attempt_at"], Value::Null, "{delivery}");
        assert_eq!(outcomes(&delivery).len(), attempts, "{delivery}");
        // Each message may repeat the attempt that it runs beside, but not the retries after it.
        let posts = stage.receiver.received().len();
        assert!(posts < attempts + messages, "{posts} POSTs for {attempts} attempts and {messages} messages");
    }
}

#[tokio::test]
async fn a_message_brought_before_it_is_due_waits_and_costs_no_attempt() {
    let stage = Stage::set(&[500], retries(5)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;
    let due = stage.delivery(&event).await["next_attempt_at"].clone();
    // As after a function that died between recording the failure and hiding the message.
    let message = stage.platform.aws.messages(DELIVERIES).pop().unwrap();
    let early = message.replace("\"purpose\":\"first\"", "\"purpose\":\"recheck\"");
    assert_ne!(early, message);
    stage.platform.aws.send(DELIVERIES, &early);
    stage.platform.aws.advance(Duration::from_secs(2));
    stage.platform.pump().await;
    assert_eq!(stage.receiver.received().len(), 1);
    assert_eq!(stage.delivery(&event).await["next_attempt_at"], due);
}

#[tokio::test]
async fn an_endpoint_s_deliveries_are_listed_newest_first_by_status_and_time() {
    let stage = Stage::set(&[200, 500, 200], retries(0)).await;
    let mut events = Vec::new();
    let start = stage.now();
    for _ in 0..3 {
        events.insert(0, stage.caller().publish_any().await);
        stage.platform.settle().await;
        stage.platform.aws.advance(Duration::from_secs(10));
    }
    let list = async |query: String| {
        let path = format!("/v1/webhooks/{}/deliveries{query}", stage.hook.id);
        let listed = stage.caller().get(&path).await.expect(200).json();
        let deliveries = listed["deliveries"].as_array().unwrap().clone();
        deliveries.iter().map(|it| it["event_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(String::new()).await, events);
    assert_eq!(list("?status=delivered".into()).await, [events[0].clone(), events[2].clone()]);
    assert_eq!(list("?status=failed".into()).await, [events[1].clone()]);
    assert_eq!(list("?status=held".into()).await, Vec::<String>::new());
    assert_eq!(list(format!("?after={}", start + 5_000)).await, events[..2]);
    assert_eq!(list(format!("?before={}", start + 5_000)).await, events[2..]);
    assert_eq!(
        list(format!("?after={}&before={}&status=failed", start + 5_000, start + 15_000)).await,
        events[1..2]
    );
    let path = format!("/v1/webhooks/{}/deliveries", stage.hook.id);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.caller().get(&format!("{path}?limit=1{cursor}")).await.expect(200).json();
        paged.push(page["deliveries"][0]["event_id"].as_str().unwrap().to_owned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, events);
    for query in ["status=lost", "after=yesterday", "status=failed&cursor=1.x"] {
        stage.caller().get(&format!("{path}?{query}")).await.expect(400);
    }
}

#[tokio::test]
async fn what_is_pending_is_seen_at_its_event_and_cannot_be_listed() {
    let stage = Stage::set(&[], json!({})).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    assert_eq!(stage.delivery(&event).await["status"], "pending");

    let path = format!("/v1/webhooks/{}/deliveries", stage.hook.id);
    let refused = stage.caller().get(&format!("{path}?status=pending")).await.expect(400).json();
    assert_eq!((&refused["code"], &refused["param"]), (&json!("status_invalid"), &json!("status")));
    let message = "status must be one of retrying, delivered, failed, held. A pending delivery is shown with its event: \
                   GET /v1/events/{id}";
    assert_eq!(refused["error"], message);
    let unknown = stage.caller().get(&format!("{path}?status=lost")).await.expect(400).json();
    assert_eq!(unknown["error"], "status must be one of retrying, delivered, failed, held");
}

#[tokio::test]
async fn what_is_put_back_from_the_dead_letter_queue_goes_on_from_its_record() {
    let stage = Stage::set(&[500], retries(2)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(500)]);
    stage.platform.aws.advance(Duration::from_hours(10));
    let [message] = &stage.platform.aws.receive(DELIVERIES, 10)[..] else { panic!("one message") };
    stage.platform.aws.delete(DELIVERIES, &message.receipt_handle);
    // A new message to the queue, received for the first time.
    stage.platform.aws.send(DELIVERIES, &message.body);
    stage.platform.settle().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(500), json!(200)]);
}

#[tokio::test]
async fn a_duplicate_that_comes_late_and_fails_does_not_hide_what_a_retry_delivered() {
    let stage = Stage::set(&[500, 200, 500], retries(2)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    let [message] = &stage.platform.aws.messages(DELIVERIES)[..] else { panic!("one message") };
    stage.platform.settle().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(500), json!(200)]);
    stage.platform.aws.send(DELIVERIES, message);
    stage.platform.settle().await;
    assert_eq!(stage.receiver.received().len(), 3, "first attempts are made unread");
    let delivery = stage.delivery(&event).await;
    assert_eq!(
        (&delivery["status"], outcomes(&delivery)),
        (&json!("delivered"), vec![json!(500), json!(200)])
    );
}

#[tokio::test]
async fn a_delivery_has_one_status_in_every_list() {
    let stage = Stage::set(&[200, 500, 500], retries(1)).await;
    let first = stage.caller().publish_any().await;
    stage.platform.settle().await;
    // Delivered at once, then sent again in vain.
    stage.caller().post(&format!("/v1/events/{first}/resend"), json!({})).await.expect(202);
    stage.platform.settle().await;
    assert_eq!(
        (stage.listed("delivered").await, stage.listed("failed").await),
        (vec![], vec![first.clone()])
    );
    // Delivered at once, then held when it is sent again.
    let held = stage.caller().publish_any().await;
    stage.platform.settle().await;
    let path = format!("/v1/webhooks/{}", stage.hook.id);
    stage.caller().post(&format!("{path}/pause"), json!({})).await.expect(200);
    stage.caller().post(&format!("/v1/events/{held}/resend"), json!({})).await.expect(202);
    stage.platform.settle().await;
    assert_eq!((stage.listed("delivered").await, stage.listed("held").await), (vec![], vec![held.clone()]));
    stage.caller().post(&format!("{path}/unpause"), json!({})).await.expect(200);
    stage.platform.settle().await;
    assert_eq!((stage.listed("delivered").await, stage.listed("held").await), (vec![held.clone()], vec![]));
    // Two messages of one delivery: one fails, the other succeeds.
    stage.receiver.then([Reply::status(500)]);
    let second = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    stage.platform.aws.duplicate_messages(DELIVERIES);
    stage.platform.settle().await;
    assert_eq!(stage.delivery(&second).await["status"], "delivered");
    let lists =
        (stage.listed("delivered").await, stage.listed("failed").await, stage.listed("retrying").await);
    assert_eq!(lists, (vec![second, held], vec![first], vec![]));
}

#[tokio::test]
async fn what_a_duplicate_failed_beside_a_success_gives_way_when_the_delivery_is_sent_again() {
    let stage = Stage::set(&[200, 500, 500], retries(0)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    stage.platform.aws.duplicate_messages(DELIVERIES);
    stage.platform.settle().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(200)]);
    stage.caller().post(&format!("/v1/events/{event}/resend"), json!({})).await.expect(202);
    stage.platform.settle().await;
    assert_eq!(stage.receiver.received().len(), 3, "sent again once");
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(200), json!(500)]);
    assert_eq!((stage.listed("delivered").await, stage.listed("failed").await), (vec![], vec![event]));
}

#[tokio::test]
async fn a_late_failure_does_not_hide_what_a_person_s_resend_delivered_meanwhile() {
    let replies = [Reply::status(500), Reply::status(500).held(), Reply::status(200)];
    let stage = Stage::replying(replies, retries(5)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump().await;
    stage.platform.aws.advance(Duration::from_mins(1));
    let retrying = stage.platform.pump_deliveries();
    let resending = async {
        stage.receiver.arrived(2).await;
        stage.caller().post(&format!("/v1/events/{event}/resend"), json!({})).await.expect(202);
        stage.platform.pump_deliveries_of(DELIVERIES, 10).await;
        stage.receiver.arrived(3).await;
        assert_eq!(stage.delivery(&event).await["status"], "delivered");
        stage.receiver.release(1);
    };
    tokio::join!(retrying, resending);
    stage.platform.settle().await;
    assert_eq!(stage.delivery(&event).await["status"], "delivered");
    assert_eq!(stage.receiver.received().len(), 3, "and it is not sent once more");
}

#[tokio::test]
async fn a_success_beside_what_was_sent_again_in_vain_is_what_a_resend_goes_on_from() {
    let stage = Stage::set(&[500, 500, 200, 500], retries(0)).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    let [message] = &stage.platform.aws.messages(DELIVERIES)[..] else { panic!("one message") };
    stage.platform.settle().await;
    let resend = async || {
        stage.caller().post(&format!("/v1/events/{event}/resend"), json!({})).await.expect(202);
        stage.platform.settle().await;
    };
    resend().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(500), json!(500)]);
    stage.platform.aws.send(DELIVERIES, message);
    stage.platform.settle().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(200)]);
    resend().await;
    assert_eq!(outcomes(&stage.delivery(&event).await), [json!(200), json!(500)]);
    assert_eq!(stage.receiver.received().len(), 4);
}

#[tokio::test]
async fn what_is_older_than_the_log_keeps_is_not_sent_any_more() {
    let stage = Stage::set(&[500], retries(5)).await;
    stage.caller().publish_any().await;
    stage.platform.pump().await;
    stage.platform.aws.advance(Duration::from_hours(30 * 24));
    stage.platform.settle().await;
    assert_eq!(stage.receiver.received().len(), 1);
    for queue in [DELIVERIES, DELIVERIES_DEAD_LETTERS] {
        assert_eq!(stage.platform.aws.messages(queue), Vec::<String>::new());
    }
}

/// As one may come that waited among the dead letters for too long: there is nothing left to record it in.
#[tokio::test]
async fn a_delivery_whose_event_the_log_keeps_no_longer_is_not_dropped_in_silence() {
    let logs = Logs::capture("info");
    let stage = Stage::set(&[], json!({})).await;
    let event = stage.caller().publish_any().await;
    stage.platform.pump_events().await;
    stage.platform.aws.advance(RETENTION);
    stage.platform.pump_deliveries().await;

    assert_eq!(stage.receiver.received().len(), 0);
    assert_eq!(stage.platform.aws.messages(DELIVERIES), Vec::<String>::new());
    let lines: Vec<Value> = logs.text().lines().filter_map(|line| line.parse().ok()).collect();
    let dropped: Vec<_> = lines.iter().filter(|line| line["refusal.code"] == "delivery_expired").collect();
    let [dropped] = &dropped[..] else { panic!("{dropped:?}") };
    assert_eq!((&dropped["event.id"], &dropped["endpoint.id"]), (&json!(event), &json!(stage.hook.id)));
}

#[test]
fn a_delivery_that_is_dropped_for_its_event_s_age_is_counted() {
    let test = "deliveries::a_delivery_whose_event_the_log_keeps_no_longer_is_not_dropped_in_silence";
    assert_eq!(measured_by(test, "DeliveriesExpired"), 1);
}
