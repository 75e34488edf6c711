//! What the end-to-end tests and the examples stand on.

pub(crate) mod api;
pub(crate) mod aws;
pub(crate) mod customer;
pub(crate) mod node;
pub(crate) mod receiver;
pub(crate) mod sockets;
pub(crate) mod stacks;
pub(crate) mod wait;

pub(crate) use api::Answer;
pub(crate) use customer::{Customer, Endpoint};
pub(crate) use receiver::{Arrival, Receiver, Reply};
pub(crate) use wait::until;
