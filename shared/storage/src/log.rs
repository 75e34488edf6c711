//! What happened.

mod deliveries;
mod events;
mod held;
mod idempotency;
mod query;
mod sharding;

use crate::table::Table;
use sharding::{Known, ReadPartitions, Tally};

pub use deliveries::DeliveryFilter;
pub use events::{Added, LoggedEvent, MAX_ADDED, Stored};
pub use held::{Held, HeldMarker};
pub use idempotency::KeptRequest;
pub use query::{EventFilter, EventPage};
pub use sharding::Arrival;

/// The log table.
#[derive(Clone)]
pub struct Log {
    table: Table,
    /// The number of shards over which publishers spread each type, as it was read.
    known: Known<ReadPartitions>,
    /// The number of shards that queries look at, as this process knows it was written.
    written: Known<u8>,
    /// The write units of new events that are not counted yet.
    tally: Tally,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}

/// How keys spell an event's mode.
fn mode(livemode: bool) -> &'static str {
    if livemode { "live" } else { "test" }
}

impl Log {
    /// The log in the table of this name.
    pub fn new(config: &aws::SdkConfig, table: String) -> Self {
        let table = Table::new(config, table);
        Self { table, known: Known::default(), written: Known::default(), tally: Tally::default() }
    }

    /// For a process that chooses lanes for new events. `phase` is a random number that says when the process first counts
    /// them. So many processes that start at once do not all count late, and at the same moment.
    #[must_use]
    pub fn counting_from(mut self, phase: u8) -> Self {
        self.tally = Tally::starting_at(phase);
        self
    }
}
