//! Publishing events.

use domain::{
    Timestamp,
    audience::Audience,
    event::{self, Event},
    ids::EventId,
};
use runtime::metrics::{self, Metric};
use serde::{Deserialize, Serialize};

use super::{NewEvent, publication::Publication};
use crate::{
    Allowed, Application, Error, PublishEvents,
    idempotency::{self, Settled},
};

/// The most events in one batch.
pub const MAX_BATCH: usize = 100;

/// An event that the bus has. It will be delivered.
#[derive(Debug, Clone)]
pub struct Published {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub event_type: &'static str,
}

impl Published {
    /// The service that published it: its type's first segment.
    pub fn service(&self) -> &'static str {
        event::service_of(self.event_type)
    }

    /// When it was created.
    pub fn created_at(&self) -> Timestamp {
        self.id.created_at()
    }
}

/// The ids of a batch's events, in their order. There is none in the place of an event that was refused.
#[derive(Clone, Serialize, Deserialize)]
struct BatchPlan(Vec<Option<EventId>>);

impl Application {
    /// Publishes an event. Once this returns, the event will be delivered at least once to every endpoint that subscribes to
    /// it.
    ///
    /// Errors: [`Error::Invalid`] for the type and the data; [`Error::EventTypeReserved`].
    pub async fn publish(
        &self,
        actor: &Allowed<PublishEvents>,
        request: Option<&idempotency::Request>,
        new: NewEvent,
    ) -> Result<Published, Error> {
        let publication = Publication::check(new, actor)?;
        let event_type = publication.event_type();
        let request = request.map(|request| request.about(&publication.what())).transpose()?;
        let plan = self.draw_id(actor, &publication).await;

        let work = |id, _| async move {
            let event = publication.event(actor, id);
            self.bus.publish(&event, Audience::Subscribers).await?;
            self.note_published(&[&event]);
            Ok(Settled::ForGood(()))
        };
        let (id, ()) = self.once(actor, request.as_ref(), plan, work).await?;
        Ok(Published { id, event_type })
    }

    /// Publishes up to [`MAX_BATCH`] events, and returns one result for each, in their order. When one is refused, the others
    /// are published all the same.
    ///
    /// Errors: conflicts of the idempotency key; faults, before anything was published. The errors of single events are in their results.
    pub async fn publish_batch(
        &self,
        actor: &Allowed<PublishEvents>,
        request: Option<&idempotency::Request>,
        events: Vec<Result<NewEvent, Error>>,
    ) -> Result<Vec<Result<Published, Error>>, Error> {
        let checked: Vec<_> = events.into_iter().map(|new| Publication::check(new?, actor)).collect();
        let plan = self.draw_ids(actor, &checked).await?;
        let types: Vec<_> = checked
            .iter()
            .map(|checked| checked.as_ref().map(Publication::event_type).map_err(Error::clone))
            .collect();

        let work = |plan: BatchPlan, _| async move {
            let publications = checked.into_iter().map(Result::ok).zip(plan.0);
            let events: Vec<_> =
                publications.filter_map(|(publication, id)| Some(publication?.event(actor, id?))).collect();
            self.publish_events(&events).await
        };
        let (BatchPlan(ids), failed) = self.once(actor, request, Ok(plan), work).await?;

        let result = |(event_type, id): (Result<&'static str, Error>, Option<EventId>)| {
            let event_type = event_type?;
            match id.filter(|id| !failed.contains(id)) {
                Some(id) => Ok(Published { id, event_type }),
                None => Err(Error::Internal("the bus did not take the event".into())),
            }
        };
        Ok(types.into_iter().zip(ids).map(result).collect())
    }

    /// Publishes events, and returns those that the bus did not take. The same request publishes them later.
    async fn publish_events(&self, events: &[Event]) -> Result<Settled<Vec<EventId>>, Error> {
        let outcomes = self.bus.publish_all(events).await?;

        let (mut taken, mut failed) = (Vec::new(), Vec::new());
        for (event, outcome) in events.iter().zip(outcomes) {
            match outcome {
                Ok(()) => taken.push(event),
                Err(error) => {
                    tracing::error!(event.id = %event.id, %error, "event not accepted");
                    failed.push(event.id);
                }
            }
        }
        self.note_published(&taken);
        Ok(if failed.is_empty() { Settled::ForGood(failed) } else { Settled::ForNow(failed) })
    }

    /// An id for each event. If one cannot get an id, nothing is published, so that the same request can be sent again.
    async fn draw_ids(
        &self,
        actor: &Allowed<PublishEvents>,
        checked: &[Result<Publication, Error>],
    ) -> Result<BatchPlan, Error> {
        let mut ids = Vec::with_capacity(checked.len());
        for publication in checked {
            ids.push(match publication {
                Ok(publication) => Some(self.draw_id(actor, publication).await?),
                Err(_) => None,
            });
        }
        Ok(BatchPlan(ids))
    }

    /// Draws an id for an event. Its lane follows from the rate of its type.
    async fn draw_id(
        &self,
        actor: &Allowed<PublishEvents>,
        publication: &Publication,
    ) -> Result<EventId, Error> {
        let now = self.clock.now();
        let [draw] = runtime::random()?;

        let lane = self.log.count_and_choose_lane(&publication.arrival(actor, now, draw)).await?;
        Ok(publication.id(now, lane, runtime::random()?))
    }

    fn note_published(&self, events: &[&Event]) {
        for event in events {
            tracing::info!(event.id = %event.id, event.r#type = event.event_type, "event accepted");
        }
        let published = u64::try_from(events.len()).unwrap_or(u64::MAX);
        metrics::measure(self.clock.now(), &[(Metric::EventsPublished, published)]);
    }
}
