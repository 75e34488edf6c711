//! Endpoints that fail, are paused and recover: nothing is sent to them in between, and nothing is lost.

use std::time::Duration;

use domain::{delivery::Status, endpoint::Thresholds, ids::EndpointId};
use serde_json::{Value, json};
use tests::{
    platform::{
        Caller, DELIVERIES, DELIVERIES_DEAD_LETTERS, Deployment, Hook, Organization, Platform,
        SLOW_DELIVERIES,
    },
    receiver::{Receiver, Reply},
};

struct Stage {
    platform: Platform,
    receiver: Receiver,
    organization: Organization,
    hook: Hook,
}

impl Stage {
    /// The receiver answers with `failures` 500s, then with 200; deliveries have `max_retries`.
    async fn set(failures: usize, max_retries: u32) -> Self {
        Self::deployed(Deployment::default(), failures, max_retries).await
    }

    async fn deployed(deployment: Deployment, failures: usize, max_retries: u32) -> Self {
        let platform = Platform::deployed(deployment);
        let receiver = Receiver::answering(vec![Reply::status(500); failures]).await;
        let organization = platform.organization().await;
        let fields = json!({ "retry_policy": { "max_retries": max_retries } });
        let caller = platform.with_key(&organization.key);
        let hook = caller.subscribe_with(&receiver.url(), &["send.*"], fields).await;
        Self { platform, receiver, organization, hook }
    }

    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.organization.key)
    }

    /// Publishes events one after the other, a second apart.
    async fn publish(&self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        for _ in 0..count {
            events.push(self.caller().publish_any().await);
            self.platform.pump().await;
            self.platform.aws.advance(Duration::from_secs(1));
        }
        events
    }

    async fn statuses(&self, events: &[String]) -> Vec<String> {
        let mut statuses = Vec::new();
        for event in events {
            let delivery = self.caller().delivery(event, &self.hook.id).await;
            statuses.push(delivery["status"].as_str().unwrap().to_owned());
        }
        statuses
    }

    async fn act(&self, action: &str, body: Value) -> Value {
        let path = format!("/v1/webhooks/{}/{action}", self.hook.id);
        let answer = self.caller().post(&path, body).await;
        assert!(answer.status.is_success(), "{action}: {}", answer.text);
        answer.json()
    }

    /// Tries the endpoint; the test's event.
    async fn test(&self) -> String {
        let test = self.act("test", json!({})).await["eventId"].as_str().unwrap().to_owned();
        self.platform.pump().await;
        test
    }

    async fn resend(&self, event: &str) {
        self.caller().post(&format!("/v1/events/{event}/resend"), json!({})).await.expect(202);
        self.platform.pump().await;
    }

    async fn endpoint(&self) -> Value {
        self.caller().endpoint(&self.hook.id).await
    }

    /// How many messages of the deliveries queue are deliveries'.
    fn queued_deliveries(&self) -> usize {
        let messages = self.platform.aws.messages(DELIVERIES);
        messages.iter().filter(|message| message.contains(r#""kind":"deliver""#)).count()
    }
}

#[tokio::test]
async fn a_failing_endpoint_s_deliveries_leave_the_queue_behind_one_probe() {
    let stage = Stage::set(3, 5).await;
    let events = stage.publish(8).await;
    assert_eq!(stage.receiver.received().len(), 3, "from the third failure on nothing is sent");
    assert_eq!(stage.endpoint().await["consecutive_failures"], 3);
    assert_eq!(stage.statuses(&events[3..]).await, ["held"; 5]);
    assert!(stage.queued_deliveries() <= 2, "{:?}", stage.platform.aws.messages(DELIVERIES));
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["delivered"; 8]);
    assert_eq!(stage.receiver.received().len(), 3 + 8, "each failed once at most and succeeded once");
    assert_eq!(stage.endpoint().await["consecutive_failures"], 0);
    assert_eq!(stage.platform.aws.messages(DELIVERIES), Vec::<String>::new());
}

#[tokio::test]
async fn ten_failures_in_a_row_pause_an_endpoint_and_the_others_are_told() {
    let stage = Stage::set(10, 5).await;
    let (others, theirs) = (Receiver::start().await, Receiver::start().await);
    let other = stage.caller().subscribe(&others.url(), &["platform.*"]).await;
    stage
        .caller()
        .patch(&format!("/v1/webhooks/{}", stage.hook.id), json!({ "enabled_events": ["*"] }))
        .await
        .expect(200);
    let stranger = stage.platform.organization().await.key;
    stage.platform.with_key(&stranger).subscribe(&theirs.url(), &["*"]).await;
    let events = stage.publish(5).await;
    stage.platform.settle().await;
    let endpoint = stage.endpoint().await;
    assert_eq!((&endpoint["is_paused"], &endpoint["consecutive_failures"]), (&json!(true), &json!(10)));
    assert_eq!(stage.receiver.received().len(), 10);
    assert_eq!(stage.statuses(&events).await, ["held"; 5]);
    let [announced] = &others.received()[..] else { panic!("{:?}", others.received()) };
    assert_eq!(announced.json()["type"], "platform.webhook.paused");
    assert!(announced.verifies(&other.secret) && announced.body.contains(&stage.hook.id), "{announced:?}");
    assert_eq!(theirs.received().len(), 0);
    assert_eq!(stage.platform.aws.messages(DELIVERIES), Vec::<String>::new());
    assert_eq!(stage.platform.aws.messages(DELIVERIES_DEAD_LETTERS), Vec::<String>::new());

    let unpaused = stage.act("unpause", json!({})).await;
    assert_eq!((&unpaused["is_paused"], &unpaused["consecutive_failures"]), (&json!(false), &json!(0)));
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["delivered"; 5]);
}

#[tokio::test]
async fn what_is_published_to_a_paused_endpoint_is_held_and_sent_when_it_is_unpaused() {
    let stage = Stage::set(0, 5).await;
    assert_eq!(stage.act("pause", json!({})).await["is_paused"], true);
    let events = stage.publish(3).await;
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["held"; 3]);
    assert_eq!(stage.receiver.received().len(), 0);
    stage.act("unpause", json!({})).await;
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["delivered"; 3]);
    assert_eq!(stage.receiver.received().len(), 3);
}

#[tokio::test]
async fn unpausing_without_replay_leaves_what_was_held_to_be_replayed_by_hand() {
    let stage = Stage::set(0, 5).await;
    let start = stage.platform.aws.clock().now().millis();
    stage.act("pause", json!({})).await;
    let held = stage.publish(2).await;
    stage.act("unpause", json!({ "replay": false })).await;
    let after = stage.publish(1).await;
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&held).await, ["held"; 2]);
    assert_eq!(stage.statuses(&after).await, ["delivered"]);
    stage.act("replay", json!({ "after": start, "status": "held" })).await;
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&held).await, ["delivered"; 2]);
    assert_eq!(stage.receiver.received().len(), 3);
}

#[tokio::test]
async fn a_replay_sends_what_failed_in_its_span_again_once() {
    let stage = Stage::set(2, 0).await;
    let first = stage.publish(1).await;
    stage.platform.aws.advance(Duration::from_hours(1));
    let since = stage.platform.aws.clock().now().millis();
    let second = stage.publish(1).await;
    assert_eq!(stage.statuses(&[first.clone(), second.clone()].concat()).await, ["failed"; 2]);
    stage.platform.aws.advance(Duration::from_mins(1));
    for _ in 0..2 {
        stage.act("replay", json!({ "after": since })).await;
        stage.platform.settle().await;
    }
    assert_eq!(stage.statuses(&second).await, ["delivered"]);
    assert_eq!(stage.statuses(&first).await, ["failed"], "it is not in the span");
    assert_eq!(stage.receiver.received().len(), 3);
}

#[tokio::test]
async fn an_endpoint_that_fails_and_then_hears_nothing_for_days_is_still_looked_after() {
    let stage = Stage::set(3, 0).await;
    let failed = stage.publish(3).await;
    assert_eq!(stage.statuses(&failed).await, ["failed"; 3]);
    let end = stage.platform.aws.clock().now().after(Duration::from_hours(120));
    while stage.platform.aws.clock().now() < end && stage.platform.advance_to_next_visibility() {
        stage.platform.pump().await;
    }
    assert_eq!(stage.platform.aws.messages(DELIVERIES_DEAD_LETTERS), Vec::<String>::new());
    let events = stage.publish(2).await;
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["delivered"; 2]);
    assert_eq!(stage.endpoint().await["consecutive_failures"], 0);
}

#[tokio::test]
async fn a_burst_at_an_endpoint_that_is_down_for_a_moment_never_pauses_it() {
    let stage = Stage::set(40, 5).await;
    let mut events = Vec::new();
    for _ in 0..50 {
        events.push(stage.caller().publish_any().await);
    }
    while stage.platform.pump_events().await {}
    // Batch by batch, a moment apart: what a batch sends at once overlaps and is one failure.
    while stage.platform.pump_deliveries().await {
        stage.platform.aws.advance(Duration::from_millis(500));
    }
    let sent = stage.receiver.received().len();
    assert!(sent <= 30, "three batches fail, and nothing is sent any more: {sent}");
    // The receiver is well again.
    stage.receiver.recover();
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, vec!["delivered"; 50]);
    let endpoint = stage.endpoint().await;
    assert_eq!((&endpoint["is_paused"], &endpoint["consecutive_failures"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn a_test_that_is_sent_again_to_a_failing_endpoint_says_nothing_of_it() {
    for (answer, status) in [(410, "failed"), (500, "failed"), (200, "delivered")] {
        let stage = Stage::set(3, 0).await;
        stage.publish(3).await;
        stage.receiver.then([Reply::status(500), Reply::status(answer)]);
        let test = stage.test().await;
        stage.resend(&test).await;
        assert_eq!(stage.statuses(std::slice::from_ref(&test)).await, ["held"]);

        stage.platform.settle().await;

        assert_eq!(stage.statuses(&[test]).await, [status]);
        let endpoint = stage.endpoint().await;
        let health = (&endpoint["is_active"], &endpoint["consecutive_failures"]);
        assert_eq!(health, (&json!(true), &json!(3)), "after a {answer}");

        // An event recovers it.
        let event = stage.publish(1).await;
        stage.platform.settle().await;
        assert_eq!(stage.statuses(&event).await, ["delivered"]);
        assert_eq!(stage.endpoint().await["consecutive_failures"], 0);
    }
}

#[tokio::test]
async fn a_held_test_is_no_probe_while_anything_else_is_due() {
    let stage = Stage::set(4, 0).await;
    stage.publish(3).await;
    let test = stage.test().await;
    stage.resend(&test).await;
    stage.platform.aws.advance(Duration::from_secs(1));
    let event = stage.publish(1).await.remove(0);
    assert_eq!(stage.statuses(&[test.clone(), event.clone()]).await, ["held"; 2]);

    stage.platform.settle().await;

    let sent: Vec<_> =
        stage.receiver.received()[4..].iter().map(tests::receiver::Received::event_id).collect();
    assert_eq!(
        sent,
        [event, test],
        "the event, which recovers the endpoint, and then what its success lets go"
    );
    assert_eq!(stage.endpoint().await["consecutive_failures"], 0);
}

#[tokio::test]
async fn a_probe_whose_ticket_was_lost_is_replaced_by_the_next_that_is_held() {
    let stage = Stage::set(3, 5).await;
    let mut events = stage.publish(4).await;
    assert_eq!(stage.statuses(&events[3..]).await, ["held"]);
    stage.platform.aws.advance(Duration::from_mins(1));
    for ticket in stage.platform.aws.receive(SLOW_DELIVERIES, 10) {
        stage.platform.aws.delete(SLOW_DELIVERIES, &ticket.receipt_handle);
    }
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events[3..]).await, ["held"], "nobody is left to look after it");
    stage.platform.aws.advance(Duration::from_hours(1));
    events.extend(stage.publish(1).await);
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["delivered"; 5]);
}

#[tokio::test]
async fn what_was_left_held_stays_so_until_it_is_replayed_whatever_lets_other_deliveries_go() {
    let stage = Stage::set(3, 5).await;
    let start = stage.platform.aws.clock().now().millis();
    let events = stage.publish(4).await;
    let left = &events[2..];
    assert_eq!(stage.statuses(left).await, ["held"; 2], "behind a probe, whose ticket is in the queue");
    stage.act("pause", json!({})).await;
    // More than a page of a release.
    let event = json!({ "type": "send.email.sent", "data": { "messageId": "m" } });
    for _ in 0..2 {
        let batch = json!({ "events": vec![event.clone(); 75] });
        stage.caller().post("/v1/events/batch", batch).await.expect(202);
    }
    stage.platform.pump().await;
    let held = async || {
        let path = format!("/v1/webhooks/{}/deliveries?status=held&limit=200", stage.hook.id);
        stage.caller().get(&path).await.expect(200).json()["deliveries"].as_array().unwrap().len()
    };
    stage.act("unpause", json!({ "replay": false })).await;
    stage.platform.settle().await;
    assert_eq!(held().await, 152);
    assert_eq!(stage.statuses(&events).await, ["delivered", "delivered", "held", "held"]);
    // Another failing period, and its end.
    stage.receiver.then(vec![Reply::status(500); 4]);
    let later = stage.publish(5).await;
    assert_eq!(stage.statuses(&later[2..]).await, ["held"; 3]);
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&later).await, ["delivered"; 5]);
    assert_eq!(held().await, 152);
    assert_eq!(stage.statuses(left).await, ["held"; 2]);
    // Enabled once more.
    let path = format!("/v1/webhooks/{}", stage.hook.id);
    stage.caller().patch(&path, json!({ "is_active": true })).await.expect(200);
    stage.platform.settle().await;
    assert_eq!(stage.statuses(left).await, ["held"; 2]);
    stage.act("replay", json!({ "after": start, "status": "held" })).await;
    stage.platform.settle().await;
    assert_eq!((stage.statuses(left).await, held().await), (vec!["delivered".to_owned(); 2], 0));
}

#[tokio::test]
async fn a_probe_that_fails_while_its_endpoint_is_unpaused_leaves_its_delivery_to_somebody() {
    let stage = Stage::set(3, 5).await;
    stage.receiver.then([Reply::status(500).held()]);
    let events = stage.publish(4).await;
    assert_eq!(stage.statuses(&events[3..]).await, ["held"]);
    stage.platform.aws.advance(Duration::from_mins(2));
    let probing = stage.platform.pump_deliveries_of(SLOW_DELIVERIES, 10);
    let unpausing = async {
        stage.receiver.arrived(4).await;
        stage.act("unpause", json!({})).await;
        stage.platform.aws.advance(Duration::from_secs(2));
        // The page that lets go what is held as the record says now.
        stage.platform.pump_deliveries_of(DELIVERIES, 10).await;
        stage.receiver.release(1);
    };
    tokio::join!(probing, unpausing);
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&events).await, ["delivered"; 4]);
}

#[tokio::test]
async fn a_probe_s_ticket_that_came_often_is_renewed_before_the_queue_gives_it_up() {
    let mut deployment = Deployment::default();
    deployment.thresholds = Thresholds { probe_max_delay_seconds: 60, ..deployment.thresholds };
    let stage = Stage::deployed(deployment, 3, 5).await;
    let event = stage.publish(3).await.remove(2);
    // From now on the only thing to try is due in twelve hours.
    stage.receiver.then(vec![Reply::status(503).header("Retry-After", "43200"); 4]);
    stage.platform.settle().await;
    assert_eq!(stage.statuses(&[event]).await, ["delivered"]);
    assert_eq!(stage.platform.aws.messages(DELIVERIES_DEAD_LETTERS), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_finds_a_marker_without_a_held_delivery_drops_it_only_when_it_is_old_and_still_that_one() {
    let stage = Stage::set(0, 5).await;
    stage.act("pause", json!({})).await;
    let event = stage.publish(1).await.remove(0);
    let (log, organization) = (stage.platform.log(), stage.organization.id);
    let endpoint = EndpointId::parse(&stage.hook.id).unwrap();
    let now = || stage.platform.aws.clock().now();
    let markers = async || log.held_page(organization, endpoint, None, 10).await.unwrap().0;
    let found = markers().await;
    assert_eq!(found.iter().map(|marker| marker.event.to_string()).collect::<Vec<_>>(), [event]);
    // Its record may be about to be written.
    log.drop_abandoned(organization, endpoint, &found, now()).await.unwrap();
    assert_eq!(markers().await, found);
    // Held again between the look and the deletion.
    stage.platform.aws.advance(Duration::from_hours(1));
    let read = log.delivery(organization, endpoint, found[0].event, now()).await.unwrap().unwrap();
    let held = log.put_held(organization, read.clone(), now()).await.unwrap().unwrap();
    assert_eq!(held.status, Status::Held);
    log.drop_abandoned(organization, endpoint, &found, now()).await.unwrap();
    log.clear_held(organization, &read).await.unwrap();
    let news = markers().await;
    assert_eq!((news.len(), news == found), (1, false));
    assert!(log.put_held(organization, read, now()).await.unwrap().is_none(), "it has changed since");
    stage.platform.aws.advance(Duration::from_mins(16));
    log.drop_abandoned(organization, endpoint, &markers().await, now()).await.unwrap();
    assert_eq!(markers().await, []);
}
