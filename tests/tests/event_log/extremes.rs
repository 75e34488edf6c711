//! The largest and the worst to carry: 200 KiB of what grows most inside a JSON string.

use domain::{
    Timestamp,
    catalogue::Catalogue,
    event::{Audience, Event},
    event_data::{CarriedData, EventData, MAX_DATA_BYTES},
    ids::{EndpointId, EventId, Lane},
};
use serde_json::{Value, json};
use storage::{Added, LoggedEvent, MAX_ADDED};
use tests::{
    aws::{Call, Service},
    receiver::Receiver,
};

use crate::{
    batches::noise,
    stage::{Stage, TYPE},
};

/// The bus's limit of one call, and what every SQS takes.
const CARRIER_BYTES: usize = 256 * 1024;
/// What a Lambda may answer with. Source: Lambda's quotas.
const LAMBDA_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// An object of exactly the largest size, filled with `piece`.
fn filled(piece: &str) -> String {
    let room = MAX_DATA_BYTES - r#"{"messageId":""}"#.len();
    let text = format!("{}{}", piece.repeat(room / piece.len()), "x".repeat(room % piece.len()));
    format!(r#"{{"messageId":"{text}"}}"#)
}

/// Escapes in an order that does not compress.
fn mixed_escapes() -> String {
    const ESCAPES: [&str; 8] = [r#"\""#, r"\\", r"\/", r"\n", r"\u0000", r"\u001f", r"\uD83D\uDE00", "😀"];
    let room = MAX_DATA_BYTES - r#"{"messageId":""}"#.len();
    let mut text = String::new();
    for letter in noise(room, 7).bytes() {
        let next = ESCAPES[usize::from(letter) % ESCAPES.len()];
        if text.len() + next.len() > room {
            break;
        }
        text.push_str(next);
    }
    format!(r#"{{"messageId":"{text}{}"}}"#, "x".repeat(room - text.len()))
}

fn worst() -> Vec<(&'static str, String)> {
    let hex_noise: String = noise(MAX_DATA_BYTES / 6 - 3, 9).bytes().flat_map(escaped).collect();
    vec![
        ("all quotes", filled(r#"\""#)),
        ("all backslashes", filled(r"\\")),
        ("all NULs", filled(r"\u0000")),
        ("backslash and NUL", filled(r"\\\u0000")),
        ("raw astral", filled("😀")),
        ("mixed escapes", mixed_escapes()),
        ("random \\u escapes", format!(r#"{{"messageId":"{hex_noise}"}}"#)),
        ("printable noise", format!(r#"{{"messageId":"{}"}}"#, noise(MAX_DATA_BYTES - 16, 3))),
        ("empty arrays", format!(r#"{{"messageId":"m","x":[{}[]]}}"#, "[],".repeat(68_000))),
        ("white space", format!(r#"{{"messageId":"m"{}}}"#, "\n\t".repeat(102_000))),
    ]
}

fn bytes_of(call: &Call) -> usize {
    let fields = ["Detail", "DetailType", "Source", "MessageBody"];
    let entries = call.request["Entries"].as_array().unwrap().iter();
    entries.flat_map(|entry| fields.map(|field| entry[field].as_str().map_or(0, str::len))).sum()
}

#[tokio::test]
async fn the_worst_200_kib_pass_the_whole_way_within_the_carriers_limits() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    for (number, (name, data)) in worst().into_iter().enumerate() {
        assert!((MAX_DATA_BYTES - 1_000..=MAX_DATA_BYTES).contains(&data.len()), "{name}: {}", data.len());
        stage.platform.aws.forget_calls();
        let id = stage.caller().publish(TYPE, &data).await;
        stage.platform.settle().await;
        let received = receiver.received();
        assert_eq!(received.len(), number + 1, "{name}");
        assert!(received[number].body.contains(&format!(r#""data":{data},"#)), "{name}");
        assert!(received[number].verifies(&hook.secret), "{name}");
        let read = stage.caller().get(&format!("/v1/events/{id}")).await.expect(200).text;
        assert!(read.contains(&format!(r#""data":{data},"#)), "{name}");
        let calls = stage.platform.aws.calls();
        let carried = calls.iter().filter(|call| {
            matches!((call.service, call.operation.as_str()), (_, "PutEvents" | "SendMessageBatch"))
        });
        let carried: Vec<_> = carried.map(bytes_of).collect();
        assert_eq!(carried.len(), 2, "{name}");
        assert!(carried.iter().all(|bytes| *bytes <= CARRIER_BYTES), "{name}: {carried:?}");
        let items = calls.iter().filter(|call| call.service == Service::DynamoDb);
        assert!(items.clone().all(|call| call.capacity <= 400.0), "{name}: no item is over 400 KB");
    }
}

#[tokio::test]
async fn one_byte_more_than_200_kib_is_a_413() {
    let stage = Stage::set().await;
    for data in [format!(r#"{{"messageId":"{}"}}"#, "x".repeat(MAX_DATA_BYTES)), filled(" ") + " "] {
        let body = format!(r#"{{"type":"{TYPE}","data":{data}}}"#);
        let status = stage.caller().post_text("/v1/events", &body).await.status.as_u16();
        // White space around the value is not part of it.
        assert_eq!(status, if data.ends_with(' ') { 202 } else { 413 });
    }
    let body = format!(r#"{{"type":"{TYPE}","data":{}}}"#, filled(" ").replacen(' ', "  ", 1));
    let refused = stage.caller().post_text("/v1/events", &body).await.expect(413).json();
    assert_eq!((&refused["code"], &refused["param"]), (&json!("data_too_large"), &json!("data")));
    let body = format!(r#"{{"type":"{TYPE}","data":{{}}{}}}"#, " ".repeat(600 * 1024));
    stage.caller().post_text("/v1/events", &body).await.expect(413);
}

/// DynamoDB's largest item is 400 KB. An event's has its data, the endpoints that it matched, as many as an organization may
/// have at most, and those that it is sent to later on request.
#[tokio::test]
async fn the_fullest_event_has_room_for_every_endpoint_that_may_be_added_to_it() {
    let stage = Stage::set().await;
    let (log, now) = (stage.platform.log(), stage.platform.aws.clock().now());
    let endpoint = |number: u32| {
        let mut random = [0; 10];
        random[..4].copy_from_slice(&number.to_be_bytes());
        EndpointId::new(now, random)
    };
    let code = Catalogue::get().find(TYPE).unwrap().code();
    let data = EventData::parse(&format!(r#"{{"messageId":"{}"}}"#, noise(MAX_DATA_BYTES - 16, 3))).unwrap();
    let CarriedData::Deflated(stored) = data.carried() else { panic!("large data is deflated") };
    let event = Event {
        id: EventId::new(now, code, Lane { livemode: true, shard: 0 }, [1; 8]),
        organization: stage.organization,
        event_type: TYPE.into(),
        data,
        livemode: true,
        created_at: now,
    };
    let logged = LoggedEvent {
        event: event.clone(),
        audience: Audience::SubscribersBut(endpoint(0)),
        matched: (0..3_000).map(endpoint).collect(),
        disabled: Vec::new(),
        added: Vec::new(),
    };
    log.put_event(stage.organization, &logged).await.unwrap();

    stage.platform.aws.forget_calls();
    let added = log.add_recipient(stage.organization, &event, endpoint(3_000)).await.unwrap();
    assert_eq!(added, Added::Added);

    // Units of begun kilobytes. Data that does not deflate at all takes a little more than its own size.
    let written = stage.platform.aws.calls()[0].capacity * 1_024.0;
    let incompressible = f64::from(u32::try_from(MAX_DATA_BYTES + 1_024 - stored.len()).unwrap());
    let rest =
        f64::from(MAX_ADDED - 1) * f64::from(u32::try_from(endpoint(0).to_string().len() + 1).unwrap());
    let fullest = written + incompressible + rest;
    assert!(fullest < 400.0 * 1_024.0, "{fullest}");
    assert!(fullest > 340.0 * 1_024.0, "the test builds the fullest one: {fullest}");
}

/// Lambda carries an answer's body inside a JSON string, where each quote and backslash takes another byte.
#[tokio::test]
async fn a_page_of_the_largest_events_fits_what_a_lambda_may_answer() {
    let stage = Stage::set().await;
    for (name, data) in worst() {
        let mut random = [0; 8];
        for number in 0..30 {
            random[0] = number;
            let at = Timestamp::from_millis(stage.platform.aws.clock().now().millis() + i64::from(number));
            let code = Catalogue::get().find(TYPE).unwrap().code();
            let id = EventId::new(at, code, Lane { livemode: true, shard: 0 }, random);
            let event = Event {
                id,
                organization: stage.organization,
                event_type: TYPE.into(),
                data: EventData::parse(&data).unwrap(),
                livemode: true,
                created_at: at,
            };
            let logged = LoggedEvent {
                event,
                audience: Audience::Subscribers,
                matched: Vec::new(),
                disabled: Vec::new(),
                added: Vec::new(),
            };
            stage.platform.log().put_event(stage.organization, &logged).await.unwrap();
        }
        let after = stage.platform.aws.clock().now().millis();
        let answer = stage.caller().get(&format!("/v1/events?limit=200&after={after}")).await.expect(200);
        assert_eq!(answer.json()["has_more"], true, "{name}: all fit, so the bound is not tried");
        let bytes = Value::String(answer.text).to_string().len();
        assert!(bytes <= LAMBDA_ANSWER_BYTES, "{name}: {bytes} bytes");
        stage.platform.aws.advance(std::time::Duration::from_secs(1));
    }
}

/// A byte as JSON's escape of six letters.
fn escaped(byte: u8) -> Vec<char> {
    format!(r"\u{byte:04x}").chars().collect()
}
