//! The DynamoDB tables: every key, item and condition is in this crate, and its SDK's types never leave it.
//!
//! Two tables, by how their items live:
//!
//! * the **registry** ([`Registry`]) holds what people configure: organizations, keys, endpoints and their
//!   subscriptions, wrapped data keys. Small, long-lived, read consistently.
//! * the **log** ([`Log`]) holds what happens: events and deliveries. Large, written once, dropped after 30 days.
//!
//! Every method takes the organization first, so that no read can cross from one into another; the exceptions are the
//! look-up of a presented key, which is how an organization is found, and the data keys, which belong to none.
#![warn(missing_docs)]

mod error;
mod log;
mod registry;
mod table;

pub use error::Error;
pub use log::{
    Added, Arrival, DeliveryFilter, EventFilter, EventPage, Held, HeldMarker, KeptRequest, Log, LoggedEvent,
    MAX_ADDED, Stored,
};
pub use registry::{Created, DataKey, EndpointRecord, Noted, Registry, Subscribers, Updated};
