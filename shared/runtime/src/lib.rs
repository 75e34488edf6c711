//! What the Lambda functions share: the environment, telemetry, the clock and randomness, SQS batches.
#![warn(missing_docs)]

pub mod batch;
mod environment;
pub mod metrics;
mod nondeterminism;
mod telemetry;

pub use environment::{Environment, EnvironmentError};
pub use nondeterminism::{Clock, NoRandomness, jitter, random};
pub use telemetry::start_telemetry;
