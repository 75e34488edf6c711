//! What customers' URLs, addresses and receivers can do to us, and what comes of it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml allows them in test functions, but not in what these share"
)]

mod addresses;
mod answers;
mod bounds;
mod connecting;
mod hostile;
mod reuse;
mod stale;
mod support;
mod tls;
mod tolerance;
mod urls;
mod vetting;
