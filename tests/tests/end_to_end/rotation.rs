//! Rotating a signing secret: both secrets sign while the grace lasts, the new one alone afterwards.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use crate::support::{
    Arrival, Customer, Endpoint, Receiver, Reply, customer::text, node::Judgement, node::judge, until,
};

#[test]
fn while_the_grace_lasts_both_secrets_verify_and_then_only_the_new_one() {
    let customer = Customer::new("rotation");
    let receiver = Receiver::start(Reply::Status(200));
    let first = customer.endpoint(&receiver.url(), &["send.*"]);

    let (second, _) = rotate(&customer, &first, 3_600);
    let arrival = receiver.arrival_of(&customer.publish());
    assert_accepted(&arrival, &second.secret);
    assert!(is_signed_by_previous(&arrival, &first.secret), "{:?}", arrival.request.headers);
    assert!(!arrival.is_signed_by(&first.secret));

    let (third, until_millis) = rotate(&customer, &first, 2);
    let alone = until("the grace to be over", || {
        let arrival = receiver.arrival_of(&customer.publish());
        assert_accepted(&arrival, &third.secret);
        assert!(!is_signed_by_previous(&arrival, &first.secret), "two rotations ago");
        let signature = arrival.header("X-DoDevWebhook-Signature");
        if !signature.contains("v0=") {
            return Some(arrival);
        }
        assert!(is_signed_by_previous(&arrival, &second.secret), "{signature}");
        assert!(millis(&arrival) < until_millis, "signed by the old secret after its time");
        None
    });
    assert!(millis(&alone) + 1_000 > until_millis, "the grace was cut short");
    assert!(!is_signed_by_previous(&alone, &second.secret) && !alone.is_signed_by(&second.secret));
}

/// The endpoint with its new secret, and when the old one stops signing, in Unix milliseconds.
fn rotate(customer: &Customer, endpoint: &Endpoint, grace_seconds: u32) -> (Endpoint, i64) {
    let rotated = customer.ask(endpoint, "rotate-secret", &json!({ "grace_seconds": grace_seconds }), 200);
    let secret = text(&rotated, "signing_secret");
    customer.keeps_secret(&secret);
    let until = rotated["previous_secret_expires_at"].as_i64().expect("a time");
    (Endpoint { secret, ..endpoint.clone() }, until)
}

fn assert_accepted(arrival: &Arrival, secret: &str) {
    let (timestamp, signature) =
        (arrival.header("X-DoDevWebhook-Timestamp"), arrival.header("X-DoDevWebhook-Signature"));
    assert_eq!(judge(secret, timestamp, signature, arrival.body()), Judgement::Accepted, "{signature}");
}

/// What a holder of the old secret computes, against the element `v0`.
fn is_signed_by_previous(arrival: &Arrival, secret: &str) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("{}.{}", arrival.header("X-DoDevWebhook-Timestamp"), arrival.body()).as_bytes());
    let computed = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    arrival.header("X-DoDevWebhook-Signature").split(',').any(|element| element == computed)
}

/// When it was signed, to the second.
fn millis(arrival: &Arrival) -> i64 {
    arrival.header("X-DoDevWebhook-Timestamp").parse::<i64>().expect("seconds") * 1_000
}
