//! AWS in this process, behind the real SDK.
//!
//! The SDK signs and serializes as in production; its HTTP client is [`connector`], which hands each call to a small
//! model of its service. The models keep what the platform relies on: DynamoDB's conditions and transactions (by an
//! embedded implementation), SQS's visibility, receive counts and dead-letter queues, EventBridge's limits and
//! rewritten JSON, KMS's encryption context. Time passes in them only when a test says so.

mod calls;
mod connector;
mod dynamodb;
mod eventbridge;
mod faults;
mod kms;
mod refusal;
mod sqs;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use domain::Timestamp;
use runtime::Clock;

use crate::template::Template;

pub use calls::{Call, Service};
pub use faults::{Fault, HeldUp};
pub use sqs::{Again, ReceivedMessage};

use connector::Connector;
use dynamodb::DynamoDb;
use eventbridge::EventBridge;
use faults::Faults;
use kms::Kms;
use sqs::Queues;

/// The account of the stack under test: services and what came to them. Clones share everything.
#[derive(Clone)]
pub struct Aws(Arc<Account>);

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The SDK logs its HTTP client: what the services hold is not part of that.
        f.write_str("Aws")
    }
}

struct Account {
    template: &'static Template,
    clock: Clock,
    dynamodb: DynamoDb,
    queues: Queues,
    bus: EventBridge,
    kms: Kms,
    faults: Faults,
    calls: Mutex<Vec<Call>>,
}

impl Aws {
    /// A fresh account with the resources of the project's template.
    pub fn new() -> Self {
        let template = Template::of_project();
        // Any moment does; this one reads well in failures.
        let clock = Clock::manual(Timestamp::from_millis(1_800_000_000_000));
        let account = Account {
            dynamodb: DynamoDb::new(&template.tables()),
            queues: Queues::new(template.queues(), clock.clone()),
            bus: EventBridge::new(template.rule(), clock.clone()),
            kms: Kms::new(),
            faults: Faults::default(),
            calls: Mutex::default(),
            template,
            clock,
        };
        Self(Arc::new(account))
    }

    /// What clients are made with, the SDK's own retries off: a fault is to be met by our code.
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "tests");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .retry_config(RetryConfig::disabled())
            .http_client(SharedHttpClient::new(Connector(self.clone())))
            .build()
    }

    /// The template that the account was made from.
    pub fn template(&self) -> &Template {
        self.0.template
    }

    /// The account's clock, for the functions too.
    pub fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        let clock = &self.0.clock;
        clock.move_to(clock.now().after(span));
    }

    /// The KMS key's id.
    pub fn kms_key(&self) -> String {
        kms::KEY_ARN.to_owned()
    }

    /// The calls since the last [`Aws::forget_calls`], in their order.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.0.calls).clone()
    }

    /// Counts calls from 0 again.
    pub fn forget_calls(&self) {
        lock(&self.0.calls).clear();
    }

    /// What happens at the call with this number, counted from the last [`Aws::forget_calls`]; once.
    pub fn inject(&self, number: usize, fault: Fault) {
        self.0.faults.plan(number, fault);
    }

    /// Whether the injected fault has happened.
    pub fn fault_struck(&self) -> bool {
        self.0.faults.struck()
    }

    /// Ends an outage.
    pub fn heal(&self) {
        self.0.faults.heal();
    }

    /// Ends when a fault kills the process that made the call.
    pub async fn killed(&self) {
        self.0.faults.killed().await;
    }

    /// Holds up the next `UpdateItem` whose update expression has this text in it, until [`HeldUp::go_on`].
    pub fn hold_up(&self, expression: &'static str) -> HeldUp {
        self.0.faults.hold_up(expression)
    }

    /// Lets concurrent calls reach AWS in another order for each seed.
    pub fn interleave(&self, seed: u64) {
        self.0.faults.interleave(seed);
    }

    /// Receives up to `max` visible messages of a queue, as an event source mapping does.
    pub fn receive(&self, queue: &str, max: usize) -> Vec<ReceivedMessage> {
        self.0.queues.receive(queue, max)
    }

    /// Deletes a received message.
    pub fn delete(&self, queue: &str, receipt_handle: &str) {
        self.0.queues.delete(queue, receipt_handle);
    }

    /// Empties a queue, hidden messages too.
    pub fn purge(&self, queue: &str) {
        self.0.queues.purge(queue);
    }

    /// Puts a message into a queue past everything, as someone with access to it may.
    pub fn send(&self, queue: &str, body: &str) {
        self.0.queues.send(queue, body.to_owned(), Duration::ZERO);
    }

    /// Delivers every message of a queue twice, as a standard queue may.
    pub fn duplicate_messages(&self, queue: &str) {
        self.0.queues.duplicate(queue);
    }

    /// Delivers the message at this position, modulo their number, once more; `None` if the queue is empty.
    pub fn deliver_again(&self, queue: &str, position: usize) -> Option<Again> {
        self.0.queues.deliver_again(queue, position)
    }

    /// Brings a queue's messages into another order for each seed: a standard queue promises none.
    pub fn shuffle(&self, queue: &str, seed: u64) {
        self.0.queues.shuffle(queue, seed);
    }

    /// The bodies of a queue's messages, hidden ones too.
    pub fn messages(&self, queue: &str) -> Vec<String> {
        self.0.queues.bodies(queue)
    }

    /// How long from now a message of these queues is visible again; `None` if they have none.
    pub fn next_visibility(&self, queues: &[&str]) -> Option<Duration> {
        self.0.queues.next_visibility(queues)
    }

    /// Every item of a table, for what no reader of the platform can see.
    pub fn items(&self, table: &str) -> Vec<serde_json::Value> {
        self.0.dynamodb.items(table)
    }
}

impl Default for Aws {
    fn default() -> Self {
        Self::new()
    }
}

/// A panicking test elsewhere must not hide its own message behind a poisoned lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
