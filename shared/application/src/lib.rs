//! What the platform can do, for whoever asks: endpoints, events, keys, deliveries.
//!
//! Every use case is a method of [`Application`]. A front end (the HTTP API, the operator's tool) makes an [`Actor`] of whoever asks,
//! reads what they ask for into values of [`domain`] and of this crate, makes one call, and encodes the answer or the [`Error`]. It holds
//! no rule of its own.
//!
//! # Scopes
//!
//! A use case takes the proof that its actor may ask for it, [`Allowed`], and only [`Actor::allow`] makes one, by looking at the
//! scopes. A front end that forgets to ask does not compile.
//!
//! # Orders of writes
//!
//! Any call to AWS can fail before or after its effect, and the process can die between any two. So the order of writes is part of each
//! use case, and is found here alone: what waits is told of a change before the change ([`endpoints`]), a pause is announced under an id
//! that is written together with it ([`Pausing`]), a key that could not be announced does not stay ([`keys`]).
//!
//! # Repeated requests
//!
//! A request that carries an [`idempotency::Request`] has its effect once, however often it is sent. [`idempotency`] says how.
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
    /// Where single deliveries are sent past the bus: replays and resends.
    pub queue: DeliveriesQueue,
    /// Seals signing secrets and cursors.
    pub vault: Vault,
    /// Resolves the hosts of endpoints when they are saved.
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
