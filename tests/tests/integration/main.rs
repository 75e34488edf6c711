//! The platform in process: the functions' own code on the real AWS SDK, an embedded AWS and real receivers.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in test functions, but not in what these share"
)]

mod auth;
mod changes;
mod costs;
mod deliveries;
mod endpoints;
mod errors;
mod events;
mod fan_out;
mod faults;
mod formats;
mod holding;
mod idempotency;
mod keys;
mod layering;
mod log;
mod new_start;
mod paging;
mod receivers;
mod repeated;
mod resending;
mod routing;
mod secrets;
mod slow;
mod state_machine;
mod subscriptions;
mod texts;
