//! What events, endpoints and deliveries are, and the rules that decide about them.
//!
//! Nothing here talks to AWS or HTTP, reads a clock, draws randomness or awaits: `now`, jitter and random bytes are arguments.
//! So every rule of the platform can be read and tested in this crate alone, by tables and properties.
#![warn(missing_docs)]

pub mod attempt;
pub mod audience;
pub mod catalogue;
pub mod delivery;
pub mod endpoint;
mod error_code;
pub mod event;
pub mod event_data;
pub mod format;
pub mod ids;
mod invalid;
pub mod key;
pub mod metadata;
pub mod nesting;
pub mod organization;
pub mod pattern;
pub mod platform_event;
pub mod retry;
pub mod scope;
pub mod secret;
pub mod text;
mod timestamp;

pub use error_code::{ErrorCode, ErrorKind};
pub use invalid::Invalid;
pub use timestamp::{NotAMoment, Timestamp};
