//! From an accepted event to the log and one message for each endpoint that matches.
//!
//! A message of the events queue is done with only when its event is logged with the endpoints that it matched and a
//! message for each of them is in the deliveries queue. Any step may fail, or the function die, between two of these:
//! then the message comes back, finds the event logged, and sends to the endpoints that were matched *then*, marked so
//! that what was delivered meanwhile is not delivered twice. So an event's recipients are decided once.

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use domain::{
    delivery::Purpose,
    endpoint::{Endpoint, State},
    event::{Audience, Event},
    ids::{EndpointId, EventId},
};
use messaging::{CarriedEvent, DeliveriesQueue, Envelope, Message, Refused};
use runtime::{
    Clock,
    batch::{self, Record, Verdict},
    metrics::{self, Metric},
};
use storage::{Log, LoggedEvent, Registry, Stored};

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

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Storage(#[from] storage::Error),
    #[error(transparent)]
    Messaging(#[from] messaging::Error),
}

/// What was done with an event.
struct Routed {
    event: EventId,
    endpoints: usize,
    seen_before: bool,
}

impl FanOut {
    /// Handles a batch of the events queue.
    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        batch::process(event, |record| self.route_record(record)).await
    }

    async fn route_record(&self, record: Record) -> Verdict {
        match self.route(&record.body).await {
            Ok(Routed { event, endpoints, seen_before }) => {
                tracing::info!(event.id = %event, endpoints, seen_before, "event routed");
                Verdict::Done
            }
            Err(problem) => {
                tracing::error!(message.id = %record.message_id, error = %problem, "event not routed");
                Verdict::Again
            }
        }
    }

    async fn route(&self, message: &str) -> Result<Routed, Problem> {
        let (event, audience) = Envelope::parse(message)?.event()?;
        let organization = event.organization;
        let (matched, disabled) = self.recipients(&event, audience).await?;
        let routing = LoggedEvent { event, matched, disabled };
        let (LoggedEvent { event, matched, .. }, seen_before) =
            match self.log.put_event(organization, &routing).await? {
                Stored::New => (routing, false),
                Stored::Before(earlier) => (*earlier, true),
            };
        let purpose = match (audience, seen_before) {
            (Audience::Only(_), _) => Purpose::Test,
            (_, true) => Purpose::Recheck,
            (_, false) => Purpose::First,
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

    /// The endpoints that the event is sent to, and the disabled ones, for which nothing is kept. Paused ones are sent to
    /// as well: their deliveries are held where every delivery's state is decided.
    async fn recipients(
        &self,
        event: &Event,
        audience: Audience,
    ) -> Result<(Vec<EndpointId>, Vec<EndpointId>), storage::Error> {
        let addressed = match audience {
            Audience::Only(id) => self.registry.endpoints([(event.organization, id)]).await?,
            _ => self.registry.endpoints_matching(event.organization, &event.event_type).await?,
        };
        let endpoints = addressed.into_iter().map(|record| record.endpoint);
        let meant = endpoints.filter(|endpoint| audience != Audience::SubscribersBut(endpoint.id));
        let (disabled, sent_to): (Vec<_>, Vec<_>) =
            meant.partition(|endpoint| endpoint.state() == State::Disabled);
        let ids = |endpoints: Vec<Endpoint>| endpoints.into_iter().map(|endpoint| endpoint.id).collect();
        Ok((ids(sent_to), ids(disabled)))
    }
}
