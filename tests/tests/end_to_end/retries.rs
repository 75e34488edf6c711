//! A delivery that its receiver refuses comes back on its schedule.

use serde_json::{Value, json};

use crate::support::{Customer, Receiver, Reply};

#[test]
fn a_refused_delivery_is_retried_on_schedule_until_it_is_taken() {
    let customer = Customer::new("retries");
    let refusals = [Reply::Status(503), Reply::Status(500)];
    let receiver = Receiver::with_script(refusals, Reply::Status(200));
    let policy = json!({ "initial_delay_seconds": 1, "backoff_factor": 3 });
    let endpoint = customer.endpoint_with(
        &json!({ "url": receiver.url(), "enabled_events": ["send.*"], "retry_policy": policy }),
    );

    let event = customer.publish();
    let delivery = customer.delivery_that_is("delivered", &event, &endpoint);

    let attempts = delivery["attempts"].as_array().unwrap();
    let told = |field: &str| attempts.iter().map(|attempt| attempt[field].clone()).collect::<Vec<_>>();
    assert_eq!(told("number"), [json!(1), json!(2), json!(3)]);
    assert_eq!(told("status_code"), [json!(503), json!(500), json!(200)]);
    for (wait, scheduled) in waits(attempts).into_iter().zip([1_000, 3_000]) {
        // A tenth of jitter; and SQS hides a message for whole seconds, so that it may show up to one later.
        let earliest = scheduled * 9 / 10;
        assert!((earliest..earliest + 20_000).contains(&wait), "{wait} ms for {scheduled} ms");
    }

    let arrivals = receiver.arrivals();
    assert_eq!(arrivals.len(), 3);
    for (arrival, attempt) in arrivals.iter().zip(attempts) {
        assert_eq!(arrival.event(), event);
        assert_eq!(arrival.body(), arrivals[0].body());
        assert!(arrival.is_signed_by(&endpoint.secret));
        let seconds = attempt["at"].as_i64().unwrap() / 1_000;
        assert_eq!(arrival.header("X-DoDevWebhook-Timestamp"), seconds.to_string(), "of this attempt");
    }
    for (pair, earliest) in arrivals.windows(2).zip([900, 2_700]) {
        assert!(pair[1].at.duration_since(pair[0].at).as_millis() >= earliest, "by the receiver's clock");
    }
    let endpoint = customer.read_endpoint(&endpoint);
    assert_eq!((&endpoint["consecutive_failures"], &endpoint["is_paused"]), (&json!(0), &json!(false)));
}

#[test]
fn a_delivery_in_backoff_tells_when_it_is_tried_again() {
    let customer = Customer::new("backoff");
    let receiver = Receiver::start(Reply::Status(404));
    let endpoint = customer.endpoint_with(&json!({
        "url": receiver.url(),
        "enabled_events": ["*"],
        "retry_policy": { "initial_delay_seconds": 3600 },
    }));

    let event = customer.publish();
    let delivery = customer.delivery_that_is("retrying", &event, &endpoint);

    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!((attempts.len(), &attempts[0]["status_code"]), (1, &json!(404)));
    assert_eq!(attempts[0]["response_body"], "ok");
    let wait = delivery["next_attempt_at"].as_i64().unwrap() - ended(&attempts[0]);
    assert!((3_240_000..=3_960_000).contains(&wait), "{wait} ms");
    assert_eq!(customer.deliveries(&endpoint, "retrying"), [delivery]);
}

#[test]
fn a_delivery_whose_retries_are_used_up_has_failed() {
    let customer = Customer::new("exhausted");
    let receiver = Receiver::start(Reply::HangUp);
    let endpoint = customer.endpoint_with(&json!({
        "url": receiver.url(),
        "enabled_events": ["*"],
        "retry_policy": { "max_retries": 1, "initial_delay_seconds": 1 },
    }));

    let event = customer.publish();
    let delivery = customer.delivery_that_is("failed", &event, &endpoint);

    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{delivery}");
    for attempt in attempts {
        assert!(attempt["error_code"].is_string() && attempt["status_code"].is_null(), "{attempt}");
    }
    assert_eq!(delivery["next_attempt_at"], json!(null));
}

#[test]
fn a_receiver_that_never_answers_is_given_up_in_time() {
    let customer = Customer::new("silence");
    let receiver = Receiver::start(Reply::Silence);
    let endpoint = customer.endpoint_with(&json!({
        "url": receiver.url(),
        "enabled_events": ["*"],
        "timeout_seconds": 1,
        "retry_policy": { "max_retries": 0 },
    }));

    let event = customer.publish();
    let delivery = customer.delivery_that_is("failed", &event, &endpoint);

    let attempt = &delivery["attempts"][0];
    assert_eq!((&attempt["error_code"], &attempt["status_code"]), (&json!("timeout"), &json!(null)));
    let duration = attempt["duration_ms"].as_i64().unwrap();
    assert!((1_000..10_000).contains(&duration), "{duration} ms");
}

fn waits(attempts: &[Value]) -> Vec<i64> {
    attempts.windows(2).map(|pair| pair[1]["at"].as_i64().unwrap() - ended(&pair[0])).collect()
}

fn ended(attempt: &Value) -> i64 {
    attempt["at"].as_i64().unwrap() + attempt["duration_ms"].as_i64().unwrap()
}
