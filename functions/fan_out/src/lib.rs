//! From an accepted event to the log and one message for each endpoint that matches.
//!
//! A message of the events queue is deleted only when two things are done. Its event is logged, with the endpoints that it
//! matched. And a message for each of them is in the deliveries queue.
//!
//! Any step may fail, and the function may die between two steps. Then the message comes back. Fan-out finds the event in the
//! log, and sends to the endpoints that are listed there. It marks these messages, so that what was delivered before is not
//! delivered twice. So an event's recipients are decided once.

use std::collections::HashMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    audience::Audience,
    delivery::Purpose,
    endpoint::{Endpoint, State},
    event::{CLOCKS_DIFFER, Event},
    ids::{EndpointId, EventId, OrganizationId},
};
use futures::future::join_all;
use messaging::{CarriedEvent, DeliveriesQueue, Envelope, Message, Received, Refused};
use runtime::{
    Clock,
    batch::{self, Record, Verdict},
    metrics::{self, Metric},
};
use storage::{Arrival, Log, LoggedEvent, Registry, Stored, Subscribers};

/// Fan-out and what it needs.
#[derive(Debug, Clone)]
pub struct FanOut {
    /// Where endpoints and subscriptions are read.
    pub registry: Registry,
    /// Where events are logged.
    pub log: Log,
    /// Where deliveries are sent.
    pub queue: DeliveriesQueue,
    /// The time.
    pub clock: Clock,
}

type SubscribersByOrganization = HashMap<OrganizationId, Result<Subscribers, storage::Error>>;

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("its subscribers were not read: {0}")]
    SubscribersNotRead(String),
    #[error("{0} is from the future: its time is ahead of the clock")]
    FromTheFuture(EventId),
    #[error("{0} is older than the log keeps events")]
    Expired(EventId),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Messaging(#[from] messaging::Error),
}

impl Problem {
    /// The stable code of a message that is no event, or that is not one yet. Only its publisher can mend it, and it goes to
    /// the dead-letter queue in the end. `None` for what failed here and may succeed the next time.
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Refused(refused) => Some(refused.code()),
            Self::Expired(_) => Some("event_expired"),
            Self::FromTheFuture(_) => Some("event_from_future"),
            Self::SubscribersNotRead(_) | Self::Storage(_) | Self::Messaging(_) => None,
        }
    }
}

/// What fan-out did with an event.
struct Routed {
    event: EventId,
    endpoints: usize,
    seen_before: bool,
}

impl FanOut {
    /// Handles a batch of the events queue.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let subscribers = self.read_subscribers(&event).await;
        batch::process(event, |record| self.route_record(record, &subscribers)).await
    }

    /// Reads the subscribers once for all events of an organization in the batch. These share most of their patterns and
    /// endpoints. A read that fails for one organization does not affect the others.
    async fn read_subscribers(&self, event: &SqsEvent) -> SubscribersByOrganization {
        let bodies = event.records.iter().filter_map(|record| record.body.as_deref());
        let envelopes: Vec<_> = bodies.filter_map(|body| Envelope::parse(body).ok()).collect();
        let mut types = HashMap::<_, Vec<_>>::new();
        for (organization, event_type) in envelopes.iter().filter_map(Envelope::subject) {
            types.entry(organization).or_default().push(event_type);
        }
        let reads = types.into_iter().map(|(organization, types)| async move {
            // Boxed: the futures of a batch's calls nest deeper than the compiler follows.
            (organization, Box::pin(self.registry.subscribers(organization, types)).await)
        });
        join_all(reads).await.into_iter().collect()
    }

    async fn route_record(&self, record: Record, subscribers: &SubscribersByOrganization) -> Verdict {
        match self.route(&record.body, subscribers).await {
            Ok(Routed { event, endpoints, seen_before }) => {
                tracing::info!(event.id = %event, endpoints, seen_before, "event routed");
                Verdict::Done
            }
            Err(problem) => {
                self.report(&record, &problem);
                Verdict::Again
            }
        }
    }

    fn report(&self, record: &Record, problem: &Problem) {
        let message = &record.message_id;
        let Some(code) = problem.refusal() else {
            tracing::error!(message.id = %message, error = %problem, "event not routed");
            return;
        };
        tracing::error!(message.id = %message, refusal.code = code, error = %problem, "event refused");
        metrics::measure(self.clock.now(), &[(Metric::EventsRefused, 1)]);
    }

    async fn route(&self, message: &str, subscribers: &SubscribersByOrganization) -> Result<Routed, Problem> {
        let received = Envelope::parse(message)?.event()?;
        // The log would drop its item at once, and with it everything about its deliveries.
        if received.event.has_expired(self.clock.now()) {
            return Err(Problem::Expired(received.event.id));
        }
        let audience = received.audience;
        let event = self.with_lane(received).await?;
        let (matched, disabled) = self.recipients(&event, audience, subscribers).await?;
        let routing = LoggedEvent { disabled, ..LoggedEvent::new(event, audience, matched) };
        let (LoggedEvent { event, matched, .. }, seen_before) =
            match self.log.put_event(routing.event.organization, &routing).await? {
                Stored::New => (routing, false),
                Stored::Before(earlier) => (*earlier, true),
            };
        let purpose = if audience.is_test(&event.event_type) {
            Purpose::Test
        } else if seen_before {
            Purpose::Recheck
        } else {
            Purpose::First
        };
        let carried = CarriedEvent::from(&event);
        let messages: Vec<_> = matched
            .iter()
            .map(|endpoint| Message::Deliver { endpoint: *endpoint, event: carried.clone(), purpose })
            .collect();
        self.queue.send(&messages).await?;
        if !seen_before {
            let now = self.clock.now();
            let lag = u64::try_from(now.since(event.created_at).as_millis()).unwrap_or(u64::MAX);
            metrics::measure(now, &[(Metric::EventsRouted, 1), (Metric::RoutingLag, lag)]);
        }
        Ok(Routed { event: event.id, endpoints: matched.len(), seen_before })
    }

    /// The event, with its lane in its id. A service that publishes straight to the bus may leave the lane open.
    async fn with_lane(&self, received: Received) -> Result<Event, Problem> {
        let Received { mut event, has_lane, .. } = received;
        if !has_lane {
            let now = self.clock.now();
            if event.created_at > now.after(CLOCKS_DIFFER) {
                return Err(Problem::FromTheFuture(event.id));
            }
            let arrival = Arrival {
                organization: event.organization,
                event_type: &event.event_type,
                livemode: event.livemode,
                at: event.created_at,
                bytes: event.data.as_json().len(),
                draw: event.id.spread(),
            };
            event.id = event.id.in_lane(self.log.count_and_choose_settled_lane(&arrival, now).await?);
        }
        Ok(event)
    }

    /// The endpoints that the event is sent to, and the disabled ones, for which nothing is kept. The event is also sent to
    /// paused endpoints. `deliver` decides the state of each delivery, and holds theirs.
    async fn recipients(
        &self,
        event: &Event,
        audience: Audience,
        subscribers: &SubscribersByOrganization,
    ) -> Result<(Vec<EndpointId>, Vec<EndpointId>), Problem> {
        if let Audience::Only(id) = audience {
            let addressed = self.registry.endpoints([(event.organization, id)]).await?;
            return Ok(split(addressed.iter().map(|record| &record.endpoint)));
        }
        let subscribers = match subscribers.get(&event.organization) {
            Some(Ok(subscribers)) => subscribers,
            Some(Err(error)) => return Err(Problem::SubscribersNotRead(error.to_string())),
            None => return Err(Problem::SubscribersNotRead("they were not asked for".into())),
        };
        let subscribed = subscribers.of(&event.event_type);
        Ok(split(subscribed.filter(|endpoint| audience != Audience::SubscribersBut(endpoint.id))))
    }
}

/// Splits off the disabled endpoints.
fn split<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> (Vec<EndpointId>, Vec<EndpointId>) {
    let (disabled, sent_to): (Vec<_>, Vec<_>) =
        endpoints.partition(|endpoint| endpoint.state() == State::Disabled);
    let ids = |endpoints: Vec<&Endpoint>| endpoints.into_iter().map(|endpoint| endpoint.id).collect();
    (ids(sent_to), ids(disabled))
}
