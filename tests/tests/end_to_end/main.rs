//! The deployed template, its functions' programs and real receivers, through the public API alone.
//!
//! One stack serves all tests of a `cargo xtask test`. Each test is a [`support::Customer`] of its own there, an
//! organization with its key, so that tests neither meet nor wait for each other; two tests that need other settings
//! than all the others start a stack of their own. What takes time is awaited as a condition with a deadline.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test's support a panic is how a test fails"
)]

mod bad_input;
mod failing_endpoint;
mod keys;
mod listening;
mod main_job;
mod pausing;
mod policies;
mod repeated;
mod retries;
mod rotation;
mod secrets_in_logs;
mod support;
