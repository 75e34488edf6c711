//! Over how many partitions an organization's events of one type are spread, and which those are.
//!
//! DynamoDB grants one partition key 1,000 write units a second. So a type that is published often has several *shards*, each a
//! partition of its own. [`units`] has the rule, [`rate`] finds out how often a type is published, and [`partitions`] remembers how
//! many shards it has.

mod partitions;
mod rate;
mod units;

pub use partitions::Arrival;
pub(super) use partitions::{Known, ReadPartitions};
pub(super) use rate::Tally;
