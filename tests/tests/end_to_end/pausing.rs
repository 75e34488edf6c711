//! Endpoints that are sent nothing: paused, disabled, deleted.

use minreq::Method::{Patch, Post};
use serde_json::{Value, json};

use crate::support::{Customer, Endpoint, Receiver, Reply, customer::text, stacks, until};

#[test]
fn an_endpoint_that_keeps_failing_is_paused_and_its_owner_is_told_elsewhere() {
    // With the local schedule this takes a minute and a half of probes.
    let stack = stacks::own("pausing", |options| options.parameter("ProbeMaxDelaySeconds", "1"));
    let customer = Customer::of(&stack, "pausing");
    let down = Receiver::start(Reply::Status(500));
    let well = Receiver::start(Reply::Status(200));
    let failing = customer.endpoint(&down.url(), &["*"]);
    let sibling = customer.endpoint(&well.url(), &["platform.*"]);
    let events: Vec<_> = (0..5).map(|_| customer.publish()).collect();

    let told = well.arrival_of_type("platform.webhook.paused");
    assert!(told.is_signed_by(&sibling.secret));
    let data = &told.json()["data"];
    assert_eq!(data["endpoint_id"], failing.id.as_str());
    assert_eq!((&data["url"], &data["consecutive_failures"]), (&json!(down.url()), &json!(10)));
    assert!(customer.delivery(told.event(), &failing).is_none(), "not to the paused endpoint itself");
    assert!(customer.delivery(told.event(), &sibling).is_some());

    let paused = customer.read_endpoint(&failing);
    assert_eq!((&paused["is_paused"], &paused["consecutive_failures"]), (&json!(true), &json!(10)));
    assert_eq!(paused["last_delivery_status"], 500);
    for event in &events {
        customer.delivery_that_is("held", event, &failing);
    }

    down.now(Reply::Status(200));
    let unpaused = customer.ask(&failing, "unpause", &json!({}), 200);
    assert_eq!((&unpaused["is_paused"], &unpaused["consecutive_failures"]), (&json!(false), &json!(0)));
    for event in &events {
        customer.delivery_that_is("delivered", event, &failing);
    }
}

#[test]
fn what_was_held_is_sent_on_unpausing_unless_it_is_not_wanted() {
    let customer = Customer::new("unpausing");
    let (unwanted, wanted) = (Receiver::start(Reply::Status(200)), Receiver::start(Reply::Status(200)));
    let without = customer.endpoint(&unwanted.url(), &["send.*"]);
    let with = customer.endpoint(&wanted.url(), &["send.*"]);
    for endpoint in [&without, &with] {
        assert_eq!(customer.ask(endpoint, "pause", &json!({}), 200)["is_paused"], true);
    }
    let held = customer.publish();
    for endpoint in [&without, &with] {
        customer.delivery_that_is("held", &held, endpoint);
    }

    customer.ask(&without, "unpause", &json!({ "replay": false }), 200);
    customer.ask(&with, "unpause", &json!({}), 200);
    // Had the first unpausing sent something, it would have come before what the second one sends.
    wanted.arrival_of(&held);
    let new = customer.publish();
    unwanted.arrival_of(&new);
    assert_eq!(
        unwanted.arrivals().iter().map(|arrival| arrival.event().to_owned()).collect::<Vec<_>>(),
        [new]
    );
    assert_eq!(customer.delivery(&held, &without).unwrap()["status"], "held");

    customer.ask(&without, "replay", &json!({ "after": 0 }), 202);
    unwanted.arrival_of(&held);
}

#[test]
fn a_test_event_reaches_a_paused_endpoint_and_no_other() {
    let customer = Customer::new("testing");
    let (paused, other) = (Receiver::start(Reply::Status(200)), Receiver::start(Reply::Status(200)));
    let endpoint = customer.endpoint(&paused.url(), &["telco.*"]);
    let sibling = customer.endpoint(&other.url(), &["*"]);
    customer.ask(&endpoint, "pause", &json!({}), 200);

    let published = customer.ask(&endpoint, "test", &json!({}), 202);
    let message = "Test event published. The webhook will be delivered shortly.";
    assert_eq!((&published["success"], &published["message"]), (&json!(true), &json!(message)));
    let event = text(&published, "eventId");
    let arrival = paused.arrival_of(&event);
    assert_eq!(arrival.json()["type"], "platform.test");
    assert!(arrival.is_signed_by(&endpoint.secret));
    assert!(customer.delivery(&event, &sibling).is_none(), "it goes to that endpoint alone");
    assert_eq!(customer.read_endpoint(&endpoint)["is_paused"], true);
}

#[test]
fn a_disabled_endpoint_gets_nothing_and_cannot_be_tested() {
    let customer = Customer::new("disabled");
    let (off, on) = (Receiver::start(Reply::Status(200)), Receiver::start(Reply::Status(200)));
    let disabled = customer.endpoint(&off.url(), &["*"]);
    let active = customer.endpoint(&on.url(), &["*"]);
    let path = format!("/v1/webhooks/{}", disabled.id);
    customer.call(Patch, &path, Some(&json!({ "is_active": false }))).expect(200);

    let refused = customer.call(Post, &format!("{path}/test"), Some(&json!({}))).expect(409);
    assert_eq!(refused["error"], "conflict");
    let missed = customer.publish();
    customer.delivery_that_is("delivered", &missed, &active);
    assert!(customer.delivery(&missed, &disabled).is_none(), "nothing is kept for it");

    customer.call(Patch, &path, Some(&json!({ "is_active": true }))).expect(200);
    let event = customer.publish();
    off.arrival_of(&event);
    assert_eq!(off.arrivals().len(), 1);
}

#[test]
fn deleting_an_endpoint_stops_what_is_queued_for_it() {
    let customer = Customer::new("deleting");
    let (gone, witness) = (Receiver::start(Reply::Status(503)), Receiver::start(Reply::Status(503)));
    let policy = json!({ "initial_delay_seconds": 2, "backoff_factor": 2 });
    let create = |receiver: &Receiver| -> Endpoint {
        let settings = json!({ "url": receiver.url(), "enabled_events": ["send.*"], "retry_policy": policy });
        customer.endpoint_with(&settings)
    };
    let (deleted, kept) = (create(&gone), create(&witness));
    let event = customer.publish();
    customer.delivery_that_is("retrying", &event, &deleted);
    customer.delete(&deleted);
    let before = gone.arrivals().len();

    // Both have the same schedule: when the witness was sent its third attempt, the deleted one's second was long due.
    until("the witness's third attempt", || (witness.arrivals().len() >= 3).then_some(()));
    assert_eq!(gone.arrivals().len(), before);
    assert!(before <= 2);
    let delivery: Option<Value> = customer.delivery(&event, &kept);
    assert!(delivery.is_some());
}
