//! The API's document is true: of its routes, its schemas, its examples, its errors and its scopes.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in test functions, but not in what these share"
)]

mod access;
mod attempts;
mod bodies;
mod committed;
mod document;
mod examples;
mod parameters;
mod probes;
mod protocol;
mod seeds;
mod stage;
