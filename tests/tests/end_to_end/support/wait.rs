//! Waiting for what other processes do.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How long anything may take on a machine that is busy with other tests. Only what never happens takes this long.
const PATIENCE: Duration = Duration::from_mins(2);

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks until there is something to see, and fails the test if there never is. `what` completes "waited in vain for".
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(BETWEEN_LOOKS);
    }
}
