//! What the platform can do, for whoever asks: endpoints, events, keys, deliveries.
//!
//! Every use case is a method of [`Application`]. A front end (the HTTP API, the operator's tool) makes an [`Actor`] of whoever
//! asks. It reads the request into values of [`domain`] and of this crate, makes one call, and encodes the answer or the
//! [`Error`]. It has no rules of its own.
//!
//! # Scopes
//!
//! A use case takes [`Allowed`], the proof that its actor may ask for it. Only [`Actor::allow`] makes one, after looking at the
//! scopes. A front end that forgets to ask does not compile.
//!
//! # Orders of writes
//!
//! Any call to AWS can fail before or after its effect, and the process can die between any two calls. So the order of its
//! writes is part of each use case, and is found only here:
//!
//! - What waits gets its message before the change that it waits for ([`endpoints`]).
//! - A pause, and the id of the event that announces it, are written together ([`Pausing`]).
//! - A key that could not be announced does not stay ([`keys`]).
//!
//! # Repeated requests
//!
//! A request with an [`idempotency::Request`] has its effect once, however often it is sent. [`idempotency`] explains how.
//!
//! Nothing here knows HTTP.
#![warn(missing_docs)]

mod actor;
pub mod endpoints;
mod error;
pub mod events;
pub mod idempotency;
pub mod keys;
mod page;
mod pausing;

pub use actor::{
    Actor, Allowed, ManageKeys, ManageWebhooks, Permission, PublishEvents, ReadEvents, ReadWebhooks,
};
pub use error::{Conflict, Error};
pub use page::{Page, PageRequest};
pub use pausing::Pausing;

use std::sync::Arc;

use domain::retry::RetryPolicy;
use egress::{AddressPolicy, Resolver};
use messaging::{Bus, DeliveriesQueue};
use runtime::Clock;
use storage::{Log, Registry};
use vault::Vault;

/// The platform's use cases and what they need.
#[derive(Clone)]
pub struct Application {
    /// Organizations, keys, endpoints.
    pub registry: Registry,
    /// Events and deliveries.
    pub log: Log,
    /// Where events are published.
    pub bus: Bus,
    /// Where replays and resends go. They do not pass the bus.
    pub queue: DeliveriesQueue,
    /// Seals signing secrets and cursors.
    pub vault: Vault,
    /// Resolves the hosts of endpoints when these are saved.
    pub resolver: Arc<dyn Resolver>,
    /// Which addresses endpoints may have.
    pub address_policy: AddressPolicy,
    /// The time.
    pub clock: Clock,
    /// What the deployment bounds and presets.
    pub limits: Limits,
}

/// What the deployment bounds and presets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most endpoints of one organization.
    pub endpoints_per_organization: u32,
    /// The retry policy of endpoints that choose none.
    pub retry_policy: RetryPolicy,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("limits", &self.limits).finish_non_exhaustive()
    }
}
