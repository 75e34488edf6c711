//! An endpoint's generations: how one begins, and how a write is bound to one.
//!
//! A generation begins whenever earlier attempts stop saying how the endpoint fares. Whatever is written because of an attempt has
//! the condition that the endpoint is still of the attempt's generation.

use crate::table::{Change, Condition, number};

/// A new start: the change that sets what `set` says, removes what `removed` names, and begins another generation, in which no
/// failure has been counted and no probe is under way.
pub(super) fn begin(set: &str, removed: &[&str]) -> Change {
    let removed = [&["health.last_failure_at", "probe"][..], removed].concat().join(", ");
    let expression = format!(
        "SET {set}, generation = if_not_exists(generation, :zero) + :one, health.consecutive_failures = :zero \
         REMOVE {removed}"
    );

    Change::new(expression).with(":zero", number(0_u64)).with(":one", number(1_u64))
}

/// The endpoint is there and of this generation.
pub(super) fn is(generation: u64) -> Condition {
    // Endpoints that were written before there were generations have none: that is the first one.
    let condition = if generation == 0 {
        Condition::new("attribute_not_exists(generation) OR generation = :generation")
    } else {
        Condition::new("generation = :generation")
    };

    Condition::present().and(condition.with(":generation", number(generation)))
}
