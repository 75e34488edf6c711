//! The queues of deliveries. Fan-out sends one message for each event and endpoint. The message stays until its delivery is
//! settled or held.

use std::time::Duration;

use aws::SdkConfig;
use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use domain::{
    Timestamp,
    delivery::{Purpose, Status},
    event::Event,
    event_data::CarriedData,
    ids::{EndpointId, EventId, OrganizationId},
};
use serde::{Deserialize, Serialize};

use crate::Error;

/// The most messages of one `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;
/// The most bytes of one `SendMessageBatch`: 1 MiB, if the queue's `MaximumMessageSize` is as large.
const MAX_BYTES: usize = 1024 * 1024;
/// How often messages are sent in all, if the queue does not take them.
const TRIES: u32 = 5;
/// How long a release waits before it looks for the change that it belongs to.
const RELEASE_DELAY: Duration = Duration::from_secs(1);
/// The longest time for which SQS delays a new message.
const MAX_DELAY: Duration = Duration::from_mins(15);
/// The longest time for which a message is hidden. SQS allows 12 hours from its receive on, and handling it took some of that.
const MAX_VISIBILITY: Duration = Duration::from_hours(12).saturating_sub(Duration::from_mins(5));

/// One message of the deliveries queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Message {
    /// Deliver an event to an endpoint.
    Deliver {
        /// The endpoint.
        endpoint: EndpointId,
        /// The whole event, so that a first attempt does not need to read the log.
        event: CarriedEvent,
        /// Why.
        purpose: Purpose,
    },
    /// A probe ticket: try one held delivery of a failing endpoint.
    Probe {
        /// The endpoint's organization.
        organization: OrganizationId,
        /// The failing endpoint.
        endpoint: EndpointId,
        /// The probe's id, which the endpoint's item also has.
        probe: String,
    },
    /// Send deliveries of an endpoint again, page by page.
    Replay(Replay),
}

/// Deliveries of one endpoint that are sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// The endpoint's organization.
    pub organization: OrganizationId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Which of its deliveries.
    pub selection: Selection,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// Which deliveries a replay sends again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// All that is held.
    Held,
    /// Those with one status, of events that were created in a span of time.
    Status {
        /// The status: failed or held.
        status: Status,
        /// The span's beginning.
        after: Timestamp,
        /// The span's end.
        before: Timestamp,
    },
    /// What waits for its retry, once the endpoint has this generation. It is then sent to differently, and may accept what it
    /// refused before.
    Retrying {
        /// The generation.
        generation: u64,
    },
}

impl Message {
    /// The endpoint that it is about, with the endpoint's organization.
    pub fn endpoint(&self) -> (OrganizationId, EndpointId) {
        match self {
            Self::Deliver { endpoint, event, .. } => (event.organization, *endpoint),
            Self::Probe { organization, endpoint, .. } => (*organization, *endpoint),
            Self::Replay(replay) => (replay.organization, replay.endpoint),
        }
    }

    /// The message group: the endpoint. The queue shares its consumers fairly between groups, so that one customer's outage
    /// delays no other.
    fn group(&self) -> String {
        match self {
            Self::Deliver { endpoint, .. } | Self::Probe { endpoint, .. } => endpoint.to_string(),
            Self::Replay(replay) => replay.endpoint.to_string(),
        }
    }
}

/// An event as messages carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedEvent {
    id: EventId,
    organization: OrganizationId,
    #[serde(rename = "type")]
    event_type: String,
    data: CarriedData,
    livemode: bool,
    created_at: Timestamp,
}

impl CarriedEvent {
    /// The event that it belongs to.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The event, opened.
    pub fn open(self) -> Result<Event, domain::Invalid> {
        let Self { id, organization, event_type, data, livemode, created_at } = self;
        Ok(Event { id, organization, event_type, data: data.open()?, livemode, created_at })
    }
}

impl From<&Event> for CarriedEvent {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id,
            organization: event.organization,
            event_type: event.event_type.clone(),
            data: event.data.carried().clone(),
            livemode: event.livemode,
            created_at: event.created_at,
        }
    }
}

/// A queue of deliveries.
#[derive(Clone)]
pub struct DeliveriesQueue {
    client: Client,
    url: String,
}

impl std::fmt::Debug for DeliveriesQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeliveriesQueue({})", self.url)
    }
}

impl DeliveriesQueue {
    /// The queue at this URL.
    pub fn new(config: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(config), url }
    }

    /// Whether this is the queue with that ARN.
    pub fn has_arn(&self, arn: &str) -> bool {
        // An ARN and a URL of a queue both end in its name.
        let name = |whole: &str, separator| whole.rsplit(separator).next().map(str::to_owned);
        name(&self.url, '/') == name(arn, ':')
    }

    /// Sends one message that shows after `delay`, at most 15 minutes.
    pub async fn send_later(&self, message: &Message, delay: Duration) -> Result<(), Error> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 900")]
        let call = self.client.send_message().delay_seconds(delay.min(MAX_DELAY).as_secs_f64().ceil() as i32);
        let call = call.queue_url(&self.url).message_group_id(message.group());
        let call = call.message_body(serde_json::to_string(message)?).send().await;
        call.map_err(|error| aws::Fault::of("SendMessage", &error))?;
        Ok(())
    }

    /// Releases all that is held for an endpoint. Call this before the change that ends the holding, so that the release cannot
    /// be forgotten. Its message shows a second later, and waits for the change.
    pub async fn release(&self, organization: OrganizationId, endpoint: EndpointId) -> Result<(), Error> {
        let replay = Replay { organization, endpoint, selection: Selection::Held, cursor: None };
        self.send_later(&Message::Replay(replay), RELEASE_DELAY).await
    }

    /// Sends at once what waits for its retry, as soon as the endpoint has this generation. Call this before the change that
    /// begins the generation, like [`Self::release`].
    pub async fn retry_waiting(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        generation: u64,
    ) -> Result<(), Error> {
        let replay =
            Replay { organization, endpoint, selection: Selection::Retrying { generation }, cursor: None };
        self.send_later(&Message::Replay(replay), RELEASE_DELAY).await
    }

    /// Sends all of the messages. After an error, some may not have been sent, so all must be sent again.
    pub async fn send(&self, messages: &[Message]) -> Result<(), Error> {
        let mut batch = Vec::with_capacity(MAX_ENTRIES);
        let mut bytes = 0;
        for message in messages {
            let (body, group) = (serde_json::to_string(message)?, message.group());
            if batch.len() == MAX_ENTRIES || (bytes + body.len() > MAX_BYTES && !batch.is_empty()) {
                self.send_batch(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += body.len();
            batch.push((group, body));
        }
        if batch.is_empty() { Ok(()) } else { self.send_batch(batch).await }
    }

    /// Hides a received message for `delay` from now, at most 12 hours.
    pub async fn postpone(&self, receipt_handle: &str, delay: Duration) -> Result<(), Error> {
        let seconds = delay.min(MAX_VISIBILITY).as_secs_f64().ceil();
        #[expect(clippy::cast_possible_truncation, reason = "at most 43,200")]
        let call = self.client.change_message_visibility().visibility_timeout(seconds as i32);
        let call = call.queue_url(&self.url).receipt_handle(receipt_handle);
        call.send().await.map_err(|error| aws::Fault::of("ChangeMessageVisibility", &error))?;
        Ok(())
    }

    async fn send_batch(&self, messages: Vec<(String, String)>) -> Result<(), Error> {
        let entries = messages.into_iter().enumerate().map(|(position, (group, body))| {
            let entry = SendMessageBatchRequestEntry::builder().id(position.to_string());
            entry.message_group_id(group).message_body(body).build()
        });
        let mut open: Vec<_> = entries
            .collect::<Result<_, _>>()
            .map_err(|error| aws::Fault::new("SendMessageBatch", error.to_string()))?;
        for attempt in 0..TRIES {
            let call = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(open.clone()));
            let answer = call.send().await.map_err(|error| aws::Fault::of("SendMessageBatch", &error))?;
            open.retain(|entry| answer.failed().iter().any(|failed| failed.id() == entry.id()));
            if open.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Err(aws::Fault::new("SendMessageBatch", "entries stayed refused").into())
    }
}
