//! What the tests stand on: AWS in process, the platform on top of it, a real receiver.
//!
//! ```text
//! tests/integration ─► Platform ─► functions/* ─► the real AWS SDK ─► Connector ─► DynamoDB, SQS, EventBridge, KMS
//!                          │                          │                              (in this process, see aws)
//!                          │                          └─► POST over loopback ─► Receiver
//!                          └─ moves messages from queue to function by hand: no polling, no waiting
//! ```
//!
//! Tables, queues, the rule and their settings are read from `template.yaml`, so that tests run on what is deployed.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test's support a panic is how a test fails"
)]

pub mod aws;
pub mod logs;
pub mod metrics;
pub mod noise;
pub mod platform;
pub mod receiver;
pub mod template;
