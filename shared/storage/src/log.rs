//! What happened.

mod deliveries;
mod events;
mod held;
mod idempotency;
mod partitions;
mod query;
mod rate;

use crate::table::Table;
use partitions::{Known, ReadPartitions};
use rate::Tally;

pub use deliveries::DeliveryFilter;
pub use events::{Added, LoggedEvent, MAX_ADDED, Stored};
pub use held::{Held, HeldMarker};
pub use idempotency::KeptRequest;
pub use partitions::Arrival;
pub use query::{EventFilter, EventPage};

/// The log table.
#[derive(Clone)]
pub struct Log {
    table: Table,
    /// The shards that publishers spread over, as read.
    known: Known<ReadPartitions>,
    /// The shards that queries are known to look at, as written.
    written: Known<u8>,
    /// What is to be counted of new events.
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

    /// For a process that chooses lanes for new events: `phase` is random and says when it first counts them, so that
    /// many that start at once do not all count late, and together.
    #[must_use]
    pub fn counting_from(mut self, phase: u8) -> Self {
        self.tally = Tally::starting_at(phase);
        self
    }
}
