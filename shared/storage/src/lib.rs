//! The DynamoDB tables. Every key, item and condition is in this crate, and the types of DynamoDB's SDK never leave it.
//!
//! There are two tables, because their items live differently:
//!
//! * The **registry** ([`Registry`]) has what people configure: organizations, keys, endpoints and their subscriptions, wrapped
//!   data keys. It is small, long-lived, and read consistently.
//! * The **log** ([`Log`]) has what happens: events and deliveries. It is large, written once, and dropped after 30 days.
//!
//! Every method takes the organization first, so that no read can cross from one organization to another. There are two
//! exceptions. The look-up of a presented key finds the organization. The data keys belong to no organization.
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
