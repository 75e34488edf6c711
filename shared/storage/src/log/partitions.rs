//! Which partitions hold an organization's events: the types that it ever published, and over how many shards each.
//!
//! One small item for each organization, mode and type. A type begins with one shard, so that a small organization's
//! queries read as many partitions as it uses types; its shards double while its rate asks for it, up to
//! [`Lane::SHARDS`], and never become fewer, so that what was written stays found.
//!
//! The rate is estimated: each event counts with a probability of one in [`SAMPLE`], for as many, in an item of its
//! minute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use domain::{
    event::Event,
    ids::{Lane, OrganizationId},
};
use serde::{Deserialize, Serialize};

use super::{Log, mode};
use crate::{
    Error,
    table::{Change, Condition, Key, Returned, number, text},
};

/// One in so many events is counted.
const SAMPLE: u8 = 64;
/// The events a minute that one shard is meant for: 300 a second, so that events of a few KiB, which take a write unit
/// for each, stay below the 1,000 that DynamoDB grants a partition.
const SHARD_EVENTS_A_MINUTE: u64 = 300 * 60;
/// How long publishers may go on with the number of shards that they read.
const REMEMBERED: Duration = Duration::from_secs(10);

/// The partitions of one mode and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TypePartitions {
    pub(super) event_type: String,
    pub(super) shards: u8,
}

#[derive(Deserialize)]
struct Count {
    events: u64,
}

/// What this process knows of partitions.
#[derive(Clone, Default)]
pub(super) struct Known(Arc<Mutex<HashMap<TypeKey, (u8, Instant)>>>);

type TypeKey = (OrganizationId, bool, String);

impl Known {
    fn shards(
        &self,
        organization: OrganizationId,
        livemode: bool,
        event_type: &str,
    ) -> Option<(u8, Instant)> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.get(&(organization, livemode, event_type.to_owned())).copied()
    }

    fn remember(&self, organization: OrganizationId, livemode: bool, event_type: &str, shards: u8) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known.insert((organization, livemode, event_type.to_owned()), (shards, Instant::now()));
    }
}

fn partition(organization: OrganizationId, livemode: bool) -> String {
    format!("EVENT_TYPES#{organization}#{}", mode(livemode))
}

fn key(organization: OrganizationId, livemode: bool, event_type: &str) -> Key {
    Key::new(partition(organization, livemode), event_type)
}

impl Log {
    /// Over how many shards new events of this type are to be spread.
    pub async fn shards(
        &self,
        organization: OrganizationId,
        livemode: bool,
        event_type: &str,
    ) -> Result<u8, Error> {
        match self.known.shards(organization, livemode, event_type) {
            Some((shards, at)) if at.elapsed() < REMEMBERED => Ok(shards),
            _ => {
                let found =
                    self.table.get::<TypePartitions>(&key(organization, livemode, event_type)).await?;
                let shards = found.map_or(1, |found| found.shards).clamp(1, Lane::SHARDS);
                self.known.remember(organization, livemode, event_type, shards);
                Ok(shards)
            }
        }
    }

    /// The types of which the organization has events of this mode, and their shards.
    pub(super) async fn type_partitions(
        &self,
        organization: OrganizationId,
        livemode: bool,
    ) -> Result<Vec<TypePartitions>, Error> {
        self.table.oldest(&partition(organization, livemode), None, usize::MAX).await
    }

    /// Makes sure that queries know of a lane before an event is written to it.
    pub(super) async fn know_partition(
        &self,
        organization: OrganizationId,
        event_type: &str,
        lane: Lane,
    ) -> Result<(), Error> {
        let written = self.written.shards(organization, lane.livemode, event_type);
        if written.is_some_and(|(shards, _)| lane.shard < shards) {
            return Ok(());
        }
        self.raise_shards(organization, event_type, lane.livemode, lane.shard + 1).await?;
        self.written.remember(organization, lane.livemode, event_type, lane.shard + 1);
        Ok(())
    }

    /// Counts one in so many events, and has their type spread over more shards when there are many a minute. It only
    /// steers: what goes wrong here must not fail the event that is already logged.
    pub(super) async fn count_event(&self, organization: OrganizationId, event: &Event) {
        if !event.id.spread().is_multiple_of(SAMPLE) {
            return;
        }
        // A count that is lost is made up for by the next one.
        let _ = self.count_sample(organization, event).await;
    }

    async fn count_sample(&self, organization: OrganizationId, event: &Event) -> Result<(), Error> {
        let minute = event.created_at.seconds() / 60;
        let mode = mode(event.livemode);
        let key =
            Key::new(format!("EVENT_RATE#{organization}#{mode}#{}", event.event_type), minute.to_string());
        let change = Change::new("SET expires_at = :expires_at ADD events :sample")
            .with(":sample", number(u64::from(SAMPLE)))
            .with(":expires_at", number(u64::try_from(minute * 60 + 3_600).unwrap_or_default()));
        let counted: Option<Count> =
            self.table.update_returning(&key, change, Condition::none(), Returned::After).await?;
        let events = counted.map_or(0, |count| count.events);
        match shards_for(events) {
            1 => Ok(()),
            shards => self.raise_shards(organization, &event.event_type, event.livemode, shards).await,
        }
    }

    async fn raise_shards(
        &self,
        organization: OrganizationId,
        event_type: &str,
        livemode: bool,
        shards: u8,
    ) -> Result<(), Error> {
        let change = Change::new("SET event_type = :event_type, shards = :shards")
            .with(":event_type", text(event_type))
            .with(":shards", number(shards));
        let fewer = Condition::new("attribute_not_exists(shards) OR shards < :shards");
        self.table.update_if(&key(organization, livemode, event_type), change, fewer).await?;
        Ok(())
    }
}

/// The shards that so many events a minute ask for: a power of two, so that a growing rate changes them a few times.
fn shards_for(events_a_minute: u64) -> u8 {
    let needed = events_a_minute.div_ceil(SHARD_EVENTS_A_MINUTE).clamp(1, u64::from(Lane::SHARDS));
    u8::try_from(needed.next_power_of_two()).unwrap_or(Lane::SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_follow_the_rate_in_powers_of_two() {
        let a_second = |events: u64| shards_for(events * 60);
        assert_eq!(
            [0, 1, 300, 301, 1_000, 3_000, 10_000, 1_000_000].map(a_second),
            [1, 1, 1, 2, 4, 16, 32, 32]
        );
    }
}
