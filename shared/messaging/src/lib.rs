//! The event bus and the queues, and the messages on them.
//!
//! ```text
//! publisher ─ Detail ─► bus ─ rule ─ Envelope ─► events queue ─► fan-out ─ Message ─► deliveries queue ─► deliver
//! ```
//!
//! An event's `data` travels inside a JSON string (see [`domain::event_data::CarriedData`]). The bus writes JSON anew on the
//! way, and receivers are promised every letter.
#![warn(missing_docs)]

#[cfg(feature = "bus")]
mod bus;
#[cfg(feature = "queues")]
mod deliveries;
mod envelope;
mod error;

#[cfg(feature = "bus")]
pub use bus::Bus;
#[cfg(feature = "queues")]
pub use deliveries::{CarriedEvent, DeliveriesQueue, Message, Replay, Selection};
pub use envelope::{Detail, Envelope, Received, Refused};
pub use error::Error;
