//! A failing endpoint's probe ticket.
//!
//! One message for each failing endpoint. Whenever it shows, it tries one held delivery that is due by its own schedule,
//! so no delivery is sent more often than its schedule says because it served as probe. Success lets all go; failure
//! counts, and the ticket backs off, twice as long each time, until the endpoint is paused.
//!
//! A test that was sent again is held like any other delivery, but no test counts. So one is tried only where nothing else is
//! due, and whatever is answered to it changes nothing of the endpoint.

use std::time::Duration;

use domain::{
    Timestamp,
    delivery::{Delivery, Status},
    endpoint::{Endpoint, Probe, State},
    event::Event,
    ids::EventId,
    retry::Next,
};
use runtime::batch::{Record, Verdict};
use storage::{EndpointRecord, Held};

use crate::{Deliver, Problem, delivery::Made, health, hold::Holder};

/// How often a ticket comes back before another one takes its place: well below what the queue allows for a message, and
/// far above what a probe of a schedule that is usual needs.
const RENEWED_AFTER: u32 = 25;

/// A held delivery and its event.
struct Candidate {
    delivery: Delivery,
    event: Event,
    is_test: bool,
}

/// What there is to try.
enum Try {
    One(Box<Candidate>),
    NotBefore(Timestamp),
    Nothing,
}

impl Deliver {
    pub(crate) async fn probe(
        &self,
        record: &Record,
        target: &EndpointRecord,
        id: &str,
    ) -> Result<Verdict, Problem> {
        let endpoint = &target.endpoint;
        let Some(probe) = endpoint.probe.as_ref().filter(|probe| probe.id == id) else {
            // That failing period is over. Whoever ended it may have died before the last thing to do about it.
            self.announce_pause(endpoint).await?;
            self.leave_nothing_held(endpoint).await?;
            return Ok(Verdict::Done);
        };
        if endpoint.state() != State::Active || !endpoint.is_failing(&self.thresholds) {
            return self.end_probe(endpoint, probe).await;
        }
        if !self.is_ticket(record, endpoint, probe).await? {
            return Ok(Verdict::Done);
        }
        if endpoint.health.consecutive_failures >= self.thresholds.pause_after {
            // Whoever counted that died before pausing.
            self.pause(endpoint).await?;
            return Ok(Verdict::Done);
        }
        if record.receive_count > RENEWED_AFTER {
            self.renew_probe(endpoint, probe).await?;
            return Ok(Verdict::Done);
        }
        if self.clock.now() < probe.due {
            return self.wait(record, probe.due).await;
        }
        match self.candidate(endpoint).await? {
            Try::One(candidate) => self.try_one(record, target, probe, *candidate).await,
            Try::NotBefore(due) => self.look_again(record, endpoint, probe, due).await,
            Try::Nothing => self.retire(endpoint, probe).await,
        }
    }

    /// The endpoint recovered by other means, or is not sent to any more.
    async fn end_probe(&self, endpoint: &Endpoint, probe: &Probe) -> Result<Verdict, Problem> {
        if endpoint.state() == State::Active {
            self.queue.release(endpoint.organization, endpoint.id).await?;
        }
        self.registry.end_probe(endpoint.organization, endpoint.id, &probe.id).await?;
        Ok(Verdict::Done)
    }

    /// Nothing is held, so nothing can be tried: the ticket goes, rather than coming back for nothing until the queue
    /// takes it for poison. The next delivery that is held starts another probe; one that was held just now, and saw this
    /// probe, is found by looking once more.
    async fn retire(&self, endpoint: &Endpoint, probe: &Probe) -> Result<Verdict, Problem> {
        self.registry.end_probe(endpoint.organization, endpoint.id, &probe.id).await?;
        self.leave_nothing_held(endpoint).await?;
        Ok(Verdict::Done)
    }

    /// Sees to it that somebody lets go what is held, where nobody has paused the endpoint.
    pub(crate) async fn leave_nothing_held(&self, endpoint: &Endpoint) -> Result<(), Problem> {
        let (organization, id) = (endpoint.organization, endpoint.id);
        if self.held_of(endpoint).await?.is_empty() {
            return Ok(());
        }
        let Some(current) = self.registry.endpoint(organization, id).await? else { return Ok(()) };
        match self.holder(&current.endpoint) {
            Holder::Owner => Ok(()),
            Holder::Probe => self.ensure_probe(&current.endpoint).await,
            Holder::Nobody => Ok(self.queue.release(organization, id).await?),
        }
    }

    async fn held_of(&self, endpoint: &Endpoint) -> Result<Held, Problem> {
        let (organization, left_held_until) = (endpoint.organization, endpoint.left_held_until);
        Ok(self.log.held(organization, endpoint.id, left_held_until, self.clock.now()).await?)
    }

    async fn is_ticket(&self, record: &Record, endpoint: &Endpoint, probe: &Probe) -> Result<bool, Problem> {
        match &probe.ticket {
            Some(ticket) => Ok(*ticket == record.message_id),
            None => {
                let (organization, id) = (endpoint.organization, endpoint.id);
                Ok(self.registry.take_probe(organization, id, &probe.id, &record.message_id).await?)
            }
        }
    }

    async fn candidate(&self, endpoint: &Endpoint) -> Result<Try, Problem> {
        let (organization, id, now) = (endpoint.organization, endpoint.id, self.clock.now());
        let held = self.held_of(endpoint).await?;
        if held.is_empty() {
            return Ok(Try::Nothing);
        }
        let (mut next_due, mut abandoned, mut test) = (held.next_due, Vec::new(), None);
        for marker in held.due {
            let Some(candidate) = self.held(endpoint, marker.event).await? else {
                abandoned.push(marker);
                continue;
            };
            match candidate.delivery.due_at() {
                // An earlier probe died before the marker said so, too.
                Some(due) if now < due => next_due = Some(next_due.map_or(due, |next| next.min(due))),
                _ if candidate.is_test => test = test.or(Some(candidate)),
                _ => return Ok(Try::One(Box::new(candidate))),
            }
        }
        self.log.drop_abandoned(organization, id, &abandoned, now).await?;

        match test {
            Some(test) => Ok(Try::One(Box::new(test))),
            None => Ok(Try::NotBefore(next_due.unwrap_or(now))),
        }
    }

    async fn held(&self, endpoint: &Endpoint, event: EventId) -> Result<Option<Candidate>, Problem> {
        let (organization, now) = (endpoint.organization, self.clock.now());
        let delivery = self.log.delivery(organization, endpoint.id, event, now).await?;
        let logged = self.log.event(organization, event, now).await?;
        let held = delivery.filter(|delivery| delivery.status == Status::Held).zip(logged);
        Ok(held.map(|(delivery, logged)| {
            let is_test = logged.is_test();
            Candidate { delivery, event: logged.event, is_test }
        }))
    }

    async fn try_one(
        &self,
        record: &Record,
        target: &EndpointRecord,
        probe: &Probe,
        candidate: Candidate,
    ) -> Result<Verdict, Problem> {
        let endpoint = &target.endpoint;
        let Candidate { delivery, event, is_test } = candidate;
        let held = delivery.clone();
        // Held all along: the ticket owns no delivery, so none may be left to it.
        let Made { delivery, next, is_recorded } =
            self.attempt_and_record(target, &event, delivery, Status::Held, !is_test).await?;
        let noted = delivery.attempts.last().map(|attempt| health::noted(endpoint, attempt));
        if is_recorded && delivery.next_attempt_at.is_some() {
            self.log.mark_held(endpoint.organization, &delivery).await?;
        } else if is_recorded {
            self.log.clear_held(endpoint.organization, &held).await?;
        }
        if is_test {
            return self.look_again(record, endpoint, probe, self.clock.now()).await;
        }
        match (next, noted) {
            (Next::Delivered, Some(noted)) => {
                // In this order: what dies in between is a ticket that comes back and lets go once more.
                self.queue.release(endpoint.organization, endpoint.id).await?;
                self.registry.note_success(endpoint.organization, endpoint.id, noted).await?;
                self.registry.end_probe(endpoint.organization, endpoint.id, &probe.id).await?;
                tracing::info!(endpoint.id = %endpoint.id, "endpoint recovered");
                Ok(Verdict::Done)
            }
            // It was disabled before the attempt was recorded, and its probe ended with that.
            (Next::EndpointGone, _) => Ok(Verdict::Done),
            (_, Some(noted)) => self.count_probe_failure(record, endpoint, probe, noted).await,
            (_, None) => self.look_again(record, endpoint, probe, self.clock.now()).await,
        }
    }

    async fn count_probe_failure(
        &self,
        record: &Record,
        endpoint: &Endpoint,
        probe: &Probe,
        noted: storage::Noted,
    ) -> Result<Verdict, Problem> {
        let delay_seconds = self.thresholds.probe_delay_after(probe.delay_seconds);
        let due = self.clock.now().after(Duration::from_secs(delay_seconds.into()));
        let postponed = Probe { due, delay_seconds, ..probe.clone() };
        let (organization, id) = (endpoint.organization, endpoint.id);
        let counted =
            self.registry.count_probe_failure(organization, id, noted, probe.due, &postponed).await?;
        match counted {
            // The probe is over, and whoever ended it may have let go all that was held before this was held once more: the
            // ticket looks after it when it comes back.
            None => self.come_back(record).await,
            Some(counted) if counted.health.consecutive_failures >= self.thresholds.pause_after => {
                self.pause(&counted).await?;
                Ok(Verdict::Done)
            }
            Some(_) => self.wait(record, due).await,
        }
    }

    /// Nothing was tried that counts: looks again when something is due, though no sooner and no later than a probe would.
    async fn look_again(
        &self,
        record: &Record,
        endpoint: &Endpoint,
        probe: &Probe,
        due: Timestamp,
    ) -> Result<Verdict, Problem> {
        let usual = self.clock.now().after(Duration::from_secs(probe.delay_seconds.into()));
        let latest =
            self.clock.now().after(Duration::from_secs(self.thresholds.probe_max_delay_seconds.into()));
        let due = due.max(usual).min(latest.max(usual));
        self.registry.postpone_probe(endpoint.organization, endpoint.id, &probe.id, due).await?;
        self.wait(record, due).await
    }
}
