//! Noting on the endpoint how an attempt went, and what follows: its probe, its pause, its release.

use std::time::Duration;

use domain::{
    Timestamp,
    attempt::Attempt,
    delivery::{Delivery, Purpose},
    endpoint::{Endpoint, Probe, State},
    event::Event,
    platform_event,
    retry::Next,
};
use messaging::Message;
use storage::Noted;

use crate::{Deliver, Problem};

/// How old `last_delivery_at` may become while all is well: a busy endpoint's item is written no more often than this.
const LAST_DELIVERY_PRECISION: Duration = Duration::from_mins(1);

/// A success that is noted sooner than this after its attempt began does not look for failures that other instances counted
/// meanwhile: the look costs a read, which no ordinary delivery should. Such failures stay counted until the next success.
const OVERLAPS_NOTHING_WITHIN: Duration = Duration::from_secs(1);

/// How long after a probe was due its ticket is taken for lost, as one is that ended in the dead-letter queue and was
/// put back under another id.
const LOST_AFTER: Duration = Duration::from_hours(1);

impl Deliver {
    /// Whether an attempt that is made for this purpose says how its endpoint fares. A test's do not, also when the test is sent
    /// again.
    pub(crate) async fn counts(&self, event: &Event, purpose: Purpose) -> Result<bool, Problem> {
        let may_be_test = match purpose {
            Purpose::Test => return Ok(false),
            Purpose::First | Purpose::Recheck => false,
            Purpose::Release { .. } | Purpose::Resend { .. } => platform_event::is_test(&event.event_type),
        };
        if !may_be_test {
            return Ok(true);
        }

        // Whom it was for is known to the log alone. It is asked only here, so ordinary deliveries cost no further read.
        let logged = self.log.event(event.organization, event.id, self.clock.now()).await?;
        Ok(logged.is_some_and(|logged| !logged.is_test()))
    }

    /// Notes an attempt that was not a probe's. True if the endpoint is failing now, so that the delivery is to be held.
    pub(crate) async fn note(
        &self,
        endpoint: &Endpoint,
        delivery: &Delivery,
        next: Next,
    ) -> Result<bool, Problem> {
        let Some(attempt) = delivery.attempts.last() else { return Ok(false) };
        let noted = noted(endpoint, attempt);
        match next {
            Next::Delivered => self.note_success(endpoint, noted).await.map(|()| false),
            // It was disabled before the attempt was recorded.
            Next::EndpointGone => Ok(false),
            Next::RetryAt(_) | Next::Exhausted => self.count_failure(endpoint, noted).await,
        }
    }

    async fn note_success(&self, endpoint: &Endpoint, noted: Noted) -> Result<(), Problem> {
        if !is_news(endpoint, noted) && !self.is_news_by_now(endpoint, noted).await? {
            return Ok(());
        }
        let before = self.registry.note_success(endpoint.organization, endpoint.id, noted).await?;
        // It recovered by an attempt that was under way when it began to fail: the probe's ticket would notice in its
        // time, this lets go at once what is held.
        match before {
            Some(before) if before.probe.is_some() => {
                Ok(self.queue.release(before.organization, before.id).await?)
            }
            _ => Ok(()),
        }
    }

    /// Whether a success is to be noted although the endpoint was well when the batch read it: other instances may have counted
    /// failures while the attempt lasted, and a success sets their count to 0. Only after an attempt that took
    /// [`OVERLAPS_NOTHING_WITHIN`] or longer are they looked for.
    async fn is_news_by_now(&self, endpoint: &Endpoint, noted: Noted) -> Result<bool, Problem> {
        if self.clock.now().since(noted.began) < OVERLAPS_NOTHING_WITHIN {
            return Ok(false);
        }
        let current = self.registry.endpoint(endpoint.organization, endpoint.id).await?;
        Ok(current.is_some_and(|current| is_news(&current.endpoint, noted)))
    }

    /// Disables an endpoint whose receiver says by a 410 that it is gone. False if the attempt says nothing of the endpoint any
    /// more: its owner has sent it elsewhere, or enabled it, since the attempt began.
    pub(crate) async fn disable_gone(&self, endpoint: &Endpoint, noted: Noted) -> Result<bool, Problem> {
        let (organization, id) = (endpoint.organization, endpoint.id);
        if self.registry.disable_gone(organization, id, noted).await? {
            tracing::warn!(endpoint.id = %id, "endpoint is gone (410); it is disabled");
            return Ok(true);
        }
        let current = self.registry.endpoint(organization, id).await?;
        // Deleted, or disabled by another attempt of the same batch.
        Ok(current.is_none_or(|current| current.endpoint.state() == State::Disabled))
    }

    async fn count_failure(&self, endpoint: &Endpoint, noted: Noted) -> Result<bool, Problem> {
        let (organization, id) = (endpoint.organization, endpoint.id);
        let limit = self.thresholds.failing_after;
        let Some(counted) = self.registry.count_failure(organization, id, noted, limit).await? else {
            // It overlapped a failure that is counted, or the endpoint is failing already; the next batch reads which.
            return Ok(false);
        };
        if !counted.is_failing(&self.thresholds) {
            return Ok(false);
        }
        tracing::warn!(endpoint.id = %id, "endpoint is failing; its deliveries are held");
        let replacing = counted.probe.as_ref().map(|probe| probe.id.clone());
        self.start_probe(&counted, replacing.as_deref()).await?;
        Ok(true)
    }

    /// Makes sure that a failing endpoint has its ticket in the queue, whoever died before sending it.
    pub(crate) async fn ensure_probe(&self, endpoint: &Endpoint) -> Result<(), Problem> {
        match &endpoint.probe {
            Some(probe) if probe.due.after(LOST_AFTER) < self.clock.now() => {
                self.start_probe(endpoint, Some(&probe.id)).await
            }
            Some(probe) if probe.sent => Ok(()),
            Some(probe) => self.send_ticket(endpoint, probe).await,
            None => self.start_probe(endpoint, None).await,
        }
    }

    async fn start_probe(&self, endpoint: &Endpoint, replacing: Option<&str>) -> Result<(), Problem> {
        let delay_seconds = self.thresholds.probe_initial_delay_seconds;
        let due = self.clock.now().after(Duration::from_secs(delay_seconds.into()));
        self.start_probe_due(endpoint, replacing, due, delay_seconds).await
    }

    /// Goes on with a probe by another ticket, before the queue takes the one that came so often for poison.
    pub(crate) async fn renew_probe(&self, endpoint: &Endpoint, probe: &Probe) -> Result<(), Problem> {
        self.start_probe_due(endpoint, Some(&probe.id), probe.due, probe.delay_seconds).await
    }

    async fn start_probe_due(
        &self,
        endpoint: &Endpoint,
        replacing: Option<&str>,
        due: Timestamp,
        delay_seconds: u32,
    ) -> Result<(), Problem> {
        let id = format!("{:032x}", u128::from_le_bytes(runtime::random()?));
        let probe = Probe { id, sent: false, ticket: None, due, delay_seconds };
        let (organization, generation) = (endpoint.organization, endpoint.generation);
        // Refused where the endpoint got a new start since it was seen failing: then there is no recovery to look for.
        if self.registry.start_probe(organization, endpoint.id, generation, &probe, replacing).await? {
            self.send_ticket(endpoint, &probe).await?;
        }
        Ok(())
    }

    async fn send_ticket(&self, endpoint: &Endpoint, probe: &Probe) -> Result<(), Problem> {
        let (organization, id) = (endpoint.organization, endpoint.id);
        let ticket = Message::Probe { organization, endpoint: id, probe: probe.id.clone() };
        // What fails may hang as well: a probe keeps nobody waiting but other slow ones.
        self.slow_queue.send_later(&ticket, probe.due.since(self.clock.now())).await?;
        self.registry.probe_sent(organization, id, &probe.id).await?;
        Ok(())
    }
}

/// Whether a success changes what an endpoint's item says.
fn is_news(endpoint: &Endpoint, noted: Noted) -> bool {
    let health = &endpoint.health;
    let is_fresh = |at: Timestamp| noted.ended.since(at) < LAST_DELIVERY_PRECISION;
    health.consecutive_failures > 0
        || endpoint.probe.is_some()
        || !health.last_delivery_at.is_some_and(is_fresh)
}

/// An attempt, as the health of its endpoint sees it; `endpoint` is as it was when the attempt began.
pub(crate) fn noted(endpoint: &Endpoint, attempt: &Attempt) -> Noted {
    Noted {
        began: attempt.at,
        ended: attempt.ended_at(),
        status: attempt.outcome.status(),
        generation: endpoint.generation,
    }
}
