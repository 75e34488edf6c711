//! Sending deliveries again, page by page: what was held, once its endpoint recovered or was unpaused; what waits for its retry,
//! once its endpoint got a new start; and what a person asks for.
//!
//! Each page sends its deliveries' messages and then one message for the next page, which shows a second later; so a
//! replay goes at [`PAGE`] deliveries a second and never holds a function for long. A page that is handled twice sends
//! twice; each delivery's message names the attempts that it was sent for, so only one of the two does anything, unless a
//! delivery failed again in between: then it is asked for again.

use std::time::Duration;

use domain::{
    delivery::{Delivery, Purpose, Status},
    endpoint::{Endpoint, State},
    ids::EventId,
};
use messaging::{CarriedEvent, Message, Replay, Selection};
use runtime::batch::{Record, Verdict};
use storage::{DeliveryFilter, HeldMarker};

use crate::{Deliver, Problem};

/// How many deliveries one page sends.
const PAGE: usize = 100;
/// How many pages of what was left held are passed over at one go.
const PASSED_OVER: usize = 50;
/// The wait between pages.
const PACE: Duration = Duration::from_secs(1);
/// How often a replay looks for the change that it follows, before it takes it that the change never came: longer than
/// the function that makes the change may run.
const PATIENCE: u32 = 40;

/// A page: what it sends again, and where the next one begins.
struct Page {
    deliveries: Vec<Delivery>,
    next: Option<String>,
}

impl Deliver {
    pub(crate) async fn replay(
        &self,
        record: &Record,
        endpoint: &Endpoint,
        replay: Replay,
    ) -> Result<Verdict, Problem> {
        let holding = endpoint.state() != State::Active || endpoint.is_failing(&self.thresholds);
        let is_early = match replay.selection {
            Selection::Held => holding,
            Selection::Retrying { generation } => endpoint.generation < generation,
            Selection::Status { .. } => false,
        };
        if is_early && replay.cursor.is_none() && record.receive_count <= PATIENCE {
            return self.wait_for_the_change(record).await;
        }

        match replay.selection {
            // The change never came, or the endpoint was failing again before all was sent: the rest stays held, and somebody is
            // seen to let it go later.
            Selection::Held if holding => {
                self.leave_nothing_held(endpoint).await?;
                return Ok(Verdict::Done);
            }
            // The change never came, or the endpoint failed again or was paused after it: every delivery still has its own
            // message, which comes by its schedule.
            Selection::Retrying { .. } if is_early || holding => return Ok(Verdict::Done),
            Selection::Status { .. } if endpoint.state() == State::Disabled => return Ok(Verdict::Done),
            // What a person asks for while the endpoint is failing or paused joins what is held.
            Selection::Held | Selection::Retrying { .. } | Selection::Status { .. } => {}
        }
        self.send_page(endpoint, replay).await
    }

    /// Sends a page's deliveries, and then what brings the next page.
    async fn send_page(&self, endpoint: &Endpoint, replay: Replay) -> Result<Verdict, Problem> {
        let page = self.replay_page(endpoint, &replay).await?;
        let mut messages = Vec::with_capacity(page.deliveries.len());
        for delivery in &page.deliveries {
            messages.extend(self.again(delivery, &replay.selection).await?);
        }
        self.queue.send(&messages).await?;
        tracing::info!(endpoint.id = %endpoint.id, deliveries = messages.len(), "replay page sent");

        if let Some(cursor) = page.next {
            let rest = Message::Replay(Replay { cursor: Some(cursor), ..replay });
            self.queue.send_later(&rest, PACE).await?;
        }
        Ok(Verdict::Done)
    }

    /// What sends what waits at an endpoint, held or for its retry, is in the queue before the change that it follows is
    /// written: it looks again a little later.
    async fn wait_for_the_change(&self, record: &Record) -> Result<Verdict, Problem> {
        self.queue_of(record).postpone(&record.receipt_handle, PACE).await?;
        Ok(Verdict::Again)
    }

    async fn replay_page(&self, endpoint: &Endpoint, replay: &Replay) -> Result<Page, Problem> {
        let (organization, id, now) = (endpoint.organization, endpoint.id, self.clock.now());

        match &replay.selection {
            Selection::Held => {
                let (mut markers, next) = self.markers(endpoint, replay.cursor.clone()).await?;
                let events: Vec<_> = markers.iter().map(|marker| marker.event).collect();
                let mut deliveries = self.log.deliveries_of_endpoint(organization, id, &events, now).await?;
                deliveries.retain(|delivery| delivery.status == Status::Held);
                markers.retain(|marker| deliveries.iter().all(|held| held.event != marker.event));
                self.log.drop_abandoned(organization, id, &markers, now).await?;
                Ok(Page { deliveries, next })
            }
            Selection::Status { status, after, before } => {
                let filter =
                    DeliveryFilter { status: Some(*status), after: Some(*after), before: Some(*before) };
                self.listed_page(endpoint, filter, replay.cursor.as_deref()).await
            }
            Selection::Retrying { .. } => {
                let filter = DeliveryFilter { status: Some(Status::Retrying), after: None, before: None };
                self.listed_page(endpoint, filter, replay.cursor.as_deref()).await
            }
        }
    }

    /// A page of the deliveries that a list has.
    async fn listed_page(
        &self,
        endpoint: &Endpoint,
        filter: DeliveryFilter,
        cursor: Option<&str>,
    ) -> Result<Page, Problem> {
        let position = cursor.and_then(|cursor| EventId::parse(cursor).ok());
        let now = self.clock.now();
        let deliveries =
            self.log.list_deliveries(endpoint.organization, endpoint.id, filter, position, PAGE, now).await?;

        let is_full = deliveries.len() == PAGE;
        let next = deliveries.last().filter(|_| is_full).map(|last| last.event.to_string());
        Ok(Page { deliveries, next })
    }

    /// A page of what is held and was not left so, and the cursor of the next one. Pages of nothing else are passed over, in
    /// bounds.
    async fn markers(
        &self,
        endpoint: &Endpoint,
        mut cursor: Option<String>,
    ) -> Result<(Vec<HeldMarker>, Option<String>), Problem> {
        let (organization, id) = (endpoint.organization, endpoint.id);
        for _ in 0..PASSED_OVER {
            let (mut markers, next) = self.log.held_page(organization, id, cursor.as_deref(), PAGE).await?;
            markers.retain(|marker| !marker.is_left(endpoint.left_held_until));
            if !markers.is_empty() || next.is_none() {
                return Ok((markers, next));
            }
            cursor = next;
        }
        Ok((Vec::new(), cursor))
    }

    /// The message that sends a delivery again; none if its event is gone from the log.
    async fn again(&self, delivery: &Delivery, selection: &Selection) -> Result<Option<Message>, Problem> {
        let logged = self.log.event(delivery.organization, delivery.event, self.clock.now()).await?;
        let purpose = match (selection, delivery.status) {
            (Selection::Held | Selection::Retrying { .. }, _) | (_, Status::Held) => {
                Purpose::release(delivery)
            }
            (Selection::Status { .. }, _) => Purpose::resend(delivery),
        };
        Ok(logged.map(|logged| Message::Deliver {
            endpoint: delivery.endpoint,
            event: CarriedEvent::from(&logged.event),
            purpose,
        }))
    }
}
