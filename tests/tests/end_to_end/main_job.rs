//! An event published through the API arrives at its endpoint, once and signed, and is in the log.

use std::collections::BTreeSet;

use domain::event_data::MAX_DATA_BYTES;
use minreq::Method;
use serde_json::json;
use tests::noise::{LEADS, utf8};

use crate::support::{Answer, Customer, Receiver, Reply, api, customer::text, node::Judgement, node::judge};

/// As a publisher may send it; every character of it is to arrive.
const DATA: &str = r#"{"to":["user@example.com"],"subject":"Gr\u00fc\u00dfe ✓","messageId":"msg_1","from":"hello@example.com","a":{"z":1.0,"b":12345678901234567890123}}"#;

#[test]
fn a_published_event_arrives_once_with_the_contract_s_headers_and_body() {
    let customer = Customer::new("main job");
    let receiver = Receiver::start(Reply::Status(200));
    let endpoint = customer.endpoint(&receiver.url(), &["send.email.*"]);

    let published = publish_data(&customer);
    let event = text(&published, "eventId");
    let arrival = receiver.arrival_of(&event);

    let timestamp = arrival.header("X-DoDevWebhook-Timestamp");
    assert_eq!(arrival.request.method, "POST");
    assert_eq!(arrival.header("Content-Type"), "application/json");
    assert_eq!(arrival.header("User-Agent"), "DoDevWebhook/1.0");
    assert_eq!(arrival.header("Accept"), "*/*");
    let signature = arrival.header("X-DoDevWebhook-Signature");
    let hex = signature.strip_prefix(&format!("t={timestamp},v1=")).expect(signature);
    assert!(hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{hex}");
    let seconds: u64 = timestamp.parse().unwrap();
    assert!(arrival.seconds.abs_diff(seconds) <= 5, "{timestamp} at {}", arrival.seconds);

    let names: BTreeSet<_> =
        arrival.request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let contract =
        ["content-type", "user-agent", "accept"].into_iter().chain(HEADERS).chain(["host", "content-length"]);
    assert_eq!(names, contract.map(str::to_owned).collect());
    assert_eq!(names.len(), arrival.request.headers.len(), "a header comes twice");

    let body = format!(
        r#"{{"eventId":"{event}","type":"send.email.sent","service":"send","data":{DATA},"livemode":true,"createdAt":{}}}"#,
        published["createdAt"]
    );
    assert_eq!(arrival.body(), body);

    customer.delivery_that_is("delivered", &event, &endpoint);
    // What was published later and has arrived came through the same queues: a second POST would have come before.
    let later = customer.publish();
    receiver.arrival_of(&later);
    let posts = receiver.arrivals().iter().filter(|arrival| arrival.event() == event).count();
    assert_eq!(posts, 1);
}

const HEADERS: [&str; 3] = ["x-dodevwebhook-id", "x-dodevwebhook-timestamp", "x-dodevwebhook-signature"];

#[test]
fn the_documentation_s_verifier_accepts_a_delivery_and_refuses_a_changed_one() {
    let customer = Customer::new("node verifies");
    let receiver = Receiver::start(Reply::Status(200));
    let own = "given-by-the-customer-0123456789";
    customer.keeps_secret(own);
    let url = receiver.url();
    let given = json!({ "url": url, "enabled_events": ["*"], "secret": own });
    let endpoints = [customer.endpoint(&url, &["send.*"]), customer.endpoint_with(&given)];
    assert_eq!(endpoints[1].secret, own);

    let event = customer.publish();
    for endpoint in &endpoints {
        customer.delivery_that_is("delivered", &event, endpoint);
    }
    for endpoint in &endpoints {
        let arrivals = receiver.arrivals();
        let signed = arrivals.iter().find(|arrival| arrival.is_signed_by(&endpoint.secret));
        let arrival = signed.expect("a delivery that this secret signed");
        let (timestamp, signature) =
            (arrival.header("X-DoDevWebhook-Timestamp"), arrival.header("X-DoDevWebhook-Signature"));
        let (secret, body) = (endpoint.secret.as_str(), arrival.body());

        assert_eq!(judge(secret, timestamp, signature, body), Judgement::Accepted);
        let changed = body.replace("Welcome!", "Welcome?");
        assert_ne!(changed, body);
        assert_eq!(judge(secret, timestamp, signature, &changed), Judgement::Refused);
        let later = (timestamp.parse::<u64>().unwrap() + 1).to_string();
        assert_eq!(judge(secret, &later, signature, body), Judgement::Refused);
        assert_eq!(judge(&format!("{secret}x"), timestamp, signature, body), Judgement::Refused);
    }
}

#[test]
fn a_published_event_reads_back_with_its_delivery() {
    let customer = Customer::new("read back");
    let receiver = Receiver::start(Reply::Status(201));
    let endpoint = customer.endpoint(&receiver.url(), &["send.email.sent"]);
    let elsewhere = customer.endpoint(&receiver.url(), &["telco.*"]);

    let published = publish_data(&customer);
    let event = text(&published, "eventId");
    let delivery = customer.delivery_that_is("delivered", &event, &endpoint);

    let attempts = delivery["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 1, "{delivery}");
    assert_eq!((&attempts[0]["number"], &attempts[0]["status_code"]), (&json!(1), &json!(201)));
    assert_eq!(attempts[0]["address"], "127.0.0.1");
    assert_eq!(delivery["next_attempt_at"], json!(null));
    assert!(customer.delivery(&event, &elsewhere).is_none(), "it does not match");

    let read = customer.call(Method::Get, &format!("/v1/events/{event}"), None);
    assert!(read.body.contains(&format!(r#""data":{DATA}"#)), "{}", read.body);
    let read = read.expect(200);
    for field in ["eventId", "type", "service", "createdAt"] {
        assert_eq!(read[field], published[field], "{field}");
    }
    assert_eq!(read["livemode"], true);
}

/// Three of them fill a call of the bus, and each takes more than the 256 KiB that queues take where nothing says otherwise.
#[test]
fn the_largest_and_hardest_data_arrives_and_reads_back_to_the_letter() {
    let customer = Customer::new("large data");
    let receiver = Receiver::start(Reply::Status(200));
    let endpoint = customer.endpoint(&receiver.url(), &["send.email.sent"]);
    let room = MAX_DATA_BYTES - r#"{"messageId":""}"#.len();
    let data: Vec<_> = (1..=3).map(|seed| json!({ "messageId": utf8(room, &LEADS, seed) })).collect();
    assert!(data.iter().all(|data| data.to_string().len() == MAX_DATA_BYTES));

    let events: Vec<_> = data.iter().map(|data| json!({ "type": "send.email.sent", "data": data })).collect();
    let body = json!({ "events": events });
    let answer = customer.call(Method::Post, "/v1/events/batch", Some(&body)).expect(202);

    for (result, data) in answer["results"].as_array().unwrap().iter().zip(&data) {
        assert_eq!(result["status"], 202, "{result}");
        let event = text(result, "eventId");
        let expected = format!(r#""data":{data},"#);
        assert!(receiver.arrival_of(&event).body().contains(&expected), "{event} arrived changed");
        customer.delivery_that_is("delivered", &event, &endpoint);
        let read = customer.call(Method::Get, &format!("/v1/events/{event}"), None);
        assert!(read.body.contains(&expected), "{event} reads back changed");
    }
}

fn publish_data(customer: &Customer) -> serde_json::Value {
    let url = format!("{}/v1/events", customer.stack.env().base_url());
    let event = format!(r#"{{"type":"send.email.sent","data":{DATA}}}"#);
    let request = api::request(Method::Post, url, None)
        .with_header("X-API-Key", &customer.organization.key)
        .with_header("Content-Type", "application/json")
        .with_body(event);
    Answer::of(request).expect(202)
}
