//! The event log to the letter: what is published arrives and is found as it was, once, and in the order asked for.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in test functions, but not in what these share"
)]

mod batches;
mod cursors;
mod depth;
mod detail_schema;
mod direct;
mod extremes;
mod fidelity;
mod idempotency;
mod json_text;
mod model;
mod queries;
mod schema_check;
mod sharding;
mod stage;
