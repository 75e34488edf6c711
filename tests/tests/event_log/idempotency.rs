//! `Idempotency-Key`: one key, one event, whatever fails and whoever asks at the same time.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use tests::{
    aws::Fault,
    platform::{Answer, EVENTS},
};

use crate::stage::{Stage, is_in_progress, logged};

const ONE: &str = r#"{"type":"send.email.sent","data":{"messageId":"one"}}"#;
const OTHER: &str = r#"{"type":"send.email.sent","data":{"messageId":"other"}}"#;
const EVENTS_PATH: &str = "/v1/events";

#[tokio::test]
async fn the_same_key_and_body_have_the_same_answer_and_one_event() {
    let stage = Stage::set().await;
    let first = stage.post_with(EVENTS_PATH, "order-1", ONE).await.expect(202);
    stage.platform.aws.advance(Duration::from_mins(1));
    stage.platform.restart();
    let second = stage.post_with(EVENTS_PATH, "order-1", ONE).await.expect(202);
    assert_eq!(first.text, second.text);
    // What is said in other words is the same; the order of the outer fields says nothing.
    let reordered = r#" {"data":{"messageId":"one"}, "livemode":true, "type":"send.email.sent"}"#;
    let third = stage.post_with(EVENTS_PATH, "order-1", reordered).await.expect(202);
    assert_eq!(first.text, third.text);
    assert_eq!(stage.platform.aws.messages(EVENTS).len(), 1, "the bus was told once");
    stage.platform.settle().await;
    assert_eq!(stage.logged(), [first.json()["eventId"].as_str().unwrap()]);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    let stage = Stage::set().await;
    stage.post_with(EVENTS_PATH, "k", ONE).await.expect(202);
    let spaced = ONE.replace(r#""messageId":"#, r#""messageId" :"#);
    let others =
        [OTHER, &spaced, &ONE.replace("sent", "delivered"), &ONE.replace("}}", r#"},"livemode":false}"#)];
    for other in others {
        let refused = stage.post_with(EVENTS_PATH, "k", other).await.expect(409).json();
        assert_eq!(refused["code"], "idempotency_key_reused", "{other}");
    }
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 1);
}

#[tokio::test]
async fn without_a_key_each_request_is_an_event() {
    let stage = Stage::set().await;
    for _ in 0..2 {
        stage.caller().post_text(EVENTS_PATH, ONE).await.expect(202);
    }
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 2);
}

#[tokio::test]
async fn keys_of_two_organizations_never_meet() {
    let stage = Stage::set().await;
    let stranger = stage.platform.organization().await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let own = stage.post_with(EVENTS_PATH, "k", ONE).await.expect(202);
    for body in [ONE, ONE] {
        let theirs = stage.platform.with_key(&stranger.key);
        let theirs = theirs.send(hyper::Method::POST, EVENTS_PATH, &headers, body).await.expect(202);
        assert_ne!(own.json()["eventId"], theirs.json()["eventId"]);
    }
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), logged(&stage.platform, stranger.id).len()), (1, 1));
}

#[tokio::test]
async fn a_key_is_remembered_for_24_hours() {
    let stage = Stage::set().await;
    let day = Duration::from_hours(24);
    let first = stage.post_with(EVENTS_PATH, "k", ONE).await.expect(202);
    stage.platform.aws.advance(day.checked_sub(Duration::from_secs(1)).unwrap());
    assert_eq!(stage.post_with(EVENTS_PATH, "k", ONE).await.expect(202).text, first.text);
    stage.post_with(EVENTS_PATH, "k", OTHER).await.expect(409);
    stage.platform.aws.advance(Duration::from_secs(1));
    let second = stage.post_with(EVENTS_PATH, "k", OTHER).await.expect(202);
    assert_ne!(first.json()["eventId"], second.json()["eventId"]);
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 2);
}

#[tokio::test]
async fn requests_at_the_same_time_make_one_event() {
    let (mut some_waited, seeds) = (false, 1..=40);
    for seed in seeds {
        let stage = Stage::set().await;
        stage.platform.aws.interleave(seed);
        let requests = (0..6).map(|_| stage.post_with(EVENTS_PATH, "k", ONE));
        let answers: Vec<Answer> = join_all(requests).await;

        let (waiting, answered): (Vec<_>, Vec<_>) = answers.into_iter().partition(is_in_progress);
        let said: BTreeSet<_> = answered.into_iter().map(|answer| answer.expect(202).text).collect();
        assert_eq!(said.len(), 1, "seed {seed}: {said:?}");
        some_waited |= !waiting.is_empty();

        let asked_again = stage.post_with(EVENTS_PATH, "k", ONE).await.expect(202).text;
        assert!(said.contains(&asked_again), "seed {seed}");
        assert_eq!(stage.platform.aws.messages(EVENTS).len(), 1, "seed {seed}");
        stage.platform.settle().await;
        assert_eq!(stage.logged().len(), 1, "seed {seed}");
    }
    assert!(some_waited, "no two requests ever met: the seeds do nothing");
}

#[tokio::test]
async fn of_two_bodies_at_the_same_time_one_is_the_event_and_the_other_a_conflict() {
    for seed in 1..=20 {
        let stage = Stage::set().await;
        stage.platform.aws.interleave(seed);
        let requests = [ONE, OTHER].map(|body| stage.post_with(EVENTS_PATH, "k", body));
        let mut statuses: Vec<_> =
            join_all(requests).await.into_iter().map(|answer| answer.status.as_u16()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "seed {seed}");
        stage.platform.settle().await;
        assert_eq!(stage.logged().len(), 1, "seed {seed}");
    }
}

/// Every call of a publication fails or takes the process with it; then the publisher asks again.
#[tokio::test]
async fn a_publication_that_a_fault_broke_off_is_finished_by_the_next_request() {
    let undisturbed = Stage::set().await;
    undisturbed.platform.restart();
    undisturbed.platform.aws.forget_calls();
    undisturbed.post_with(EVENTS_PATH, "k", ONE).await.expect(202);
    let calls = undisturbed.platform.aws.calls();
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert!(operations.contains(&"PutEvents"), "{operations:?}");
    for (number, _) in calls.iter().enumerate() {
        for fault in Fault::ALL {
            let point = format!("{fault:?} at {number}, {}", calls[number]);
            let stage = Stage::set().await;
            stage.platform.restart();
            stage.platform.aws.forget_calls();
            stage.platform.aws.inject(number, fault);
            let first = stage.try_post_with(EVENTS_PATH, "k", ONE).await;
            assert!(stage.platform.aws.fault_struck(), "{point} was not reached");
            let second = stage.post_until_answered(EVENTS_PATH, "k", ONE).await.expect(202);
            if let Some(first) = first.filter(|first| first.status == 202) {
                assert_eq!(first.text, second.text, "{point}");
            }
            stage.platform.settle().await;
            assert_eq!(stage.logged(), [second.json()["eventId"].as_str().unwrap()], "{point}");
        }
    }
}

#[tokio::test]
async fn any_printable_key_up_to_255_characters_is_one() {
    let stage = Stage::set().await;
    let longest = "k".repeat(255);
    for key in ["a", " ~!\"#$%&'()*+,-./0:;<=>?@[\\]^_`{|}", "IDEMPOTENCY#", &longest] {
        stage.post_with(EVENTS_PATH, key, ONE).await.expect(202);
    }
    for key in ["", &"k".repeat(256)] {
        let refused = stage.post_with(EVENTS_PATH, key, ONE).await.expect(400).json();
        assert_eq!(refused["param"], "Idempotency-Key", "{key}");
    }
    stage.platform.settle().await;
    assert_eq!(stage.logged().len(), 4);
}

/// A refused publication takes no key: corrected, it is published under it.
#[tokio::test]
async fn a_refused_publication_leaves_its_key_free() {
    let stage = Stage::set().await;
    stage.post_with(EVENTS_PATH, "k", r#"{"type":"send.email.sent","data":{}}"#).await.expect(400);
    stage.post_with(EVENTS_PATH, "k", ONE).await.expect(202);
}
