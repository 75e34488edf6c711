//! The samples of `docs/verifying.md`, taken from the page and run on recorded deliveries; and receivers that verify
//! as the documentation of do.dev and `EKDSend` shows.
//!
//! Each program gets a file of calls, one line each, and prints a verdict for each: see [`program`]. The deliveries
//! are rendered by the code that renders all others, at a fixed time.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in test functions, but not in what these share"
)]

mod deliveries;
mod dodev;
mod example_receivers;
mod languages;
mod other_formats;
mod page;
mod program;
#[expect(unreachable_pub, reason = "the page's sample, to the letter")]
mod rust_sample;
