//! Slow endpoints wait for each other and for nobody else.
//!
//! An attempt that hangs keeps its instance of the function busy until its deadline, and its batch with it. An endpoint
//! that hangs and is busy would soon keep all of them busy. So as soon as an attempt is not answered promptly, the
//! endpoint counts as slow for a while, every batch sees that when it reads the endpoint, and its deliveries move on to
//! the slow queue, which has instances of its own. There they are attempted like any other: being slow is no failure.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use domain::{
    Timestamp,
    delivery::Purpose,
    endpoint::{Endpoint, SLOW_FOR},
    event::Event,
    ids::EndpointId,
};
use egress::PostOutcome;
use futures::future::{Either, select};
use messaging::{CarriedEvent, DeliveriesQueue, Message};
use runtime::{
    batch::{Record, Verdict},
    metrics::{self, Metric},
};

use crate::{Deliver, Problem};

/// The endpoints that this process found slow: one note serves all of their attempts that hang at once.
#[derive(Debug, Default)]
pub struct NotedSlow(Mutex<HashMap<EndpointId, Timestamp>>);

impl NotedSlow {
    /// Whether this process has noted nothing of the kind in the last half of [`SLOW_FOR`]; from then on it has.
    fn is_news(&self, endpoint: EndpointId, now: Timestamp) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, at| now.since(*at) < SLOW_FOR / 2);
        if noted.contains_key(&endpoint) {
            return false;
        }
        noted.insert(endpoint, now);
        true
    }
}

impl Deliver {
    /// Waits for an attempt's outcome, and notes while it lasts that the endpoint is slow.
    pub(crate) async fn outcome_of(
        &self,
        endpoint: &Endpoint,
        posting: impl Future<Output = PostOutcome>,
    ) -> PostOutcome {
        let mut posting = Box::pin(posting);
        let noting = Box::pin(async {
            tokio::time::sleep(self.thresholds.slow_after()).await;
            self.note_slow(endpoint).await;
        });
        match select(&mut posting, noting).await {
            // A note that takes long must not hold up the record of what happened.
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), posting)) => posting.await,
        }
    }

    /// Whether a delivery is to move on to the slow queue before it is attempted.
    pub(crate) fn is_to_go_slow(&self, record: &Record, endpoint: &Endpoint) -> bool {
        endpoint.health.is_slow(self.clock.now()) && !self.slow_queue.has_arn(&record.queue_arn)
    }

    /// Moves a delivery on to the slow queue.
    pub(crate) async fn go_slow(
        &self,
        endpoint: &Endpoint,
        event: &Event,
        purpose: Purpose,
    ) -> Result<Verdict, Problem> {
        // The new message is received for the first time, but its delivery may have been attempted before.
        let purpose = if purpose == Purpose::First { Purpose::Recheck } else { purpose };
        let message = Message::Deliver { endpoint: endpoint.id, event: CarriedEvent::from(event), purpose };
        self.slow_queue.send(&[message]).await?;
        metrics::measure(self.clock.now(), &[(Metric::DeliveriesSlowed, 1)]);
        Ok(Verdict::Done)
    }

    /// The queue that a message came from.
    pub(crate) fn queue_of(&self, record: &Record) -> &DeliveriesQueue {
        if self.slow_queue.has_arn(&record.queue_arn) { &self.slow_queue } else { &self.queue }
    }

    /// What goes wrong here costs time, and no delivery.
    async fn note_slow(&self, endpoint: &Endpoint) {
        let now = self.clock.now();
        // The endpoint is as its batch read it; the other attempts of that batch hang as well.
        if !endpoint.health.slowness_is_news(now) || !self.noted_slow.is_news(endpoint.id, now) {
            return;
        }
        let noted = self.registry.note_slow(endpoint.organization, endpoint.id, now.after(SLOW_FOR)).await;
        match noted {
            Ok(true) => tracing::warn!(endpoint.id = %endpoint.id, "endpoint is slow"),
            Ok(false) => {}
            Err(error) => tracing::warn!(endpoint.id = %endpoint.id, %error, "a slow endpoint was not noted"),
        }
    }
}
