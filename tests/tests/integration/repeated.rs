//! Requests that are sent again with the same `Idempotency-Key`, on every route that changes something.

use std::{collections::BTreeSet, time::Duration};

use application::idempotency;
use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};
use tests::{
    aws::Fault,
    platform::{Answer, EVENTS, Platform},
    template::Template,
};

/// Where nobody listens: nothing here is delivered.
const URL: &str = "https://127.0.0.1/";

/// A platform with an organization, an endpoint of it and an event in its log.
struct Stage {
    platform: Platform,
    key: String,
    endpoint: String,
    event: String,
}

/// A request that can be sent again.
#[derive(Clone)]
struct Request {
    method: Method,
    /// With `{endpoint}` and `{event}` in it.
    path: &'static str,
    body: Value,
    /// What the organization has one more of, or one other of, once it was carried out.
    effect: fn(&Stage) -> Vec<String>,
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::new();
        let key = platform.organization().await.key;
        let owner = platform.with_key(&key);
        let endpoint = owner.subscribe(URL, &["telco.*"]).await.id;
        let event = owner.publish("telco.lookup.completed", LOOKUP).await;
        platform.pump_events().await;
        platform.restart();
        Self { platform, key, endpoint, event }
    }

    fn path(&self, request: &Request) -> String {
        request.path.replace("{endpoint}", &self.endpoint).replace("{event}", &self.event)
    }

    async fn try_send(&self, request: &Request, idempotency_key: &str) -> Option<Answer> {
        let headers = [("content-type", "application/json"), ("idempotency-key", idempotency_key)];
        let (method, path, body) = (request.method.clone(), self.path(request), request.body.to_string());
        self.platform.with_key(&self.key).try_send(method, &path, &headers, &body).await
    }

    async fn send(&self, request: &Request, idempotency_key: &str) -> Answer {
        self.try_send(request, idempotency_key).await.unwrap()
    }

    /// Sends a request again until it is neither running nor failing, as a careful client would.
    async fn send_until_answered(&self, request: &Request, idempotency_key: &str) -> Answer {
        for _ in 0..120 {
            if let Some(answer) = self.try_send(request, idempotency_key).await
                && !is_in_progress(&answer)
                && answer.status != 500
            {
                return answer;
            }
            self.platform.aws.advance(Duration::from_secs(1));
        }
        panic!("{} {} is never answered", request.method, request.path);
    }

    /// The distinct values of this attribute in a table's items whose sort key begins like this.
    fn distinct(&self, table: &str, sort_key: &str, attribute: &str) -> Vec<String> {
        let items = self.platform.aws.items(table);
        let found =
            items.iter().filter(|item| item["sk"]["S"].as_str().unwrap_or_default().starts_with(sort_key));
        found.map(|item| item[attribute].to_string()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The ids of the events of this type that the bus was handed, each once.
    fn events_of(&self, event_type: &str) -> Vec<String> {
        let messages = self.platform.aws.messages(EVENTS);
        let envelopes = messages.iter().map(|message| serde_json::from_str::<Value>(message).unwrap());
        let of_type = envelopes.filter(|envelope| envelope["detail-type"] == event_type);
        let ids = of_type.map(|envelope| envelope["detail"]["eventId"].to_string());
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

const LOOKUP: &str = r#"{"tn":"2125551234","npa":"212","nxx":"555"}"#;

fn endpoints(stage: &Stage) -> Vec<String> {
    stage.distinct("RegistryTable", "ENDPOINT#", "sk")
}

fn secrets(stage: &Stage) -> Vec<String> {
    stage.distinct("RegistryTable", "ENDPOINT#", "secrets")
}

fn settings(stage: &Stage) -> Vec<String> {
    stage.distinct("RegistryTable", "ENDPOINT#", "settings")
}

fn keys(stage: &Stage) -> Vec<String> {
    stage.distinct("RegistryTable", "KEY#", "sk")
}

fn pauses(stage: &Stage) -> Vec<String> {
    stage.distinct("RegistryTable", "ENDPOINT#", "is_paused")
}

fn sent_events(stage: &Stage) -> Vec<String> {
    stage.events_of("send.email.sent")
}

fn tests_sent(stage: &Stage) -> Vec<String> {
    stage.events_of("platform.test")
}

fn waiting_messages(stage: &Stage) -> Vec<String> {
    stage.platform.aws.messages("DeliveriesQueue")
}

fn post(path: &'static str, body: Value, effect: fn(&Stage) -> Vec<String>) -> Request {
    Request { method: Method::POST, path, body, effect }
}

/// What a careful client may have to send again, with an effect that can be counted.
fn creating() -> Vec<Request> {
    let email = json!({ "type": "send.email.sent", "data": { "messageId": "m" } });
    vec![
        post("/v1/webhooks", json!({ "url": URL, "enabled_events": ["*"] }), endpoints),
        post("/api/v1/webhooks/", json!({ "url": URL, "events": ["*"] }), endpoints),
        post("/v1/webhooks/{endpoint}/rotate-secret", json!({}), secrets),
        post("/v1/webhooks/{endpoint}/test", json!({}), tests_sent),
        post("/v1/keys", json!({ "name": "CI", "scopes": ["platform:events:read"] }), keys),
        post("/v1/events", email.clone(), sent_events),
        post("/v1/events/batch", json!({ "events": [email.clone(), email] }), sent_events),
    ]
}

/// The other routes that take a key.
fn changing() -> Vec<Request> {
    let span = json!({ "after": "2000-01-01T00:00:00Z" });
    vec![
        Request {
            method: Method::PATCH,
            path: "/v1/webhooks/{endpoint}",
            body: json!({ "timeout_seconds": 7 }),
            effect: settings,
        },
        post("/v1/webhooks/{endpoint}/pause", json!({}), pauses),
        post("/v1/webhooks/{endpoint}/unpause", json!({}), pauses),
        post("/v1/webhooks/{endpoint}/replay", span, waiting_messages),
        post("/v1/events/{event}/resend", json!({}), waiting_messages),
    ]
}

fn is_in_progress(answer: &Answer) -> bool {
    answer.status == 409 && answer.json()["code"] == "idempotency_in_progress"
}

#[tokio::test]
async fn every_route_repeats_its_answer_and_does_nothing_twice() {
    for request in creating().into_iter().chain(changing()) {
        let stage = Stage::set().await;
        let first = stage.send(&request, "k").await;
        assert!(first.status.is_success(), "{}: {}", request.path, first.text);
        let effect = (request.effect)(&stage);

        stage.platform.aws.advance(Duration::from_hours(23));
        stage.platform.restart();
        let second = stage.send(&request, "k").await;
        assert_eq!((second.status, &second.text), (first.status, &first.text), "{}", request.path);
        assert_eq!((request.effect)(&stage), effect, "{}", request.path);

        // A day after the first one, the key stands for nothing.
        stage.platform.aws.advance(Duration::from_hours(1));
        let third = stage.send(&request, "k").await;
        assert!(third.status.is_success(), "{}: {}", request.path, third.text);
    }
}

#[tokio::test]
async fn what_is_created_twice_without_a_key_is_there_twice() {
    for request in creating() {
        let stage = Stage::set().await;
        let body = request.body.to_string();
        let mut effects = BTreeSet::new();
        for _ in 0..2 {
            let owner = stage.platform.with_key(&stage.key);
            let answer = owner.post_text(&stage.path(&request), &body).await;
            assert!(answer.status.is_success(), "{}: {}", request.path, answer.text);
            effects.insert((request.effect)(&stage));
        }
        assert_eq!(effects.len(), 2, "{}: its effect is not seen", request.path);
    }
}

/// Every call of a request fails, loses its answer or takes the process with it. Then the client asks again.
async fn is_finished_by_the_next_request(request: &Request) {
    let undisturbed = Stage::set().await;
    undisturbed.platform.aws.forget_calls();
    undisturbed.send(request, "k").await;
    let calls = undisturbed.platform.aws.calls();
    let once = (request.effect)(&undisturbed).len();

    for (number, call) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let point = format!("{}: {fault:?} at {number}, {call}", request.path);
            let stage = Stage::set().await;
            stage.platform.aws.forget_calls();
            stage.platform.aws.inject(number, fault);
            let first = stage.try_send(request, "k").await;
            assert!(stage.platform.aws.fault_struck(), "{point} was not reached");
            stage.platform.aws.heal();

            let second = stage.send_until_answered(request, "k").await;
            assert!(second.status.is_success(), "{point}: {}", second.text);
            if let Some(first) = first.filter(is_whole) {
                assert_eq!(first.text, second.text, "{point}");
            }
            let third = stage.send(request, "k").await;
            assert_eq!(second.text, third.text, "{point}");
            assert_eq!((request.effect)(&stage).len(), once, "{point}");
        }
    }
    eprintln!("{}: {} points", request.path, calls.len() * Fault::ALL.len());
}

/// A success, and that of every event of a batch.
fn is_whole(answer: &Answer) -> bool {
    answer.status.is_success() && !answer.text.contains("internal_error")
}

/// A test for each request that creates something: they run side by side.
macro_rules! broken_off {
    ($($test:ident: $request:literal;)*) => {
        $(
            #[tokio::test]
            async fn $test() {
                is_finished_by_the_next_request(&creating()[$request]).await;
            }
        )*

        #[test]
        fn each_request_that_creates_something_is_broken_off() {
            assert_eq!([$($request),*].to_vec(), (0..creating().len()).collect::<Vec<_>>());
        }
    };
}

broken_off! {
    a_creation_that_broke_off_makes_one_endpoint: 0;
    a_registration_as_orbit_does_that_broke_off_makes_one_endpoint: 1;
    a_rotation_that_broke_off_makes_one_secret: 2;
    a_test_that_broke_off_sends_one_event: 3;
    a_key_that_broke_off_is_made_once: 4;
    a_publication_that_broke_off_makes_one_event: 5;
    a_batch_that_broke_off_makes_each_event_once: 6;
}

#[tokio::test]
async fn six_requests_at_once_have_one_effect() {
    let mut some_waited = false;
    for request in creating().into_iter().chain(changing()) {
        let undisturbed = Stage::set().await;
        undisturbed.send(&request, "k").await;
        let once = (request.effect)(&undisturbed).len();

        for seed in 1..=10 {
            let stage = Stage::set().await;
            stage.platform.aws.interleave(seed);
            let answers = join_all((0..6).map(|_| stage.send(&request, "k"))).await;

            let (waiting, answered): (Vec<_>, Vec<_>) = answers.into_iter().partition(is_in_progress);
            some_waited |= !waiting.is_empty();
            assert!(waiting.iter().all(|answer| answer.header("retry-after") == "1"));
            let said: BTreeSet<_> = answered.into_iter().map(|answer| answer.text).collect();
            assert_eq!(said.len(), 1, "{}, seed {seed}: {said:?}", request.path);
            assert_eq!((request.effect)(&stage).len(), once, "{}, seed {seed}", request.path);
        }
    }
    assert!(some_waited, "no two requests ever met: the seeds do nothing");
}

#[tokio::test]
async fn a_key_that_stands_for_another_request_is_refused_with_what_differs() {
    let stage = Stage::set().await;
    let request = creating().remove(0);
    stage.send(&request, "k").await.expect(201);

    let other_body = Request { body: json!({ "url": URL, "enabled_events": ["send.*"] }), ..request.clone() };
    let other_route = Request { path: "/v1/webhooks/{endpoint}/test", body: json!({}), ..request.clone() };
    for (other, difference) in [(&other_body, "another body"), (&other_route, "another route")] {
        let refused = stage.send(other, "k").await.expect(409).json();
        assert_eq!(refused["code"], "idempotency_key_reused");
        assert!(refused["message"].as_str().unwrap().contains(difference), "{refused}");
    }

    // The same request with a test key.
    let scopes = json!(["platform:webhooks:manage"]);
    let test_key = json!({ "name": "test", "scopes": scopes, "livemode": false });
    let test_key = stage.platform.with_key(&stage.key).post("/v1/keys", test_key).await.expect(201).json();
    let key = test_key["key"].as_str().unwrap().to_owned();
    let tester = Stage { key, ..stage };
    let refused = tester.send(&request, "k").await.expect(409).json();
    assert_eq!(refused["code"], "idempotency_key_reused");
    assert!(refused["message"].as_str().unwrap().contains("other mode"), "{refused}");
}

#[tokio::test]
async fn what_was_refused_before_anything_happened_leaves_its_key_free() {
    let stage = Stage::set().await;
    let good = creating().remove(0);
    for wrong in [
        json!({}),
        json!({ "url": "http://example.com/", "enabled_events": ["*"] }),
        json!({ "url": URL, "enabled_events": ["*"], "colour": "red" }),
    ] {
        stage.send(&Request { body: wrong, ..good.clone() }, "k").await.expect(400);
    }
    stage.platform.without_key().post("/v1/webhooks", good.body.clone()).await.expect(401);
    let nowhere = Request { path: "/v1/webhooks/whep_00000000000070008000000000000000/test", ..good.clone() };
    stage.send(&Request { body: json!({}), ..nowhere }, "k").await.expect(404);

    stage.send(&good, "k").await.expect(201);
}

#[tokio::test]
async fn a_kept_answer_outlives_what_it_is_about() {
    let stage = Stage::set().await;
    let rotate = creating().remove(2);
    let first = stage.send(&rotate, "k").await.expect(200);

    let path = format!("/v1/webhooks/{}", stage.endpoint);
    stage.platform.with_key(&stage.key).delete(&path).await.expect(204);
    let second = stage.send(&rotate, "k").await.expect(200);
    assert_eq!(first.text, second.text);
    stage.send(&rotate, "another").await.expect(404);
}

#[tokio::test]
async fn keys_of_different_organizations_never_meet() {
    let stage = Stage::set().await;
    let request = creating().remove(0);
    let first = stage.send(&request, "k").await.expect(201).json();

    let key = stage.platform.organization().await.key;
    let stranger = Stage { key, ..stage };
    let second = stranger.send(&request, "k").await.expect(201).json();
    assert_ne!(first["id"], second["id"]);
}

/// The wait for a request whose process died is longer than a process may live, clocks that differ included.
#[test]
fn a_request_counts_as_running_for_longer_than_the_function_may_take() {
    let function = Template::of_project().function_timeout("api");

    assert!(idempotency::RUNS_FOR >= Duration::from_secs(function + 10), "{function} s");
}

/// The models of AWS know no permissions, so the template is asked: a refused request deletes its item.
#[test]
fn the_api_may_do_with_the_log_what_its_requests_need() {
    let actions = Template::of_project().log_actions("ApiRole");

    for needed in ["GetItem", "PutItem", "UpdateItem", "DeleteItem"] {
        assert!(actions.contains(&format!("dynamodb:{needed}")), "{needed}: {actions:?}");
    }
}

#[tokio::test]
async fn a_key_that_may_not_grant_scopes_gets_no_answer_that_another_one_got() {
    let stage = Stage::set().await;
    let everything = json!({ "name": "all", "scopes": ["platform:webhooks:manage", "platform:keys:manage"] });
    let request = post("/v1/keys", everything, keys);
    stage.send(&request, "k").await.expect(201);

    let manager = json!({ "name": "manager", "scopes": ["platform:keys:manage"] });
    let manager = stage.platform.with_key(&stage.key).post("/v1/keys", manager).await.expect(201).json();
    let key = manager["key"].as_str().unwrap().to_owned();
    let other = Stage { key, ..stage };
    let refused = other.send(&request, "k").await.expect(403).json();
    assert_eq!(refused["message"], "Insufficient scope. Required: platform:webhooks:manage");
}

/// An answer is shown only if it was kept: otherwise the next request would make the same secret once more, even one that was
/// revoked meanwhile.
#[tokio::test]
async fn an_answer_that_cannot_be_kept_is_not_shown() {
    let request = &creating()[4];
    let undisturbed = Stage::set().await;
    undisturbed.platform.aws.forget_calls();
    undisturbed.send(request, "k").await.expect(201);
    let calls = undisturbed.platform.aws.calls();
    let keeping = calls.iter().rposition(|call| call.operation == "UpdateItem").unwrap();

    let stage = Stage::set().await;
    stage.platform.aws.forget_calls();
    stage.platform.aws.inject(keeping, Fault::FailBefore);
    let refused = stage.send(request, "k").await.expect(500);
    assert!(!refused.text.contains("dd_live_"), "{}", refused.text);

    let answer = stage.send_until_answered(request, "k").await.expect(201);
    assert_eq!(stage.send(request, "k").await.expect(201).text, answer.text);
    assert_eq!(keys(&stage).len(), keys(&undisturbed).len());
}

#[tokio::test]
async fn bad_requests_at_once_are_all_told_what_is_bad() {
    for seed in 1..=20 {
        let stage = Stage::set().await;
        stage.platform.aws.interleave(seed);
        let http = json!({ "url": "http://example.com/", "enabled_events": ["*"] });
        let bad = post("/v1/webhooks", http, endpoints);

        for answer in join_all((0..4).map(|_| stage.send(&bad, "k"))).await {
            let status = answer.status.as_u16();
            assert!(status == 400 || is_in_progress(&answer), "seed {seed}: {}", answer.text);
        }
    }
}

/// What is kept of a request has secrets only sealed: nobody can read them from the tables.
#[tokio::test]
async fn secrets_are_kept_sealed() {
    let stage = Stage::set().await;
    let mut shown = Vec::new();
    for (number, request) in creating().iter().take(5).enumerate() {
        let answer = stage.send(request, &format!("k{number}")).await.json();
        let secrets = ["signing_secret", "key"].map(|name| answer[name].as_str().map(str::to_owned));
        shown.extend(secrets.into_iter().flatten());
        shown.extend(answer["data"]["secret"].as_str().map(str::to_owned));
    }
    assert_eq!(shown.len(), 4, "{}", shown.len());

    let kept = ["LogTable", "RegistryTable"].map(|table| json!(stage.platform.aws.items(table)).to_string());
    for secret in shown {
        assert!(kept.iter().all(|items| !items.contains(&secret)));
    }
}
