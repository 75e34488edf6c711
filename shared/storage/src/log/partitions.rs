//! Which partitions hold an organization's events: the types that it ever published, and over how many shards each.
//!
//! One small item for each organization, mode and type. A type begins with one shard, so that a small organization's
//! queries read as many partitions as it uses types; its shards double while its rate asks for it, up to
//! [`Lane::SHARDS`], and never become fewer, so that what was written stays found.
//!
//! The rate is estimated where an event's lane is chosen, before it is written anywhere ([`domain::sharding`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::{
    Timestamp,
    ids::{Lane, OrganizationId},
    sharding,
};
use serde::{Deserialize, Serialize};

use super::{Log, mode};
use crate::{
    Error,
    table::{Change, Condition, Key, Returned, number, text, value},
};

/// How long publishers may go on with the number of shards that they read.
const REMEMBERED: Duration = Duration::from_secs(2);
/// How long after a raise it counts for [`Log::settled_lane`]: by then every process has read it, and every clock is past it.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// An event that is to lie somewhere in the log.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its type.
    pub event_type: &'a str,
    /// Whether it is live.
    pub livemode: bool,
    /// When it was created.
    pub at: Timestamp,
    /// How large its data is, in bytes.
    pub bytes: usize,
    /// A random number, which chooses its shard.
    pub draw: u8,
}

/// The partitions of one mode and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TypePartitions {
    pub(super) event_type: String,
    pub(super) shards: u8,
    /// When the rate made them more.
    #[serde(default)]
    raises: Vec<Raise>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Raise {
    at: Timestamp,
    shards: u8,
}

impl TypePartitions {
    /// The shards that an event created then may lie in, the same whenever this is asked.
    fn settled_at(&self, at: Timestamp) -> u8 {
        let settled = self.raises.iter().filter(|raise| raise.at.after(SETTLED_AFTER) <= at);
        settled.map(|raise| raise.shards).max().unwrap_or(1)
    }
}

#[derive(Deserialize)]
struct Count {
    units: u64,
}

type TypeKey = (OrganizationId, bool, String);

/// What this process knows of each mode and type.
#[derive(Clone)]
pub(super) struct Known<T>(Arc<Mutex<HashMap<TypeKey, T>>>);

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

/// The write units that this process has gathered of each mode and type, and not counted yet.
#[derive(Clone)]
pub(super) struct Tally {
    gathered: Arc<Mutex<HashMap<TypeKey, u64>>>,
    /// What each begins with, different in each process: many that start at once do not all count late, and together.
    phase: u64,
}

impl Tally {
    pub(super) fn new(phase: u8) -> Self {
        Self { gathered: Arc::default(), phase: u64::from(phase) % sharding::COUNTED_AT_ONCE }
    }

    /// Gathers units; returns all of them once they are enough to be counted.
    fn add(&self, key: TypeKey, units: u64) -> Option<u64> {
        let mut all = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let gathered = all.entry(key).or_insert(self.phase);
        *gathered += units;
        (*gathered >= sharding::COUNTED_AT_ONCE).then(|| std::mem::take(gathered))
    }
}

/// Partitions as they were read at some time; none for a type that has no events yet.
pub(super) type ReadPartitions = (Option<TypePartitions>, Timestamp);

fn partition(organization: OrganizationId, livemode: bool) -> String {
    format!("EVENT_TYPES#{organization}#{}", mode(livemode))
}

fn key(organization: OrganizationId, livemode: bool, event_type: &str) -> Key {
    Key::new(partition(organization, livemode), event_type)
}

impl Log {
    /// The lane for a new event, whose id will name it: over as many shards as its type's rate asks for now.
    pub async fn lane(&self, arrival: &Arrival<'_>) -> Result<Lane, Error> {
        self.count(arrival, arrival.at).await;
        let partitions = self.partitions(arrival, arrival.at).await?;
        Ok(arrival.lane_of(partitions.map_or(1, |partitions| partitions.shards)))
    }

    /// The lane of an event that was created without one: the same one whenever and wherever this is asked, so that the
    /// event is known again when its message comes twice. Follows a growing rate some seconds later than
    /// [`Self::lane`].
    pub async fn settled_lane(&self, arrival: &Arrival<'_>, now: Timestamp) -> Result<Lane, Error> {
        self.count(arrival, now).await;
        let partitions = self.partitions(arrival, now).await?;
        Ok(arrival.lane_of(partitions.map_or(1, |partitions| partitions.settled_at(arrival.at))))
    }

    /// The types of which the organization has events of this mode, and their shards.
    pub(super) async fn type_partitions(
        &self,
        organization: OrganizationId,
        livemode: bool,
    ) -> Result<Vec<TypePartitions>, Error> {
        self.table.oldest(&partition(organization, livemode), None, usize::MAX).await
    }

    /// Makes sure that queries know of an event's partition before it is written there.
    pub(super) async fn know_partition(
        &self,
        organization: OrganizationId,
        event_type: &str,
        lane: Lane,
    ) -> Result<(), Error> {
        let type_key = (organization, lane.livemode, event_type.to_owned());
        if self.written.get(&type_key).is_some_and(|shards| lane.shard < shards) {
            return Ok(());
        }
        let change = Change::new("SET event_type = :event_type, shards = :shards");
        self.raise_shards(key(organization, lane.livemode, event_type), change, lane.shard + 1).await?;
        self.written.remember(type_key, lane.shard + 1);
        Ok(())
    }

    /// The partitions of an arrival's type, as they are `now` or were a moment ago.
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

    /// Counts an event, and has its type spread over more shards when there are many a second. It only steers: what goes
    /// wrong here must not fail the event, and a count that is lost is made up for by the next one.
    async fn count(&self, arrival: &Arrival<'_>, now: Timestamp) {
        let units = sharding::write_units(arrival.bytes);
        if let Some(gathered) = self.tally.add(arrival.type_key(), units) {
            let _ = self.count_units(arrival, gathered, now).await;
            // A busy process is the first to look again.
            self.known.forget(&arrival.type_key());
        }
    }

    async fn count_units(&self, arrival: &Arrival<'_>, units: u64, now: Timestamp) -> Result<(), Error> {
        let Arrival { organization, event_type, livemode, at, .. } = *arrival;
        let span = i64::try_from(sharding::WINDOW.as_millis()).unwrap_or(i64::MAX);
        let window = Timestamp::from_millis(at.millis() - at.millis().rem_euclid(span));
        let rate = format!("EVENT_RATE#{organization}#{}#{event_type}", mode(livemode));
        let change = Change::new("SET expires_at = :expires_at ADD units :units")
            .with(":units", number(units))
            .with(":expires_at", value(&window.after(Duration::from_hours(1)).seconds())?);
        let rate = Key::new(rate, window.seconds().to_string());
        let counted: Option<Count> =
            self.table.update_returning(&rate, change, Condition::none(), Returned::After).await?;
        let shards = sharding::shards_for(counted.map_or(0, |count| count.units), at.since(window));
        if shards == 1 {
            return Ok(());
        }
        let change = Change::new(
            "SET event_type = :event_type, shards = :shards, \
             raises = list_append(if_not_exists(raises, :none), :raise)",
        )
        .with(":none", value(&Vec::<Raise>::new())?)
        .with(":raise", value(&[Raise { at: now, shards }])?);
        self.raise_shards(key(organization, livemode, event_type), change, shards).await
    }

    /// Makes a type's shards more, never fewer.
    async fn raise_shards(&self, key: Key, change: Change, shards: u8) -> Result<(), Error> {
        let change = change.with(":event_type", text(&key.sk)).with(":shards", number(shards));
        let fewer = Condition::new("attribute_not_exists(shards) OR shards < :shards");
        self.table.update_if(&key, change, fewer).await?;
        Ok(())
    }
}

impl Arrival<'_> {
    fn type_key(&self) -> TypeKey {
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
    fn every_unit_is_counted_once_and_many_at_a_time() {
        let key = || (OrganizationId::new(RAISED, [1; 10]), true, "send.email.sent".to_owned());
        for phase in [0, 63, 255] {
            let tally = Tally::new(phase);
            let counted: Vec<_> = (0..640).filter_map(|_| tally.add(key(), 1)).collect();
            assert_eq!(counted, [64; 10]);
        }
        assert_eq!(Tally::new(3).add(key(), 200), Some(203));
    }

    #[test]
    fn a_raise_counts_for_what_is_created_once_everybody_knows_of_it() {
        let created = |seconds| partitions().settled_at(RAISED.after(Duration::from_secs(seconds)));
        assert_eq!([0, 9, 10, 60, 69, 70].map(created), [1, 1, 4, 4, 4, 32]);
    }
}
