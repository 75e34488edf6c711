//! An endpoint's generations: how one begins, and how a write is bound to one.
//!
//! A generation begins when earlier attempts no longer say how the endpoint fares. Whatever is written because of an attempt
//! has a condition: the endpoint must still be of the attempt's generation.

use crate::table::{Change, Condition, number};

/// The change that begins another generation, a new start: no failure is counted and no probe is under way. It also sets what
/// `set` says and removes what `removed` names.
pub(super) fn begin(set: &str, removed: &[&str]) -> Change {
    let removed = [&["health.last_failure_at", "probe"][..], removed].concat().join(", ");
    let expression = format!(
        "SET {set}, generation = if_not_exists(generation, :zero) + :one, health.consecutive_failures = :zero \
         REMOVE {removed}"
    );

    Change::new(expression).with(":zero", number(0_u64)).with(":one", number(1_u64))
}

/// The condition that the endpoint exists and is of this generation.
pub(super) fn is(generation: u64) -> Condition {
    // Earlier versions wrote endpoints without a generation. Those are of the first one.
    let condition = if generation == 0 {
        Condition::new("attribute_not_exists(generation) OR generation = :generation")
    } else {
        Condition::new("generation = :generation")
    };

    Condition::present().and(condition.with(":generation", number(generation)))
}
