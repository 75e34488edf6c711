//! How many write units a second an organization's events of one type need, and the number of shards that follows from it.
//!
//! An event is counted where its lane is chosen, before it is written anywhere. Each process gathers units. It adds many at a
//! time to an item that stands for a few seconds and that all processes share. The count only guides the number of shards.
//! Nothing that goes wrong here may fail an event or delay it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use domain::Timestamp;
use serde::Deserialize;

use super::{
    partitions::{Arrival, Raise, TypeKey},
    units,
};
use crate::{
    Error,
    log::{Log, mode},
    table::{Change, Condition, Key, Returned, number, value},
};

/// How long counting may delay an event.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long counts are kept.
const KEPT: Duration = Duration::from_hours(1);

/// The write units that this process has gathered for each mode and type, and has not counted yet.
#[derive(Clone, Default)]
pub(in crate::log) struct Tally {
    gathered: Arc<Mutex<HashMap<TypeKey, u64>>>,
    /// The number that each begins with.
    phase: u64,
}

#[derive(Deserialize)]
struct Count {
    units: u64,
}

impl Tally {
    pub(in crate::log) fn starting_at(phase: u8) -> Self {
        Self { gathered: Arc::default(), phase: u64::from(phase) % units::COUNTED_AT_ONCE }
    }

    /// Gathers units. Once there are enough to be counted, returns all of them.
    fn add(&self, key: TypeKey, units: u64) -> Option<u64> {
        let mut all = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        let gathered = all.entry(key).or_insert(self.phase);
        *gathered += units;
        (*gathered >= units::COUNTED_AT_ONCE).then(|| std::mem::take(gathered))
    }
}

impl Log {
    /// Counts an event, and has its type spread over more shards when there are many a second, taken for `lead` times as
    /// many. A count that is lost is made up for by the next one.
    pub(in crate::log) async fn count(&self, arrival: &Arrival<'_>, now: Timestamp, lead: u64) {
        let units = units::write_units(arrival.bytes);
        if let Some(gathered) = self.tally.add(arrival.type_key(), units) {
            let _ = tokio::time::timeout(PATIENCE, self.count_and_raise(arrival, gathered, now, lead)).await;
        }
    }

    async fn count_and_raise(
        &self,
        arrival: &Arrival<'_>,
        units: u64,
        now: Timestamp,
        lead: u64,
    ) -> Result<(), Error> {
        let (counted, elapsed) = self.add_to_window(arrival, units, now).await?;
        let shards = units::shards_for(counted * lead, elapsed);
        if shards > self.remembered_shards(arrival) {
            self.raise_rated_shards(arrival, Raise { at: now, shards }).await?;
        }
        Ok(())
    }

    /// Adds units to their window. Returns how many the window has now, and how long ago it began.
    async fn add_to_window(
        &self,
        arrival: &Arrival<'_>,
        units: u64,
        now: Timestamp,
    ) -> Result<(u64, Duration), Error> {
        let span = i64::try_from(units::WINDOW.as_millis()).unwrap_or(i64::MAX);
        let window = Timestamp::from_millis(arrival.at.millis() - arrival.at.millis().rem_euclid(span));
        let Arrival { organization, event_type, livemode, .. } = arrival;
        let rate = format!("EVENT_RATE#{organization}#{}#{event_type}", mode(*livemode));
        let change = Change::new("SET expires_at = :expires_at ADD units :units")
            .with(":units", number(units))
            .with(":expires_at", value(&window.after(KEPT).seconds())?);
        let rate = Key::new(rate, window.seconds().to_string());
        let counted: Option<Count> =
            self.table.update_returning(&rate, change, Condition::none(), Returned::After).await?;
        // By the clock: events come late and in no order, and then the window has long been over.
        let elapsed = now.since(window).min(units::WINDOW);
        Ok((counted.map_or(0, |count| count.units), elapsed))
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::OrganizationId;

    use super::*;

    #[test]
    fn every_unit_is_counted_once_and_many_at_a_time() {
        let organization = OrganizationId::new(Timestamp::from_millis(1_700_000_000_000), [1; 10]);
        let key = || (organization, true, "send.email.sent".to_owned());
        for phase in [0, 63, 255] {
            let tally = Tally::starting_at(phase);
            let counted: Vec<_> = (0..640).filter_map(|_| tally.add(key(), 1)).collect();
            assert_eq!(counted, [64; 10]);
        }
        assert_eq!(Tally::starting_at(3).add(key(), 200), Some(203));
    }
}
