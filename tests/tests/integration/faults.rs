//! Every AWS call between a publisher and its receiver fails, or takes its function down with it, one at a time.
//!
//! For each call and each [`Fault`] a fresh platform publishes one event, meets the fault, and lets the queues bring
//! back what is left; in some scenarios a person unpauses or changes the endpoint. Then nothing may be lost, nothing may be
//! without an owner, and no record may say what did not happen.

use std::panic::AssertUnwindSafe;

use domain::{
    endpoint::{SLOW_FOR, Thresholds},
    ids::EndpointId,
};
use futures::FutureExt;
use hyper::Method;
use serde_json::{Value, json};
use tests::{
    aws::{Call, Fault},
    platform::{
        Caller, DELIVERIES, DELIVERIES_DEAD_LETTERS, Deployment, EVENTS_DEAD_LETTERS, Hook, Platform,
        SLOW_DELIVERIES,
    },
    receiver::{Received, Receiver, Reply},
};

/// What the receiver does and what must come of it.
struct Scenario {
    name: &'static str,
    replies: &'static [u16],
    /// After so many failures the endpoint's deliveries are held, and after so many it is paused.
    thresholds: (u32, u32),
    max_retries: u32,
    /// Whether the endpoint counts as slow from the beginning.
    slow: bool,
    mended: Mended,
    status: &'static str,
    /// The last attempt's status code.
    outcome: u16,
}

/// What a person does about the endpoint, whose receiver is well by then.
enum Mended {
    Not,
    /// Unpauses it, when all is quiet.
    ByUnpausing,
    /// Changes how it is sent to, while it is failing.
    ByChanging,
}

/// More failures than any attempt meets, since a fault may repeat one.
const ALWAYS: &[u16] = &[500; 20];
const NEVER: (u32, u32) = (100, 100);

const SUCCESS: Scenario = Scenario {
    name: "success",
    replies: &[],
    thresholds: NEVER,
    max_retries: 2,
    slow: false,
    mended: Mended::Not,
    status: "delivered",
    outcome: 200,
};

const SLOW: Scenario = Scenario { name: "success by the slow queue", slow: true, ..SUCCESS };

const RETRY: Scenario = Scenario {
    name: "success after a retry",
    replies: &[500],
    thresholds: NEVER,
    max_retries: 2,
    slow: false,
    mended: Mended::Not,
    status: "delivered",
    outcome: 200,
};

const FAILURE: Scenario = Scenario {
    name: "failure",
    replies: ALWAYS,
    thresholds: NEVER,
    max_retries: 1,
    slow: false,
    mended: Mended::Not,
    status: "failed",
    outcome: 500,
};

const PROBE: Scenario = Scenario {
    name: "held, then released by a probe",
    replies: &[500, 500],
    thresholds: (1, 100),
    max_retries: 5,
    slow: false,
    mended: Mended::Not,
    status: "delivered",
    outcome: 200,
};

const UNPAUSE: Scenario = Scenario {
    name: "held, paused, then unpaused",
    replies: ALWAYS,
    thresholds: (1, 3),
    max_retries: 5,
    slow: false,
    mended: Mended::ByUnpausing,
    status: "delivered",
    outcome: 200,
};

const GONE: Scenario = Scenario {
    name: "gone",
    replies: &[410; 20],
    thresholds: NEVER,
    max_retries: 5,
    slow: false,
    mended: Mended::Not,
    status: "failed",
    outcome: 410,
};

const MOVED_WHILE_RETRYING: Scenario = Scenario {
    name: "retrying, then sent otherwise",
    replies: ALWAYS,
    thresholds: NEVER,
    max_retries: 5,
    slow: false,
    mended: Mended::ByChanging,
    status: "delivered",
    outcome: 200,
};

const MOVED_WHILE_HELD: Scenario =
    Scenario { name: "held, then sent otherwise", thresholds: (1, 100), ..MOVED_WHILE_RETRYING };

/// One run's outcome.
struct Run {
    platform: Platform,
    receiver: Receiver,
    key: String,
    hook: Hook,
    /// The event's id, if the API said that it took it.
    accepted: Option<String>,
    calls: Vec<Call>,
}

/// Publishes one event to cold functions, with a fault at the call of this number, and lets everything settle.
async fn run(scenario: &Scenario, fault: Option<(usize, Fault)>) -> Run {
    let receiver = Receiver::answering(scenario.replies.iter().map(|status| Reply::status(*status))).await;
    let mut deployment = Deployment::default();
    let (failing_after, pause_after) = scenario.thresholds;
    deployment.thresholds = Thresholds { failing_after, pause_after, ..deployment.thresholds };
    let platform = Platform::deployed(deployment);
    let organization = platform.organization().await;
    let key = organization.key;
    let policy =
        json!({ "retry_policy": { "max_retries": scenario.max_retries, "initial_delay_seconds": 10 } });
    let hook = platform.with_key(&key).subscribe_with(&receiver.url(), &["*"], policy).await;
    if scenario.slow {
        let until = platform.aws.clock().now().after(SLOW_FOR);
        let id = EndpointId::parse(&hook.id).unwrap();
        assert!(platform.registry().note_slow(organization.id, id, until).await.unwrap());
    }
    platform.restart();
    platform.aws.forget_calls();
    if let Some((number, fault)) = fault {
        platform.aws.inject(number, fault);
    }
    let body = r#"{"type":"send.email.sent","data":{"messageId":"m"}}"#;
    let json = [("content-type", "application/json")];
    let caller = platform.with_key(&key);
    let answer = caller.try_send(Method::POST, "/v1/events", &json, body).await;
    let accepted = answer.filter(|answer| answer.status == 202);
    let accepted = accepted.map(|answer| answer.json()["eventId"].as_str().unwrap().to_owned());
    mend(scenario, &platform, &receiver, &caller, &hook, accepted.is_some()).await;
    platform.settle().await;
    let calls = platform.aws.calls();
    Run { platform, receiver, key, hook, accepted, calls }
}

/// Lets the platform do its work, and then the person.
async fn mend(
    scenario: &Scenario,
    platform: &Platform,
    receiver: &Receiver,
    caller: &Caller<'_>,
    hook: &Hook,
    accepted: bool,
) {
    let path = format!("/v1/webhooks/{}", hook.id);
    match scenario.mended {
        Mended::Not => {}
        Mended::ByUnpausing => {
            platform.settle().await;
            check_paused(platform, accepted);
            receiver.recover();
            until_done(caller, Method::POST, &format!("{path}/unpause"), "{}").await;
        }
        Mended::ByChanging => {
            platform.pump().await;
            receiver.recover();
            until_done(caller, Method::PATCH, &path, r#"{"timeout_seconds":20}"#).await;
        }
    }
}

/// What was accepted is held, and its endpoint waits for a person. Looks at the tables without a call that a fault could
/// strike.
fn check_paused(platform: &Platform, accepted: bool) {
    assert_eq!(platform.aws.next_visibility(&[DELIVERIES, SLOW_DELIVERIES]), None, "nothing is under way");
    let is_held = |item: &Value| item["status"]["S"] == "held";
    let is_paused = |item: &Value| item["is_paused"]["BOOL"] == true;
    assert!(!accepted || platform.aws.items("LogTable").iter().any(is_held));
    assert!(!accepted || platform.aws.items("RegistryTable").iter().any(is_paused));
}

/// As a person does: again, if it does not succeed.
async fn until_done(caller: &Caller<'_>, method: Method, path: &str, body: &str) {
    let json = [("content-type", "application/json")];
    for _ in 0..3 {
        let answer = caller.try_send(method.clone(), path, &json, body).await;
        if answer.is_some_and(|answer| answer.status == 200) {
            return;
        }
    }
    panic!("{method} {path} does not succeed");
}

impl Run {
    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.key)
    }

    /// The ids of the events in the log.
    fn logged(&self) -> Vec<String> {
        let items = self.platform.aws.items("LogTable");
        let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap().to_owned();
        let is_event = |item: &&Value| text(item, "pk").starts_with("EVENTS#");
        // What the platform tells of the endpoint is not what was published.
        let published =
            items.iter().filter(is_event).filter(|item| text(item, "event_type") == "send.email.sent");
        published.map(|item| text(item, "sk")).collect()
    }

    async fn check(&self, scenario: &Scenario, point: &str) {
        let logged = self.logged();
        if let Some(accepted) = &self.accepted {
            assert_eq!(logged, std::slice::from_ref(accepted), "{point}: what was accepted is in the log");
        }
        for queue in [EVENTS_DEAD_LETTERS, DELIVERIES_DEAD_LETTERS] {
            assert_eq!(self.platform.aws.messages(queue), Vec::<String>::new(), "{point}: {queue}");
        }
        let received = self.receiver.received();
        for request in &received {
            assert!(request.verifies(&self.hook.secret), "{point}: {request:?}");
            assert!(logged.contains(&request.event_id()), "{point}: what is sent is in the log");
        }
        for event in &logged {
            self.check_delivery(scenario, event, &received, point).await;
        }
        let endpoint = self.caller().endpoint(&self.hook.id).await;
        assert_eq!(endpoint["is_paused"], false, "{point}: {endpoint}");
        let is_gone = scenario.outcome == 410 && self.accepted.is_some();
        assert!(!is_gone || endpoint["is_active"] == false, "{point}: {endpoint}");
    }

    async fn check_delivery(&self, scenario: &Scenario, event: &str, received: &[Received], point: &str) {
        let delivery = self.caller().delivery(event, &self.hook.id).await;
        assert_eq!(delivery["status"], scenario.status, "{point}: {delivery}");
        assert_eq!(delivery["next_attempt_at"], Value::Null, "{point}: {delivery}");
        let attempts = delivery["attempts"].as_array().unwrap();
        match attempts.last() {
            Some(last) => assert_eq!(last["status_code"], scenario.outcome, "{point}: {delivery}"),
            // A 410 disables before it is recorded: what fails in between leaves a delivery that failed for that.
            None => assert!(
                scenario.outcome == 410 && self.platform.aws.fault_struck(),
                "{point}: a delivery without attempts"
            ),
        }
        let numbers: Vec<_> = attempts.iter().map(|attempt| attempt["number"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "{point}: {delivery}");
        let posts = received.iter().filter(|request| request.event_id() == event).count();
        assert!(posts >= attempts.len(), "{point}: no attempt is recorded that was not made: {delivery}");
        assert!(
            posts <= attempts.len() + 1,
            "{point}: one fault repeats at most one attempt: {posts} {delivery}"
        );
    }
}

/// Tries every point of a scenario and prints how many there were.
async fn try_all(scenario: &Scenario) {
    let undisturbed = run(scenario, None).await;
    assert!(undisturbed.accepted.is_some());
    undisturbed.check(scenario, scenario.name).await;
    let (mut points, mut bad) = (0, Vec::new());
    for (number, call) in undisturbed.calls.iter().enumerate() {
        for fault in Fault::ALL {
            let point = format!("{}, {fault:?} at call {number}, {call}", scenario.name);
            let trying = async {
                let run = run(scenario, Some((number, fault))).await;
                assert!(run.platform.aws.fault_struck(), "{point} was not reached");
                run.check(scenario, &point).await;
            };
            points += 1;
            if AssertUnwindSafe(trying).catch_unwind().await.is_err() {
                bad.push(point);
            }
        }
    }
    print(&format!(
        "{}: {points} points, {} calls × {} faults",
        scenario.name,
        points / Fault::ALL.len(),
        Fault::ALL.len()
    ));
    assert!(bad.is_empty(), "{} of {points} points ended badly, see above: {bad:#?}", bad.len());
}

#[expect(clippy::print_stdout, reason = "the figures are part of what the test shows")]
fn print(line: &str) {
    println!("{line}");
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_succeeds() {
    try_all(&SUCCESS).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_to_a_slow_endpoint() {
    try_all(&SLOW).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_succeeds_after_a_retry() {
    try_all(&RETRY).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_fails() {
    try_all(&FAILURE).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_is_held_until_a_probe_succeeds() {
    try_all(&PROBE).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_is_held_until_its_endpoint_is_unpaused() {
    try_all(&UNPAUSE).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_whose_receiver_is_gone() {
    try_all(&GONE).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_waits_for_its_retry_when_its_endpoint_is_changed() {
    try_all(&MOVED_WHILE_RETRYING).await;
}

#[tokio::test]
async fn no_fault_spoils_a_delivery_that_is_held_when_its_endpoint_is_changed() {
    try_all(&MOVED_WHILE_HELD).await;
}
