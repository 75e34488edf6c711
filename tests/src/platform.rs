//! The platform in process: the three functions on [`Aws`], and what Lambda does around them.

mod caller;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use application::{Application, Limits};
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use axum::{Router, body::Body};
use deliver::{Deliver, NotedSlow};
use domain::{
    endpoint::{Endpoint, Settings, Thresholds},
    ids::{KeyId, OrganizationId},
    key::{ApiKey, KeyName, KeyRecord},
    retry::RetryPolicy,
    scope::{Scope, Scopes},
};
use egress::{AddressPolicy, Client, Resolver, RootCertStore, SystemResolver};
use fan_out::FanOut;
use hyper::{Request, Response};
use messaging::{Bus, DeliveriesQueue};
use storage::{Log, Registry};
use tower::ServiceExt;
use vault::Vault;

use crate::{
    aws::{Aws, ReceivedMessage},
    template::Template,
};

pub use caller::{Answer, Caller, Hook};

/// Events on their way to fan-out.
pub const EVENTS: &str = "EventsQueue";
/// Where events end that fan-out cannot take.
pub const EVENTS_DEAD_LETTERS: &str = "EventsDeadLetterQueue";
/// Deliveries on their way to their receivers.
pub const DELIVERIES: &str = "DeliveriesQueue";
/// Deliveries on their way to receivers that do not answer promptly.
pub const SLOW_DELIVERIES: &str = "SlowDeliveriesQueue";
/// Where deliveries end that crash the function.
pub const DELIVERIES_DEAD_LETTERS: &str = "DeliveriesDeadLetterQueue";

/// More rounds of redelivery than any test needs: a message that still comes back never settles.
const MAX_ROUNDS: usize = 1_000;

/// What a deployment sets.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Which addresses may be sent to.
    pub address_policy: AddressPolicy,
    /// The most endpoints of one organization.
    pub endpoints_per_organization: u32,
    /// The retry policy of endpoints that choose none.
    pub retry_policy: RetryPolicy,
    /// When endpoints count as failing and are paused.
    pub thresholds: Thresholds,
    /// Resolves endpoints' hosts.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for Deployment {
    /// As the template's defaults have it, but that receivers on loopback may be sent to, and that a machine which is busy
    /// with other tests makes no endpoint slow.
    fn default() -> Self {
        let template = Template::of_project();
        let number = |name: &str| u32::try_from(template.parameter(name)).unwrap();
        let retry_policy = RetryPolicy::new(
            number("RetryMaxRetries"),
            number("RetryInitialDelaySeconds"),
            number("RetryBackoffFactor").into(),
            number("RetryMaxDelaySeconds"),
        );
        Self {
            address_policy: AddressPolicy::AllowLoopback,
            endpoints_per_organization: number("MaxEndpointsPerOrganization"),
            retry_policy: retry_policy.unwrap(),
            thresholds: Thresholds {
                slow_after_milliseconds: 30_000,
                failing_after: number("FailingAfter"),
                pause_after: number("PauseAfter"),
                probe_initial_delay_seconds: number("ProbeInitialDelaySeconds"),
                probe_max_delay_seconds: number("ProbeMaxDelaySeconds"),
            },
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl Deployment {
    /// What the API is told of it.
    pub fn limits(&self) -> Limits {
        Limits {
            endpoints_per_organization: self.endpoints_per_organization,
            retry_policy: self.retry_policy,
        }
    }
}

/// A change of an endpoint's settings, as [`Registry::update_endpoint`] takes it.
pub fn changing(
    change: impl Fn(&mut Settings),
) -> impl Fn(Endpoint) -> std::future::Ready<Result<Settings, Infallible>> {
    move |Endpoint { mut settings, .. }| {
        change(&mut settings);
        std::future::ready(Ok(settings))
    }
}

/// The platform: three functions in one account.
#[derive(Debug)]
pub struct Platform {
    /// The account that it runs in.
    pub aws: Aws,
    deployment: Deployment,
    processes: Mutex<Processes>,
}

/// The functions' running processes, with what they keep in memory.
#[derive(Debug, Clone)]
struct Processes {
    api: Router,
    fan_out: Arc<FanOut>,
    deliver: Arc<Deliver>,
}

/// An organization and a key of it with every scope.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// The key's text.
    pub key: String,
}

impl Platform {
    /// A fresh platform as [`Deployment::default`] has it.
    pub fn new() -> Self {
        Self::deployed(Deployment::default())
    }

    /// A fresh platform with these settings.
    pub fn deployed(deployment: Deployment) -> Self {
        let aws = Aws::new();
        let processes = Mutex::new(Processes::start(&aws, &deployment));
        Self { aws, deployment, processes }
    }

    /// Ends the functions' processes and starts new ones, which remember nothing.
    pub fn restart(&self) {
        let started = Processes::start(&self.aws, &self.deployment);
        *self.processes.lock().unwrap_or_else(PoisonError::into_inner) = started;
    }

    /// A new organization, as the operator's tool makes it.
    pub async fn organization(&self) -> Organization {
        let now = self.aws.clock().now();
        let id = OrganizationId::new(now, runtime::random().unwrap());
        assert!(self.registry().create_organization(id, "an organization", now).await.unwrap());
        let key = self.key(id, &Scope::ALL, true).await;
        Organization { id, key }
    }

    /// A new key of an organization.
    pub async fn key(&self, organization: OrganizationId, scopes: &[Scope], livemode: bool) -> String {
        let (now, key) = (self.aws.clock().now(), ApiKey::new(livemode, &runtime::random().unwrap()));
        let names: Vec<_> = scopes.iter().map(ToString::to_string).collect();
        let record = KeyRecord {
            id: KeyId::new(now, runtime::random().unwrap()),
            organization,
            name: KeyName::parse("a key").unwrap(),
            scopes: Scopes::parse(&names).unwrap(),
            livemode,
            created_at: now,
        };
        self.registry().create_key(organization, &record, &key.hash()).await.unwrap();
        key.reveal().to_owned()
    }

    /// Calls the API with this key.
    pub fn with_key(&self, key: &str) -> Caller<'_> {
        Caller::new(self, Some(key))
    }

    /// Calls the API without a key.
    pub fn without_key(&self) -> Caller<'_> {
        Caller::new(self, None)
    }

    /// The registry table.
    pub fn registry(&self) -> Registry {
        Registry::new(&self.aws.config(), "RegistryTable".into())
    }

    /// The log table.
    pub fn log(&self) -> Log {
        Log::new(&self.aws.config(), "LogTable".into())
    }

    /// A vault that has opened nothing yet.
    pub fn vault(&self) -> Vault {
        vault(&self.aws)
    }

    /// Runs the API for one request; `None` if a fault killed it.
    pub async fn request(&self, request: Request<Body>) -> Option<Response<Body>> {
        let api = self.processes().api;
        let answered = self.invoke(api.oneshot(request)).await?;
        Some(answered.expect("the router always answers"))
    }

    /// Hands visible messages to the functions until there are none.
    pub async fn pump(&self) {
        while self.pump_events().await | self.pump_deliveries().await {}
    }

    /// Hands one batch of events to fan-out; false if none was visible.
    pub async fn pump_events(&self) -> bool {
        let fan_out = self.processes().fan_out;
        self.pump_queue(EVENTS, usize::MAX, |event| async move { fan_out.handle(event).await }).await
    }

    /// Hands one batch of each queue of deliveries to deliver; false if none was visible.
    pub async fn pump_deliveries(&self) -> bool {
        let most = usize::MAX;
        self.pump_deliveries_of(DELIVERIES, most).await | self.pump_deliveries_of(SLOW_DELIVERIES, most).await
    }

    /// Hands a batch of at most `max` deliveries of this queue to deliver; false if none was visible.
    pub async fn pump_deliveries_of(&self, queue: &str, max: usize) -> bool {
        let deliver = self.processes().deliver;
        self.pump_queue(queue, max, |event| async move { deliver.handle(event).await }).await
    }

    /// The same, but the process dies when all is done and nothing is deleted yet: every message of the batch comes back.
    pub async fn pump_deliveries_undeleted(&self, queue: &str, max: usize) -> bool {
        let deliver = self.processes().deliver;
        let batch = self.aws.receive(queue, max.min(self.aws.template().batch_size(queue)));
        if batch.is_empty() {
            return false;
        }
        self.invoke(deliver.handle(event_of(queue, &batch))).await;
        self.restart();
        true
    }

    /// Moves the clock to when the next hidden message comes back; false if there is none.
    pub fn advance_to_next_visibility(&self) -> bool {
        let next = self.aws.next_visibility(&[EVENTS, DELIVERIES, SLOW_DELIVERIES]);
        next.inspect(|span| self.aws.advance(*span)).is_some()
    }

    /// Lets time pass until every message is done with or dead.
    pub async fn settle(&self) {
        for _ in 0..MAX_ROUNDS {
            self.pump().await;
            if !self.advance_to_next_visibility() {
                return;
            }
        }
        panic!(
            "messages keep coming back: {:?}",
            [EVENTS, DELIVERIES, SLOW_DELIVERIES].map(|queue| self.aws.messages(queue))
        );
    }

    /// What an event source mapping with partial batch responses does with one batch.
    async fn pump_queue<F>(&self, queue: &str, max: usize, handle: impl FnOnce(SqsEvent) -> F) -> bool
    where
        F: Future<Output = SqsBatchResponse>,
    {
        let batch = self.aws.receive(queue, max.min(self.aws.template().batch_size(queue)));
        if batch.is_empty() {
            return false;
        }
        // Nothing is deleted after a process that died.
        let Some(response) = self.invoke(handle(event_of(queue, &batch))).await else { return true };
        let kept = |message: &ReceivedMessage| {
            response.batch_item_failures.iter().any(|failure| failure.item_identifier == message.message_id)
        };
        for message in batch.iter().filter(|message| !kept(message)) {
            self.aws.delete(queue, &message.receipt_handle);
        }
        true
    }

    /// Runs an invocation to its end, or until a fault kills its process.
    async fn invoke<T>(&self, invocation: impl Future<Output = T>) -> Option<T> {
        let ended = tokio::select! {
            biased;
            () = self.aws.killed() => None,
            ended = invocation => Some(ended),
        };
        if ended.is_none() {
            self.restart();
        }
        // An outage lasts for the invocation that it struck.
        self.aws.heal();
        ended
    }

    fn processes(&self) -> Processes {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for Platform {
    fn default() -> Self {
        Self::new()
    }
}

impl Processes {
    /// As the functions' `main` wires them.
    fn start(aws: &Aws, deployment: &Deployment) -> Self {
        let config = aws.config();
        let registry = Registry::new(&config, "RegistryTable".into());
        let log = Log::new(&config, "LogTable".into());
        let queue_named = |name: &str| {
            let url = format!("https://sqs.eu-central-1.amazonaws.com/123456789012/{name}");
            DeliveriesQueue::new(&config, url)
        };
        let (queue, slow_queue) = (queue_named(DELIVERIES), queue_named(SLOW_DELIVERIES));
        let bus = Bus::new(&config, aws.template().rule().bus);
        let application = Application {
            registry: registry.clone(),
            log: log.clone(),
            bus: bus.clone(),
            queue: queue.clone(),
            vault: vault(aws),
            resolver: Arc::clone(&deployment.resolver),
            address_policy: deployment.address_policy,
            clock: aws.clock(),
            limits: deployment.limits(),
        };
        let deliver = Deliver {
            registry: registry.clone(),
            log: log.clone(),
            queue: queue.clone(),
            slow_queue,
            bus,
            vault: vault(aws),
            client: Client::new(Arc::clone(&deployment.resolver), RootCertStore::empty()).unwrap(),
            address_policy: deployment.address_policy,
            thresholds: deployment.thresholds,
            clock: aws.clock(),
            noted_slow: NotedSlow::default(),
        };
        let fan_out = FanOut { registry, log, queue, clock: aws.clock() };
        Self { api: api::router(application), fan_out: Arc::new(fan_out), deliver: Arc::new(deliver) }
    }
}

fn vault(aws: &Aws) -> Vault {
    let config = aws.config();
    Vault::new(&config, aws.kms_key(), Registry::new(&config, "RegistryTable".into()))
}

fn event_of(queue: &str, batch: &[ReceivedMessage]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(|received| record_of(queue, received)).collect();
    event
}

fn record_of(queue: &str, received: &ReceivedMessage) -> SqsMessage {
    let mut message = SqsMessage::default();
    message.event_source_arn = Some(format!("arn:aws:sqs:eu-central-1:123456789012:{queue}"));
    message.message_id = Some(received.message_id.clone());
    message.receipt_handle = Some(received.receipt_handle.clone());
    message.body = Some(received.body.clone());
    let count = received.receive_count.to_string();
    message.attributes = HashMap::from([("ApproximateReceiveCount".to_owned(), count)]);
    message
}
