//! A type that becomes busy is spread over more of the log's partitions, and nothing is lost from sight by it.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    Timestamp,
    ids::{EventId, Lane},
};
use storage::{Arrival, EventFilter, Log};

use crate::stage::{Stage, TYPE, event_at};

const EVERYTHING: EventFilter =
    EventFilter { pattern: None, service: None, livemode: None, after: None, before: None, ascending: false };

impl Stage {
    fn arrival(&self, at: Timestamp, draw: u8) -> Arrival<'static> {
        Arrival { organization: self.organization, event_type: TYPE, livemode: true, at, bytes: 300, draw }
    }

    fn now(&self) -> Timestamp {
        self.platform.aws.clock().now()
    }

    /// Chooses lanes for 10,000 events a second for so long, and returns those of the last second.
    async fn busy_for(&self, log: &Log, seconds: u64) -> BTreeSet<Lane> {
        let mut lanes = BTreeSet::new();
        for second in 0..seconds {
            for number in 0..10_000_u32 {
                let [draw, ..] = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
                let lane = log.count_and_choose_lane(&self.arrival(self.now(), draw)).await.unwrap();
                if second + 1 == seconds {
                    lanes.insert(lane);
                }
                if number % 10 == 9 {
                    self.platform.aws.advance(Duration::from_millis(1));
                }
            }
        }
        lanes
    }
}

#[tokio::test]
async fn a_type_that_becomes_busy_is_spread_within_seconds_and_all_of_it_is_found() {
    let stage = Stage::set().await;
    let log = stage.platform.log();
    let mut expected = BTreeSet::new();
    let before = log.count_and_choose_lane(&stage.arrival(stage.now(), 7)).await.unwrap();
    assert_eq!(before, Lane { livemode: true, shard: 0 }, "a small organization reads few partitions");
    let mut lanes = stage.busy_for(&log, 4).await;
    assert_eq!(lanes.len(), usize::from(Lane::SHARDS));
    lanes.insert(before);
    for (number, lane) in (0_u8..).zip(lanes) {
        let logged = event_at(stage.organization, TYPE, stage.now(), lane, [number; 8]);
        log.put_event(stage.organization, &logged).await.unwrap();
        expected.insert(logged.event.id);
    }
    // A process that knows nothing yet.
    let page =
        stage.platform.log().events(stage.organization, &EVERYTHING, None, 100, stage.now()).await.unwrap();
    let found: BTreeSet<EventId> = page.events.into_iter().map(|logged| logged.event.id).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_has_no_lane_gets_the_same_one_however_often_it_comes() {
    let stage = Stage::set().await;
    let log = stage.platform.log();
    let created = stage.now();
    let settled = async |log: &Log, at| {
        let mut lanes = Vec::new();
        for draw in 0..=u8::MAX {
            lanes.push(
                log.count_and_choose_settled_lane(&stage.arrival(at, draw), stage.now()).await.unwrap(),
            );
        }
        lanes
    };
    let first = settled(&log, created).await;
    stage.busy_for(&log, 4).await;
    assert_eq!(
        settled(&stage.platform.log(), created).await,
        first,
        "its type is spread, but it is not moved"
    );
    stage.platform.aws.advance(Duration::from_mins(1));
    let later: BTreeSet<_> = settled(&log, stage.now()).await.into_iter().collect();
    assert_eq!(later.len(), usize::from(Lane::SHARDS), "what is created now is spread");
}
