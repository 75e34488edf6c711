//! How many shards of the log a type's events need, by their write units a second.
//!
//! DynamoDB takes 1,000 write units a second for one partition key. A shard is meant for a quarter of that. So a rate may
//! double twice before the number of shards follows it. To count each event by itself would double its price. So every process
//! counts [`COUNTED_AT_ONCE`] units together.

use std::time::Duration;

use domain::ids::Lane;

/// The write units a second that one shard is meant for.
pub(super) const SHARD_UNITS_A_SECOND: u64 = 250;
/// The write units that a process gathers before it counts them.
pub(super) const COUNTED_AT_ONCE: u64 = 64;
/// What the rate is taken for where shards follow it a minute late: it may have grown as much until then.
pub(super) const LEAD: u64 = 4;
/// How long the counts of all processes are added up for one estimate.
pub(super) const WINDOW: Duration = Duration::from_secs(5);

/// The shortest time that an estimate is made for. A shorter one would have too few counts.
const LEAST_ELAPSED: Duration = Duration::from_secs(1);

/// The write units for so many bytes.
pub(super) fn write_units(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(1024)).unwrap_or(u64::MAX).max(1)
}

/// The shards that so many units ask for, `elapsed` after their window began: a power of two, so that a growing rate
/// changes them a few times only.
pub(super) fn shards_for(units: u64, elapsed: Duration) -> u8 {
    let elapsed = u64::try_from(elapsed.max(LEAST_ELAPSED).as_millis()).unwrap_or(u64::MAX);
    let a_second = units.saturating_mul(1_000) / elapsed;
    let needed = a_second.div_ceil(SHARD_UNITS_A_SECOND).clamp(1, u64::from(Lane::SHARDS));
    u8::try_from(needed.next_power_of_two()).unwrap_or(Lane::SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_follow_the_rate_in_powers_of_two() {
        let after =
            |seconds: u64, a_second: u64| shards_for(a_second * seconds, Duration::from_secs(seconds));
        for seconds in [1, 3, 5] {
            let shards = [0, 1, 250, 251, 1_000, 3_000, 8_001, 1_000_000].map(|rate| after(seconds, rate));
            assert_eq!(shards, [1, 1, 1, 2, 4, 16, 32, 32], "after {seconds} s");
        }
    }

    #[test]
    fn the_first_moments_of_a_window_do_not_pass_for_a_high_rate() {
        assert_eq!(shards_for(COUNTED_AT_ONCE, Duration::ZERO), 1);
        assert_eq!(shards_for(250, Duration::from_millis(10)), 1);
    }

    #[test]
    fn write_units_are_begun_kibibytes() {
        assert_eq!([0, 1, 1_024, 1_025, 204_800].map(write_units), [1, 1, 1, 2, 200]);
    }
}
