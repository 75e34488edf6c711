//! The largest and the worst to carry: 200 KiB of what grows most inside a JSON string.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use domain::{
    Timestamp,
    audience::Audience,
    catalogue::Catalogue,
    event::Event,
    event_data::{CarriedData, EventData, MAX_DATA_BYTES},
    ids::{EndpointId, EventId, Lane},
};
use serde_json::{Value, json};
use storage::{Added, LoggedEvent, MAX_ADDED};
use tests::{
    aws::Service,
    noise::{LEADS, numbers, printable, utf8},
    platform::{DELIVERIES, EVENTS},
    receiver::Receiver,
};

use crate::stage::{Stage, TYPE};

/// Less than this goes in one call of the bus. Source: `PutEvents`, since January 2026.
const BUS_BYTES: usize = 1_000_000;
/// What a message, and a batch of them, may have. Source: SQS's quotas.
const QUEUE_BYTES: usize = 1024 * 1024;
/// What an item may have, in DynamoDB's KiB of write units. Source: DynamoDB's quotas.
const ITEM_KIB: f64 = 400.0;
/// What a Lambda may be handed and may answer with. Source: Lambda's quotas.
const LAMBDA_BYTES: usize = 6 * 1024 * 1024;

/// How each of the objects here begins.
const START: &str = r#"{"messageId":""#;
/// What stands around the text of [`of_text`].
const AROUND: usize = START.len() + r#""}"#.len();

/// An object whose one text is this.
fn of_text(text: &str) -> String {
    format!(r#"{START}{text}"}}"#)
}

/// An object of exactly the largest size, filled with these pieces as far as they fit whole.
fn of_pieces<'a>(pieces: impl Iterator<Item = &'a str>) -> String {
    let room = MAX_DATA_BYTES - AROUND;
    let mut text = String::with_capacity(room);
    for piece in pieces {
        if text.len() + piece.len() > room {
            break;
        }
        text.push_str(piece);
    }
    of_text(&format!("{text}{}", "x".repeat(room - text.len())))
}

fn filled(piece: &str) -> String {
    of_pieces(std::iter::repeat(piece))
}

/// These pieces in an order that does not compress.
fn mixed(pieces: &[&str], seed: u64) -> String {
    of_pieces(numbers(seed).map(|number| pieces[usize::try_from(number % pieces.len() as u64).unwrap()]))
}

/// As many bytes of random characters whose first bytes are of these ranges.
fn random(leads: &[std::ops::RangeInclusive<u8>], seed: u64) -> String {
    of_text(&utf8(MAX_DATA_BYTES - AROUND, leads, seed))
}

/// Each letter of a noise as JSON's escape of six.
fn escaped_noise() -> String {
    let escapes: Vec<_> =
        printable(MAX_DATA_BYTES / 6, 9).bytes().map(|byte| format!(r"\u{byte:04x}")).collect();
    of_pieces(escapes.iter().map(String::as_str))
}

type Named = (&'static str, String);

fn worst() -> Vec<Named> {
    [what_grows_in_a_string(), what_hardly_compresses()].concat()
}

fn what_grows_in_a_string() -> Vec<Named> {
    const ESCAPES: [&str; 8] = [r#"\""#, r"\\", r"\/", r"\n", r"\u0000", r"\u001f", r"\uD83D\uDE00", "😀"];
    vec![
        ("all quotes", filled(r#"\""#)),
        ("all backslashes", filled(r"\\")),
        ("all NULs", filled(r"\u0000")),
        ("backslash and NUL", filled(r"\\\u0000")),
        ("raw astral", filled("😀")),
        ("mixed escapes", mixed(&ESCAPES, 7)),
        ("random \\u escapes", escaped_noise()),
        ("empty arrays", format!(r#"{START}m","x":[{}[]]}}"#, "[],".repeat(68_000))),
        ("white space", format!(r#"{START}m"{}}}"#, "\n\t".repeat(102_000))),
    ]
}

fn what_hardly_compresses() -> Vec<Named> {
    // The letters that JSON may hold as they are and SQS refuses, among others and escaped.
    const REFUSED: [&str; 8] =
        ["\u{fffe}", "\u{ffff}", r"\ufffe", r"\uFFFF", "\u{fffd}", "\u{10ffff}", "a", "\u{7f}"];
    let [one, two, three, four] = LEADS;
    vec![
        ("all U+FFFE", filled("\u{fffe}")),
        ("all U+FFFF", filled("\u{ffff}")),
        ("what queues refuse, mixed", mixed(&REFUSED, 5)),
        ("noise of ASCII", random(std::slice::from_ref(&one), 3)),
        ("noise of two bytes", random(std::slice::from_ref(&two), 4)),
        ("noise of three bytes", random(std::slice::from_ref(&three), 5)),
        ("noise of four bytes", random(std::slice::from_ref(&four), 6)),
        ("noise of one and two bytes", random(&[one, two.clone()], 7)),
        ("noise of two to four bytes", random(&[two, three, four], 8)),
        ("noise of every width", random(&LEADS, 9)),
    ]
}

#[tokio::test]
async fn the_worst_200_kib_pass_the_whole_way_to_the_letter_and_within_the_carriers_limits() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let mut most = 0;
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
        let carried = |operation| {
            let calls = calls.iter().filter(|call| call.operation == operation);
            calls.map(tests::aws::Call::carried_bytes).collect::<Vec<_>>()
        };
        let (put, sent) = (carried("PutEvents"), carried("SendMessageBatch"));
        assert_eq!((put.len(), sent.len()), (1, 1), "{name}");
        assert!(put[0] < BUS_BYTES && sent[0] <= QUEUE_BYTES, "{name}: {put:?} {sent:?}");
        most = most.max(put[0]).max(sent[0]);
        let items = calls.iter().filter(|call| call.service == Service::DynamoDb);
        assert!(items.clone().all(|call| call.capacity <= ITEM_KIB), "{name}");
    }
    // Otherwise the bounds of before would do, and this test would not try what it says.
    assert!(most > 256 * 1024, "the worst takes {most} bytes");
}

#[tokio::test]
async fn the_worst_200_kib_are_sent_again_from_the_log_to_the_letter() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let data = random(&LEADS, 11);
    let pause = |what: &str| format!("/v1/webhooks/{}/{what}", hook.id);
    stage.caller().post(&pause("pause"), json!({})).await.expect(200);
    let id = stage.caller().publish(TYPE, &data).await;
    stage.platform.settle().await;
    assert_eq!(receiver.received().len(), 0, "it is held");

    stage.caller().post(&pause("unpause"), json!({})).await.expect(200);
    stage.platform.settle().await;
    stage.caller().post(&format!("/v1/events/{id}/resend"), json!({})).await.expect(202);
    stage.platform.settle().await;

    let received = receiver.received();
    assert_eq!(received.len(), 2, "released once and sent again once");
    assert!(received.iter().all(|post| post.body.contains(&format!(r#""data":{data},"#))));
}

/// A function is handed its batch as one JSON document, in which a message is a string.
#[tokio::test]
async fn a_batch_of_ten_of_the_largest_messages_fits_what_a_lambda_may_be_handed() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    for seed in 0..10 {
        stage.caller().publish(TYPE, &random(&LEADS, seed)).await;
    }

    let handed = |queue: &str| {
        let bodies = stage.platform.aws.messages(queue);
        assert_eq!(bodies.len(), stage.platform.aws.template().batch_size(queue), "{queue}");
        let mut event = SqsEvent::default();
        event.records = bodies.into_iter().map(as_lambda_hands_it).collect();
        serde_json::to_string(&event).unwrap().len()
    };
    let events = handed(EVENTS);
    while stage.platform.pump_events().await {}
    let deliveries = handed(DELIVERIES);
    assert!(events.max(deliveries) <= LAMBDA_BYTES, "{events} {deliveries}");
    assert!(events.min(deliveries) > 2_500_000, "they are the largest: {events} {deliveries}");
}

/// A message with more beside it than Lambda adds.
fn as_lambda_hands_it(body: String) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.body = Some(body);
    message.receipt_handle = Some("r".repeat(1_024));
    message.attributes = (0..10).map(|number| (format!("Attribute{number}"), "a".repeat(256))).collect();
    message
}

/// The item lists every endpoint that the event matched, beside its data.
#[tokio::test]
async fn the_largest_event_with_the_most_endpoints_fits_an_item() {
    let stage = Stage::set().await;
    let now = stage.platform.aws.clock().now();
    let most = stage.platform.aws.template().parameter_maximum("MaxEndpointsPerOrganization");
    let endpoints = |number: u64| {
        let mut random = [0; 10];
        random[..8].copy_from_slice(&number.to_be_bytes());
        EndpointId::new(now, random)
    };
    let event = event_of(&stage, now, [1; 8], &random(&LEADS, 1));
    let matched = (0..most).map(endpoints).collect();
    let logged = LoggedEvent::new(event, Audience::Subscribers, matched);

    stage.platform.aws.forget_calls();
    stage.platform.log().put_event(stage.organization, &logged).await.unwrap();
    let calls = stage.platform.aws.calls();
    let largest = calls.iter().map(|call| call.capacity).fold(0.0, f64::max);
    assert!(largest > 200.0 + 100.0 && largest <= ITEM_KIB, "{largest} KiB");
    let read = stage.platform.log().event(stage.organization, logged.event.id, now).await.unwrap();
    assert_eq!(read, Some(logged));
}

/// An event as it is logged.
fn event_of(stage: &Stage, at: Timestamp, random: [u8; 8], data: &str) -> Event {
    let code = Catalogue::get().find(TYPE).unwrap().code();
    Event {
        id: EventId::new(at, code, Lane { livemode: true, shard: 0 }, random),
        organization: stage.organization,
        event_type: TYPE.into(),
        data: EventData::parse(data).unwrap(),
        livemode: true,
        created_at: at,
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
    // Bytes count, not characters.
    for (name, data) in worst() {
        let grown_by = |bytes: usize| data.replacen(START, &format!("{START}{}", "y".repeat(bytes)), 1);
        let room = MAX_DATA_BYTES - data.len();
        let (largest, one_more) = (grown_by(room), grown_by(room + 1));
        assert_eq!((largest.len(), one_more.len()), (MAX_DATA_BYTES, MAX_DATA_BYTES + 1), "{name}");
        for (data, status) in [(largest, 202), (one_more, 413)] {
            let body = format!(r#"{{"type":"{TYPE}","data":{data}}}"#);
            let answer = stage.caller().post_text("/v1/events", &body).await;
            assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.text);
        }
    }
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
    let event = event_of(&stage, now, [1; 8], &random(&LEADS, 1));
    let CarriedData::Deflated(stored) = event.data.carried() else { panic!("large data is deflated") };
    let (audience, matched) = (Audience::SubscribersBut(endpoint(0)), (0..3_000).map(endpoint).collect());
    let logged = LoggedEvent::new(event.clone(), audience, matched);
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
    for (name, data) in what_grows_in_a_string() {
        let mut random = [0; 8];
        for number in 0..30 {
            random[0] = number;
            let at = Timestamp::from_millis(stage.platform.aws.clock().now().millis() + i64::from(number));
            let event = event_of(&stage, at, random, &data);
            let logged = LoggedEvent::new(event, Audience::Subscribers, Vec::new());
            stage.platform.log().put_event(stage.organization, &logged).await.unwrap();
        }
        let after = stage.platform.aws.clock().now().millis();
        let answer = stage.caller().get(&format!("/v1/events?limit=200&after={after}")).await.expect(200);
        assert_eq!(answer.json()["has_more"], true, "{name}: all fit, so the bound is not tried");
        let bytes = Value::String(answer.text).to_string().len();
        assert!(bytes <= LAMBDA_BYTES, "{name}: {bytes} bytes");
        stage.platform.aws.advance(std::time::Duration::from_secs(1));
    }
}
