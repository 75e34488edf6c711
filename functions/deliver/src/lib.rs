//! From a delivery's message to the signed POST and its record.
//!
//! # The message owns the delivery
//!
//! A message is done with only when the record says what became of its delivery. A failed attempt writes the record,
//! hides the message until the next attempt's time and leaves it in the queue. Attempts are counted in the record, never
//! by how often the message was received, which crashes and throttling inflate. When the function dies between the POST
//! and the record, the attempt is repeated: at least once, and never misreported.
//!
//! # Failing endpoints
//!
//! SQS counts a message in backoff as in flight, of which a queue has 120,000. So a failing endpoint's deliveries leave
//! the queue: after a few consecutive failures they are recorded as held, and one message stays, the [`probe`] ticket,
//! which backs off on its own and tries one held delivery at a time. Its success lets all of them go ([`replay`]); its
//! failures count on until the endpoint is paused. What decides all this is on the endpoint's item ([`health`]) and read
//! consistently with each batch.
//!
//! # Slow endpoints
//!
//! What hangs keeps an instance of the function busy, and there are only so many. So the deliveries of an endpoint that
//! did not answer promptly a moment ago go by a queue of their own, with instances of its own ([`slow`]).
//!
//! # Holding and letting go
//!
//! Holding a delivery and letting all go can cross: the release may have looked just before the delivery was recorded.
//! So whoever holds one looks at the endpoint again afterwards ([`hold`]) and sends it at once if there is nothing to
//! wait for any more.

mod attempt;
mod delivery;
mod health;
mod hold;
mod pause;
mod probe;
mod replay;
mod slow;

pub use slow::NotedSlow;

use std::collections::HashMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    delivery::Delivery,
    endpoint::Thresholds,
    ids::{EndpointId, OrganizationId},
};
use egress::{AddressPolicy, Client};
use messaging::{Bus, DeliveriesQueue, Message};
use runtime::{
    Clock,
    batch::{self, Record, Verdict},
};
use storage::{EndpointRecord, Log, Registry};
use vault::Vault;

/// Delivery and what it needs.
#[derive(Debug)]
pub struct Deliver {
    /// Where endpoints are read and their health is noted.
    pub registry: Registry,
    /// Where deliveries are recorded.
    pub log: Log,
    /// The queue that deliveries come from.
    pub queue: DeliveriesQueue,
    /// The queue that slow endpoints' deliveries come from.
    pub slow_queue: DeliveriesQueue,
    /// Where pauses are announced.
    pub bus: Bus,
    /// Opens signing secrets.
    pub vault: Vault,
    /// Sends the POSTs.
    pub client: Client,
    /// Which addresses may be sent to.
    pub address_policy: AddressPolicy,
    /// When endpoints count as slow or failing and are paused.
    pub thresholds: Thresholds,
    /// The time.
    pub clock: Clock,
    /// What this process has noted of slow endpoints.
    pub noted_slow: NotedSlow,
}

/// A fault of ours: the message comes back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the message cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("an event cannot be read: {0}")]
    BadEvent(#[from] domain::Invalid),
    #[error(transparent)]
    Application(#[from] application::Error),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Messaging(#[from] messaging::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error(transparent)]
    NoRandomness(#[from] runtime::NoRandomness),
}

/// The endpoints of a batch, read once for all of its messages.
type Endpoints = HashMap<(OrganizationId, EndpointId), EndpointRecord>;

impl Deliver {
    /// Handles a batch of either queue of deliveries.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let endpoints = self.read_endpoints(&event).await;
        batch::process(event, |record| self.handle_record(record, &endpoints)).await
    }

    /// Read with each batch and consistently: what was deleted, disabled or paused a moment ago is not sent to.
    async fn read_endpoints(&self, event: &SqsEvent) -> Result<Endpoints, storage::Error> {
        let bodies = event.records.iter().filter_map(|record| record.body.as_deref());
        let messages = bodies.filter_map(|body| serde_json::from_str::<Message>(body).ok());
        let mut wanted: Vec<_> = messages.map(|message| message.endpoint()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let records = self.registry.endpoints(wanted).await?;
        let by_id = |record: EndpointRecord| ((record.endpoint.organization, record.endpoint.id), record);
        Ok(records.into_iter().map(by_id).collect())
    }

    async fn handle_record(&self, record: Record, endpoints: &Result<Endpoints, storage::Error>) -> Verdict {
        let endpoints = match endpoints {
            Ok(endpoints) => endpoints,
            Err(error) => {
                tracing::error!(message.id = %record.message_id, %error, "endpoints not read");
                return Verdict::Again;
            }
        };
        self.handle_message(&record, endpoints).await.unwrap_or_else(|problem| {
            tracing::error!(message.id = %record.message_id, error = %problem, "message not handled");
            Verdict::Again
        })
    }

    async fn handle_message(&self, record: &Record, endpoints: &Endpoints) -> Result<Verdict, Problem> {
        let message: Message = serde_json::from_str(&record.body)?;
        let Some(target) = endpoints.get(&message.endpoint()) else {
            return self.drop_for_deleted(message).await;
        };
        match message {
            Message::Deliver { event, purpose, .. } => {
                self.deliver(record, target, event.open()?, purpose).await
            }
            Message::Probe { probe, .. } => self.probe(record, target, &probe).await,
            Message::Replay(replay) => self.replay(record, &target.endpoint, replay).await,
        }
    }

    /// Nothing more is sent to a deleted endpoint.
    async fn drop_for_deleted(&self, message: Message) -> Result<Verdict, Problem> {
        if let Message::Deliver { endpoint, event, .. } = message {
            let event = event.open()?;
            let recorded =
                self.log.delivery(event.organization, endpoint, event.id, self.clock.now()).await?;
            self.give_up(&recorded.unwrap_or_else(|| Delivery::pending(&event, endpoint))).await?;
        }
        Ok(Verdict::Done)
    }
}
