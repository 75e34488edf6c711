//! Sending an event again, also to endpoints that it did not match when it was routed.

use std::panic::AssertUnwindSafe;

use domain::ids::{EndpointId, EventId, OrganizationId};
use futures::FutureExt;
use hyper::Method;
use serde_json::{Value, json};
use storage::{Added, MAX_ADDED};
use tests::{
    aws::{Call, Fault},
    platform::{
        Answer, Caller, DELIVERIES, DELIVERIES_DEAD_LETTERS, EVENTS, EVENTS_DEAD_LETTERS, Hook, Platform,
        SLOW_DELIVERIES,
    },
    receiver::Receiver,
};

const JSON: (&str, &str) = ("content-type", "application/json");

/// A platform with an organization, and an event that was routed when there was no endpoint.
struct Stage {
    platform: Platform,
    organization: OrganizationId,
    key: String,
    event: String,
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::new();
        let organization = platform.organization().await;
        let event = platform.with_key(&organization.key).publish_any().await;
        platform.settle().await;
        Self { platform, organization: organization.id, key: organization.key, event }
    }

    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.key)
    }

    async fn resend(&self, event: &str, endpoint: Option<&str>) -> Answer {
        let body = endpoint.map_or(json!({}), |endpoint| json!({ "endpoint_id": endpoint }));
        self.caller().post(&format!("/v1/events/{event}/resend"), body).await
    }

    /// The statuses of the event's deliveries by endpoint, as the event itself and the list of its deliveries show them.
    async fn deliveries(&self, event: &str) -> Vec<(String, String)> {
        let deliveries = |body: &Value| -> Vec<_> {
            let deliveries = body["deliveries"].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            deliveries.map(|delivery| (text(&delivery["endpoint_id"]), text(&delivery["status"]))).collect()
        };
        let shown = deliveries(&self.caller().event(event).await);
        let listed = self.caller().get(&format!("/v1/events/{event}/deliveries?limit=200")).await.expect(200);
        assert_eq!(shown, deliveries(&listed.json()));
        shown
    }

    /// The statuses of an endpoint's deliveries, as its own list shows them.
    async fn listed(&self, hook: &Hook) -> Vec<String> {
        let path = format!("/v1/webhooks/{}/deliveries", hook.id);
        let listed = self.caller().get(&path).await.expect(200).json();
        let deliveries = listed["deliveries"].as_array().unwrap().iter();
        deliveries.map(|delivery| delivery["status"].as_str().unwrap().to_owned()).collect()
    }

    /// The id of the newest event of this type.
    async fn newest(&self, event_type: &str) -> String {
        let listed = self.caller().get(&format!("/v1/events?type={event_type}&limit=1")).await.expect(200);
        listed.json()["events"][0]["eventId"].as_str().unwrap().to_owned()
    }
}

fn of(hook: &Hook, status: &str) -> (String, String) {
    (hook.id.clone(), status.to_owned())
}

#[track_caller]
fn check_not_matched(answer: Answer, message: &str) {
    let refused = answer.expect(400).json();
    assert_eq!(
        (&refused["code"], &refused["param"]),
        (&json!("endpoint_not_matched"), &json!("endpoint_id"))
    );
    assert_eq!(refused["error"], message);
}

#[tokio::test]
async fn an_event_reaches_an_endpoint_that_was_made_later_and_is_asked_for_by_name() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["send.*"]).await;

    let resent = stage.resend(&stage.event, Some(&hook.id)).await.expect(202).json();
    assert_eq!((&resent["success"], &resent["endpointIds"]), (&json!(true), &json!([hook.id])));
    assert_eq!(stage.deliveries(&stage.event).await, [of(&hook, "pending")]);

    stage.platform.settle().await;
    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(post.event_id() == stage.event && post.verifies(&hook.secret), "{post:?}");
    assert_eq!(stage.deliveries(&stage.event).await, [of(&hook, "delivered")]);
    assert_eq!(stage.listed(&hook).await, ["delivered"]);

    // From now on it is one of the event's.
    let resent = stage.resend(&stage.event, None).await.expect(202).json();
    assert_eq!(resent["endpointIds"], json!([hook.id]));
    stage.platform.settle().await;
    assert_eq!(receiver.received().len(), 2);
    assert_eq!(stage.deliveries(&stage.event).await, [of(&hook, "delivered")]);
}

#[tokio::test]
async fn a_message_that_comes_again_goes_to_nobody_who_was_added() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let organization = platform.organization().await;
    let event = platform.with_key(&organization.key).publish_any().await;
    platform.aws.duplicate_messages(EVENTS);
    let [first, again] = &platform.aws.messages(EVENTS)[..] else { panic!("it is duplicated") };
    assert_eq!(first, again);
    platform.settle().await;
    let stage = Stage { platform, organization: organization.id, key: organization.key, event };
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    stage.resend(&stage.event, Some(&hook.id)).await.expect(202);
    stage.platform.settle().await;

    stage.platform.aws.send(EVENTS, first);
    stage.platform.settle().await;

    assert_eq!(receiver.received().len(), 1);
    assert_eq!(stage.deliveries(&stage.event).await, [of(&hook, "delivered")]);
}

#[tokio::test]
async fn an_endpoint_whose_patterns_match_only_now_is_among_the_event_s_and_paged_with_them() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let mut hooks = Vec::new();
    for pattern in ["telco.*", "send.*", "telco.*", "send.*"] {
        hooks.push(stage.caller().subscribe(&receiver.url(), &[pattern]).await);
        stage.platform.aws.advance(std::time::Duration::from_millis(1));
    }
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    // The older ones of those that did not match, the newest first: not the order of their ids.
    for hook in [&hooks[2], &hooks[0]] {
        let path = format!("/v1/webhooks/{}", hook.id);
        stage.caller().patch(&path, json!({ "enabled_events": ["*"] })).await.expect(200);
        stage.resend(&event, Some(&hook.id)).await.expect(202);
    }
    stage.platform.settle().await;

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/events/{event}/deliveries?limit=1{cursor}");
        let page = stage.caller().get(&path).await.expect(200).json();
        seen.push(page["deliveries"][0]["endpoint_id"].as_str().unwrap().to_owned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, hooks.iter().map(|hook| hook.id.clone()).collect::<Vec<_>>());
    let expected: Vec<_> = hooks.iter().map(|hook| of(hook, "delivered")).collect();
    assert_eq!(stage.deliveries(&event).await, expected);
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn an_endpoint_that_was_disabled_when_the_event_came_gets_it_once_enabled_and_asked_for() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let disabled = json!({ "is_active": false });
    let hook = stage.caller().subscribe_with(&receiver.url(), &["*"], disabled).await;
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    assert_eq!(stage.caller().event(&event).await["disabled_endpoints"], json!([hook.id]));

    let refused = stage.resend(&event, Some(&hook.id)).await.expect(409).json();
    assert_eq!(refused["code"], "endpoint_disabled");
    assert_eq!(stage.deliveries(&event).await, []);
    let path = format!("/v1/webhooks/{}", hook.id);
    stage.caller().patch(&path, json!({ "is_active": true })).await.expect(200);
    stage.resend(&event, Some(&hook.id)).await.expect(202);
    stage.platform.settle().await;

    assert_eq!(receiver.received().len(), 1);
    assert_eq!(stage.deliveries(&event).await, [of(&hook, "delivered")]);
    assert_eq!(stage.caller().event(&event).await["disabled_endpoints"], json!([]));
}

#[tokio::test]
async fn an_endpoint_that_does_not_match_now_either_is_refused() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["telco.*", "send.email.bounced"]).await;
    let stranger = stage.platform.organization().await.key;
    let theirs = stage.platform.with_key(&stranger).subscribe(&receiver.url(), &["*"]).await;
    let gone = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    stage.caller().delete(&format!("/v1/webhooks/{}", gone.id)).await.expect(204);

    let message = "The event was not for this endpoint, and none of its patterns matches the event's type";
    check_not_matched(stage.resend(&stage.event, Some(&hook.id)).await, message);
    // The answer is the same for another organization's endpoint and for one that does not exist.
    for id in [&theirs.id, &gone.id, "whep_1", "", &stage.event] {
        check_not_matched(stage.resend(&stage.event, Some(id)).await, "The event was not for this endpoint");
    }

    stage.platform.settle().await;
    assert_eq!(receiver.received().len(), 0);
    assert_eq!(stage.deliveries(&stage.event).await, []);
}

#[tokio::test]
async fn an_event_about_an_endpoint_is_never_sent_to_it() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    stage.caller().post(&format!("/v1/webhooks/{}/pause", hook.id), json!({})).await.expect(200);
    stage.caller().post(&format!("/v1/webhooks/{}/unpause", hook.id), json!({})).await.expect(200);
    stage.platform.settle().await;
    let paused = stage.newest("platform.webhook.paused").await;

    let message = "The event is about this endpoint, and never sent to it";
    check_not_matched(stage.resend(&paused, Some(&hook.id)).await, message);

    let other = stage.caller().subscribe(&receiver.url(), &["platform.webhook.*"]).await;
    stage.resend(&paused, Some(&other.id)).await.expect(202);
    stage.platform.settle().await;
    let [post] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(post.event_id() == paused && post.verifies(&other.secret));
}

#[tokio::test]
async fn a_test_and_an_event_for_one_endpoint_go_to_no_other() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let other = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let tested = stage.caller().post(&format!("/v1/webhooks/{}/test", hook.id), json!({})).await.expect(202);
    let test = tested.json()["eventId"].as_str().unwrap().to_owned();
    let envelope = json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "send.email.bounced",
        "source": "dodev.send",
        "account": "123456789012",
        "time": "2027-01-15T08:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "organizationId": stage.organization,
            "data": { "messageId": "m" },
            "audience": { "only": hook.id },
        },
    });
    stage.platform.aws.send(EVENTS, &envelope.to_string());
    stage.platform.settle().await;
    let addressed = stage.newest("send.email.bounced").await;
    assert_eq!(receiver.received().len(), 2);

    for event in [&test, &addressed] {
        let message = "The event is for another endpoint alone";
        check_not_matched(stage.resend(event, Some(&other.id)).await, message);
        stage.resend(event, Some(&hook.id)).await.expect(202);
        stage.platform.settle().await;
        assert_eq!(stage.deliveries(event).await, [of(&hook, "delivered")]);
    }
    assert!(receiver.received().iter().all(|post| post.verifies(&hook.secret)));
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn an_event_without_an_endpoint_that_can_get_it_is_not_resent_and_the_answer_says_so() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let refused = stage.resend(&stage.event, None).await.expect(409).json();
    assert_eq!((&refused["error"], &refused["code"]), (&json!("conflict"), &json!("no_endpoint_left")));

    let hooks = [
        stage.caller().subscribe(&receiver.url(), &["*"]).await,
        stage.caller().subscribe(&receiver.url(), &["*"]).await,
    ];
    let event = stage.caller().publish_any().await;
    stage.platform.settle().await;
    stage
        .caller()
        .patch(&format!("/v1/webhooks/{}", hooks[0].id), json!({ "is_active": false }))
        .await
        .expect(200);
    let resent = stage.resend(&event, None).await.expect(202).json();
    assert_eq!(resent["endpointIds"], json!([hooks[1].id]));
    stage.caller().delete(&format!("/v1/webhooks/{}", hooks[1].id)).await.expect(204);
    stage.platform.settle().await;
    let before = receiver.received().len();

    let refused = stage.resend(&event, None).await.expect(409).json();
    assert_eq!(refused["code"], "no_endpoint_left");
    assert_eq!(stage.platform.aws.messages(DELIVERIES), Vec::<String>::new());
    stage.platform.settle().await;
    assert_eq!(receiver.received().len(), before);
}

#[tokio::test]
async fn the_number_of_endpoints_that_are_added_to_an_event_is_bounded() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let (log, now) = (stage.platform.log(), stage.platform.aws.clock().now());
    let logged =
        log.event(stage.organization, EventId::parse(&stage.event).unwrap(), now).await.unwrap().unwrap();
    let first = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    stage.resend(&stage.event, Some(&first.id)).await.expect(202);
    for number in 1..MAX_ADDED {
        let mut random = [0; 10];
        random[..4].copy_from_slice(&number.to_be_bytes());
        let added = log.add_recipient(stage.organization, &logged.event, EndpointId::new(now, random)).await;
        assert_eq!(added.unwrap(), Added::Added, "{number}");
    }

    let last = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let refused = stage.resend(&stage.event, Some(&last.id)).await.expect(409).json();
    assert_eq!(refused["code"], "recipients_limit_reached");
    // Those that it has are no more by being asked for again.
    stage.resend(&stage.event, Some(&first.id)).await.expect(202);
    stage.platform.settle().await;
    assert!(receiver.received().iter().all(|post| post.verifies(&first.secret)));
}

#[tokio::test]
async fn an_event_that_was_dropped_meanwhile_is_not_made_anew() {
    let stage = Stage::set().await;
    let (log, now) = (stage.platform.log(), stage.platform.aws.clock().now());
    let id = EventId::parse(&stage.event).unwrap();
    let mut event = log.event(stage.organization, id, now).await.unwrap().unwrap().event;
    event.id = EventId::new(now, id.type_code(), id.lane(), [1; 8]);

    let endpoint = EndpointId::new(now, [1; 10]);
    assert_eq!(log.add_recipient(stage.organization, &event, endpoint).await.unwrap(), Added::Gone);
    assert_eq!(log.event(stage.organization, event.id, now).await.unwrap(), None);
}

/// What came of resending an event to an endpoint that was made later, with a fault at one call.
struct Run {
    stage: Stage,
    receiver: Receiver,
    hook: Hook,
    /// Whether the first request was answered with a 202.
    accepted: bool,
    /// Those of the first request, and of the delivery that it led to.
    calls: Vec<Call>,
}

async fn run(paused: bool, fault: Option<(usize, Fault)>) -> Run {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    if paused {
        stage.caller().post(&format!("/v1/webhooks/{}/pause", hook.id), json!({})).await.expect(200);
        stage.platform.settle().await;
    }
    stage.platform.restart();
    stage.platform.aws.forget_calls();
    if let Some((number, fault)) = fault {
        stage.platform.aws.inject(number, fault);
    }

    let path = format!("/v1/events/{}/resend", stage.event);
    let body = json!({ "endpoint_id": hook.id }).to_string();
    let answer = stage.caller().try_send(Method::POST, &path, &[JSON], &body).await;
    let accepted = answer.is_some_and(|answer| answer.status == 202);
    stage.platform.settle().await;
    let calls = stage.platform.aws.calls();
    Run { stage, receiver, hook, accepted, calls }
}

impl Run {
    /// A 202 was true. Without one, the delivery may be shown as pending until somebody asks again.
    async fn check_before(&self, paused: bool, point: &str) {
        let event = &self.stage.event;
        let done = if paused { "held" } else { "delivered" };
        let deliveries = self.stage.deliveries(event).await;
        match &deliveries[..] {
            [] => assert!(
                !self.accepted && self.receiver.received().is_empty(),
                "{point}: what is sent is shown"
            ),
            [(endpoint, status)] => {
                assert_eq!(endpoint, &self.hook.id, "{point}");
                assert!(status == done || (!self.accepted && status == "pending"), "{point}: {status}");
            }
            _ => panic!("{point}: {deliveries:?}"),
        }
    }

    /// As a person does: again, whatever became of it.
    async fn resend(&self, paused: bool) {
        self.stage.resend(&self.stage.event, Some(&self.hook.id)).await.expect(202);
        self.stage.platform.settle().await;
        if paused {
            let path = format!("/v1/webhooks/{}/unpause", self.hook.id);
            self.stage.caller().post(&path, json!({})).await.expect(200);
            self.stage.platform.settle().await;
        }
    }

    /// It is delivered, shown wherever deliveries are, and nothing is left of it anywhere.
    async fn check_after(&self, point: &str) {
        let (stage, hook) = (&self.stage, &self.hook);
        assert_eq!(stage.deliveries(&stage.event).await, [of(hook, "delivered")], "{point}");
        assert_eq!(stage.listed(hook).await, ["delivered"], "{point}");
        let queues = [EVENTS, EVENTS_DEAD_LETTERS, DELIVERIES, SLOW_DELIVERIES, DELIVERIES_DEAD_LETTERS];
        for queue in queues {
            assert_eq!(stage.platform.aws.messages(queue), Vec::<String>::new(), "{point}: {queue}");
        }

        let delivery = stage.caller().delivery(&stage.event, &hook.id).await;
        assert_eq!(delivery["next_attempt_at"], Value::Null, "{point}: {delivery}");
        let attempts = delivery["attempts"].as_array().unwrap();
        let numbers: Vec<_> = attempts.iter().map(|attempt| attempt["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{point}: {delivery}");
        let posts = self.receiver.received();
        assert!(
            posts.iter().all(|post| post.event_id() == stage.event && post.verifies(&hook.secret)),
            "{point}"
        );
        let repeated = posts.len().checked_sub(attempts.len());
        assert!(repeated.is_some_and(|repeated| repeated <= 1), "{point}: {} posts, {delivery}", posts.len());
    }
}

/// Tries every point and prints how many there were.
async fn try_all(name: &str, paused: bool) {
    let undisturbed = run(paused, None).await;
    assert!(undisturbed.accepted);
    undisturbed.check_before(paused, name).await;
    undisturbed.resend(paused).await;
    undisturbed.check_after(name).await;

    let (mut points, mut bad) = (0, Vec::new());
    for (number, call) in undisturbed.calls.iter().enumerate() {
        for fault in Fault::ALL {
            let point = format!("{name}, {fault:?} at call {number}, {call}");
            let trying = async {
                let run = run(paused, Some((number, fault))).await;
                assert!(run.stage.platform.aws.fault_struck(), "{point} was not reached");
                run.check_before(paused, &point).await;
                run.resend(paused).await;
                run.check_after(&point).await;
            };
            points += 1;
            if AssertUnwindSafe(trying).catch_unwind().await.is_err() {
                bad.push(point);
            }
        }
    }
    print(&format!(
        "{name}: {points} points, {} calls × {} faults",
        undisturbed.calls.len(),
        Fault::ALL.len()
    ));
    assert!(bad.is_empty(), "{} of {points} points ended badly, see above: {bad:#?}", bad.len());
}

#[expect(clippy::print_stdout, reason = "the figures are part of what the test shows")]
fn print(line: &str) {
    println!("{line}");
}

#[tokio::test]
async fn no_fault_spoils_a_resend_to_an_endpoint_that_was_made_later() {
    try_all("resent to a later endpoint", false).await;
}

#[tokio::test]
async fn no_fault_spoils_a_resend_to_a_later_endpoint_that_is_paused() {
    try_all("resent to a later endpoint, paused and unpaused", true).await;
}
