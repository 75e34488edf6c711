//! Which partitions have an organization's events: the types that it ever published, and the number of shards of each.
//!
//! There is one small item for each organization, mode and type. A type begins with one shard. So the queries of a small
//! organization read as many partitions as it uses types. The number of shards doubles while the type's rate needs it, up to
//! [`Lane::SHARDS`]. It never falls, so that what was written is still found.
//!
//! [`rate`](super::rate) estimates the rate.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    Timestamp,
    ids::{Lane, OrganizationId},
};
use serde::{Deserialize, Serialize};

use super::units;
use crate::{
    Error,
    log::{Log, mode},
    table::{Change, Condition, Key, number, text, value},
};

/// How long publishers may use the number of shards that they read.
const REMEMBERED: Duration = Duration::from_secs(2);
/// A raise counts for [`Log::count_and_choose_settled_lane`] so long after it was decided. By then whoever decided it has written it or has
/// ended, every process has read it, and every clock is past it.
const SETTLED_AFTER: Duration = Duration::from_mins(1);

/// An event that needs a lane.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Its organization.
    pub organization: OrganizationId,
    /// Its type.
    pub event_type: &'a str,
    /// Whether it is live.
    pub livemode: bool,
    /// When it was created.
    pub at: Timestamp,
    /// The size of its data, in bytes.
    pub bytes: usize,
    /// A random number, by which its shard is chosen.
    pub draw: u8,
}

/// The partitions of one mode and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::log) struct TypePartitions {
    pub(in crate::log) event_type: String,
    /// Those that may hold events, which queries read.
    pub(in crate::log) shards: u8,
    /// When the rate made them more: what new events are spread over.
    #[serde(default)]
    raises: Vec<Raise>,
}

/// From this time on, a type's rate needed so many shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::log) struct Raise {
    pub(in crate::log) at: Timestamp,
    pub(in crate::log) shards: u8,
}

impl TypePartitions {
    /// The number of shards that its rate needs.
    fn rated(&self) -> u8 {
        self.raises.iter().map(|raise| raise.shards).max().unwrap_or(1)
    }

    /// The number of shards for an event that was created at this time. It is the same whenever this is asked.
    fn settled_at(&self, at: Timestamp) -> u8 {
        let settled = self.raises.iter().filter(|raise| raise.at.after(SETTLED_AFTER) <= at);
        settled.map(|raise| raise.shards).max().unwrap_or(1)
    }
}

pub(in crate::log) type TypeKey = (OrganizationId, bool, String);

/// What this process remembers of each mode and type.
#[derive(Clone)]
pub(in crate::log) struct Known<T>(Arc<Mutex<HashMap<TypeKey, T>>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Known<T> {
    fn get(&self, key: &TypeKey) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: TypeKey, value: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }

    fn forget(&self, key: &TypeKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Partitions as they were read at some time; none for a type that has no events yet.
pub(in crate::log) type ReadPartitions = (Option<TypePartitions>, Timestamp);

fn partition(organization: OrganizationId, livemode: bool) -> String {
    format!("EVENT_TYPES#{organization}#{}", mode(livemode))
}

fn key(organization: OrganizationId, livemode: bool, event_type: &str) -> Key {
    Key::new(partition(organization, livemode), event_type)
}

impl Log {
    /// Chooses the lane for a new event, whose id will have it. The lane is one of as many shards as the type's rate needs now.
    /// The event is also counted for that rate.
    pub async fn count_and_choose_lane(&self, arrival: &Arrival<'_>) -> Result<Lane, Error> {
        self.count(arrival, arrival.at, 1).await;
        let partitions = self.partitions(arrival, arrival.at).await?;
        Ok(arrival.lane_of(partitions.map_or(1, |partitions| partitions.rated())))
    }

    /// The lane of an event that was created without one. It is the same whenever and wherever this is asked, so that an event
    /// whose message comes twice gets the same id. It follows a growing rate a minute later than [`Self::lane`].
    pub async fn count_and_choose_settled_lane(
        &self,
        arrival: &Arrival<'_>,
        now: Timestamp,
    ) -> Result<Lane, Error> {
        self.count(arrival, now, units::LEAD).await;
        let partitions = self.partitions(arrival, now).await?;
        Ok(arrival.lane_of(partitions.map_or(1, |partitions| partitions.settled_at(arrival.at))))
    }

    /// The types of which the organization has events of this mode, and their shards.
    pub(in crate::log) async fn type_partitions(
        &self,
        organization: OrganizationId,
        livemode: bool,
    ) -> Result<Vec<TypePartitions>, Error> {
        self.table.oldest(&partition(organization, livemode), None, usize::MAX).await
    }

    /// Makes sure that queries know of an event's partition before it is written there.
    pub(in crate::log) async fn know_partition(
        &self,
        organization: OrganizationId,
        event_type: &str,
        lane: Lane,
    ) -> Result<(), Error> {
        let type_key = (organization, lane.livemode, event_type.to_owned());
        if self.written.get(&type_key).is_some_and(|shards| lane.shard < shards) {
            return Ok(());
        }
        let shards = lane.shard + 1;
        let change = Change::new("SET event_type = :event_type, shards = :shards")
            .with(":event_type", text(event_type))
            .with(":shards", number(shards));
        let fewer = Condition::new("attribute_not_exists(shards) OR shards < :shards");
        self.table.update_if(&key(organization, lane.livemode, event_type), change, fewer).await?;
        self.written.remember(type_key, shards);
        Ok(())
    }

    /// The partitions of an arrival's type, as they are now or were a moment ago.
    async fn partitions(
        &self,
        arrival: &Arrival<'_>,
        now: Timestamp,
    ) -> Result<Option<TypePartitions>, Error> {
        let type_key = arrival.type_key();
        match self.known.get(&type_key) {
            Some((partitions, at)) if now.since(at) < REMEMBERED => Ok(partitions),
            _ => {
                let key = key(arrival.organization, arrival.livemode, arrival.event_type);
                let found = self.table.get::<TypePartitions>(&key).await?;
                self.known.remember(type_key, (found.clone(), now));
                Ok(found)
            }
        }
    }

    /// The shards by the rate, as this process knows them.
    pub(in crate::log) fn remembered_shards(&self, arrival: &Arrival<'_>) -> u8 {
        let known = self.known.get(&arrival.type_key());
        known.and_then(|(partitions, _)| partitions).map_or(1, |partitions| partitions.rated())
    }

    /// Has a type spread over more shards, as its rate asks.
    pub(in crate::log) async fn raise_rated_shards(
        &self,
        arrival: &Arrival<'_>,
        raise: Raise,
    ) -> Result<(), Error> {
        let last = Lane { livemode: arrival.livemode, shard: raise.shards - 1 };
        self.know_partition(arrival.organization, arrival.event_type, last).await?;
        let change = Change::new(
            "SET rated_shards = :shards, raises = list_append(if_not_exists(raises, :none), :raise)",
        )
        .with(":shards", number(raise.shards))
        .with(":none", value(&Vec::<Raise>::new())?)
        .with(":raise", value(&[raise])?);
        let fewer = Condition::new("attribute_not_exists(rated_shards) OR rated_shards < :shards");
        let key = key(arrival.organization, arrival.livemode, arrival.event_type);
        self.table.update_if(&key, change, fewer).await?;
        // This process must see the new number now, no matter who raised it.
        self.known.forget(&arrival.type_key());
        Ok(())
    }
}

impl Arrival<'_> {
    pub(in crate::log) fn type_key(&self) -> TypeKey {
        (self.organization, self.livemode, self.event_type.to_owned())
    }

    fn lane_of(&self, shards: u8) -> Lane {
        Lane { livemode: self.livemode, shard: self.draw % shards.clamp(1, Lane::SHARDS) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAISED: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn partitions() -> TypePartitions {
        let later = RAISED.after(Duration::from_mins(1));
        let raises = vec![Raise { at: RAISED, shards: 4 }, Raise { at: later, shards: 32 }];
        TypePartitions { event_type: "send.email.sent".into(), shards: 32, raises }
    }

    #[test]
    fn a_raise_counts_for_what_is_created_once_everybody_knows_of_it() {
        let created = |seconds| partitions().settled_at(RAISED.after(Duration::from_secs(seconds)));
        assert_eq!([0, 59, 60, 119, 120].map(created), [1, 1, 4, 4, 32]);
    }
}
