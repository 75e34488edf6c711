//! `GET /v1/events` answers as the [`model`](crate::model) does, page by page, while events arrive.

use std::time::Duration;

use domain::{
    event::RETENTION,
    ids::{EventId, Lane, OrganizationId},
};
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    prop_oneof,
    sample::select,
    test_runner::TestCaseError,
};
use serde_json::Value;

use crate::{
    model::{Entry, Question, TYPES, earlier, question},
    stage::{Stage, event_at, runner, runtime},
};

/// An event to be logged: its age in seconds, type, lane and randomness.
type Made = (i64, &'static str, bool, u8, [u8; 8]);

fn made(ages: impl Strategy<Value = i64>) -> impl Strategy<Value = Made> {
    (ages, select(TYPES), any::<bool>(), 0..4_u8, any::<[u8; 8]>())
}

/// Some in the last minutes, where many have the same second; some of every age, too old ones among them.
fn ages() -> impl Strategy<Value = i64> {
    let days = 24 * 60 * 60_i64;
    prop_oneof![2 => 0..120_i64, 2 => 0..33 * days, 1 => 30 * days - 3..30 * days + 3]
}

struct Asked {
    stage: Stage,
    log: Vec<Entry>,
}

impl Asked {
    async fn put(&mut self, organization: OrganizationId, (age, event_type, livemode, shard, random): Made) {
        let at = earlier(self.stage.platform.aws.clock().now(), age);
        let logged = event_at(organization, event_type, at, Lane { livemode, shard }, random);
        let id = logged.event.id;
        self.stage.platform.log().put_event(organization, &logged).await.unwrap();
        if organization == self.stage.organization {
            self.log.push(Entry { id, event_type, livemode });
        }
    }

    /// Walks all pages; between two of them the events of `between` arrive and a second passes.
    async fn walk(
        &mut self,
        question: &Question,
        between: &[Vec<Made>],
    ) -> Result<Vec<Vec<EventId>>, String> {
        let start = self.stage.platform.aws.clock().now();
        let query = question.query(start);
        let (mut pages, mut cursor, mut position) = (Vec::new(), String::new(), None);
        for arriving in between.iter().map(Vec::as_slice).chain(std::iter::repeat(&[][..])) {
            let now = self.stage.platform.aws.clock().now();
            let answer = self.stage.caller().get(&format!("/v1/events?{query}{cursor}")).await;
            let answer = answer.expect(200).json();
            let page = ids(&answer);
            let rest = question.answer(&self.log, start, now).into_iter();
            let rest: Vec<_> =
                rest.filter(|id| position.is_none_or(|at| question.follows(*id, at))).collect();
            let expected = &rest[..rest.len().min(question.limit)];
            if page != expected {
                return Err(format!("{query}, page {}: {page:?} and not {expected:?}", pages.len()));
            }
            if answer["has_more"] != (rest.len() > question.limit) {
                return Err(format!("{query}, page {}: has_more {}", pages.len(), answer["has_more"]));
            }
            position = page.last().copied().or(position);
            pages.push(page);
            let Some(next) = answer["next_cursor"].as_str() else { return Ok(pages) };
            cursor = format!("&cursor={next}");
            self.stage.platform.aws.advance(Duration::from_secs(1));
            for event in arriving {
                self.put(self.stage.organization, *event).await;
            }
        }
        unreachable!("pages never end")
    }
}

fn ids(page: &Value) -> Vec<EventId> {
    let events = page["events"].as_array().unwrap().iter();
    events.map(|event| EventId::parse(event["eventId"].as_str().unwrap()).unwrap()).collect()
}

async fn asked(log: Vec<Made>) -> Asked {
    let stage = Stage::set().await;
    // Begun and moved on, so that a log of 33 days ends before it.
    let (own, stranger) = (stage.organization, stage.platform.organization().await.id);
    let mut asked = Asked { stage, log: Vec::new() };
    for (number, event) in log.into_iter().enumerate() {
        asked.put(if number % 10 == 0 { stranger } else { own }, event).await;
    }
    asked
}

#[test]
fn pages_are_the_model_s_whatever_is_asked_and_whatever_arrives() {
    let questions = vec((question(), vec(vec(made(ages()), 0..3), 0..4)), 20);
    let runtime = runtime();
    runner(8)
        .run(&(vec(made(ages()), 80), questions), |(log, questions)| {
            runtime.block_on(async {
                let mut asked = asked(log).await;
                for (question, between) in questions {
                    asked.walk(&question, &between).await.map_err(TestCaseError::fail)?;
                }
                Ok(())
            })
        })
        .unwrap();
}

#[test]
fn new_events_do_not_disturb_a_walk_from_the_newest() {
    let runtime = runtime();
    let strategy = (vec(made(0..3_600_i64), 60), vec(vec(made(0..1_i64), 0..4), 30), 1..9_usize);
    runner(8)
        .run(&strategy, |(log, arriving, limit)| {
            runtime.block_on(async {
                let mut asked = asked(log).await;
                let newest_first = Question::newest_first(limit);
                let now = asked.stage.platform.aws.clock().now();
                let snapshot = newest_first.answer(&asked.log, now, now);
                // So that what arrives is newer than all that is there.
                asked.stage.platform.aws.advance(Duration::from_secs(1));
                let walked = asked.walk(&newest_first, &arriving).await.map_err(TestCaseError::fail)?;
                proptest::prop_assert_eq!(walked.concat(), snapshot);
                Ok(())
            })
        })
        .unwrap();
}

/// To the second, as the database's time to live has it.
#[tokio::test]
async fn an_event_is_listed_for_30_days_and_no_longer() {
    let mut asked = asked(Vec::new()).await;
    let (organization, aws) = (asked.stage.organization, asked.stage.platform.aws.clone());
    aws.advance(Duration::from_millis(400));
    asked.put(organization, (0, TYPES[0], true, 0, [1; 8])).await;
    let id = asked.log[0].id;
    aws.advance(RETENTION.checked_sub(Duration::from_secs(1)).unwrap());
    for (expected, event_status) in [(1, 200), (0, 404)] {
        let caller = asked.stage.caller();
        let listed = caller.get("/v1/events").await.expect(200).json();
        let read = caller.get(&format!("/v1/events/{id}")).await;
        assert_eq!((ids(&listed).len(), read.status.as_u16()), (expected, event_status));
        aws.advance(Duration::from_secs(1));
    }
    assert!(!aws.items("LogTable").is_empty(), "the database still has it");
}

/// A page that says that there is more is not followed by an empty one.
#[tokio::test]
async fn what_is_just_too_old_is_not_more() {
    let mut asked = asked(Vec::new()).await;
    let (organization, aws) = (asked.stage.organization, asked.stage.platform.aws.clone());
    aws.advance(Duration::from_millis(400));
    asked.put(organization, (0, TYPES[0], true, 0, [1; 8])).await;
    aws.advance(RETENTION.checked_sub(Duration::from_millis(200)).unwrap());
    asked.put(organization, (0, TYPES[0], true, 0, [2; 8])).await;
    aws.advance(Duration::from_millis(200));
    let listed = asked.stage.caller().get("/v1/events?limit=1").await.expect(200).json();
    assert_eq!((ids(&listed).len(), listed["has_more"].as_bool()), (1, Some(false)), "{listed}");
}

#[tokio::test]
async fn parameters_that_are_none_are_named() {
    let stage = Stage::set().await;
    for (query, param) in [
        ("type=send.email.lost", "type"),
        ("type=*.sent", "type"),
        ("livemode=yes", "livemode"),
        ("order=random", "order"),
        ("after=yesterday", "after"),
        ("before=-1", "before"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1&limit=2", "limit"),
        ("colour=red", "colour"),
    ] {
        let refused = stage.caller().get(&format!("/v1/events?{query}")).await.expect(400).json();
        assert_eq!(refused["param"], param, "{query}: {refused}");
    }
}
