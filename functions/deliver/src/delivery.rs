//! One delivery's message: its record is read where there may be one, [`step`] decides, the step is taken.

use std::time::Duration;

use domain::{
    Timestamp,
    attempt::Attempt,
    delivery::{Delivery, Purpose, Status, Step, step},
    endpoint::{Endpoint, State},
    event::Event,
    retry::{self, Next},
};
use runtime::{
    batch::{Record, Verdict},
    metrics::{self, Metric},
};
use storage::EndpointRecord;

use crate::{
    Deliver, Problem,
    attempt::{Attempted, attempt},
    health::noted,
};

/// How long after its deadline an attempt must have been recorded: whoever brings the delivery again then takes it that
/// the function died.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// How long after its creation an event can only be in its first round through the queues.
const FRESH_FOR: Duration = Duration::from_mins(10);

/// An attempt that was made.
pub(crate) struct Made {
    /// The delivery after it.
    pub(crate) delivery: Delivery,
    /// What comes next.
    pub(crate) next: Next,
    /// Whether it is on the record. If not, somebody else recorded something meanwhile: that stands.
    pub(crate) is_recorded: bool,
}

impl Deliver {
    pub(crate) async fn deliver(
        &self,
        record: &Record,
        target: &EndpointRecord,
        event: Event,
        purpose: Purpose,
    ) -> Result<Verdict, Problem> {
        let endpoint = &target.endpoint;
        if event.has_expired(self.clock.now()) {
            return Ok(self.drop_expired(&event, endpoint));
        }
        // The first sight of a first attempt needs no read: nothing can have been recorded. What comes late may have been
        // put back from the dead-letter queue, which makes its receive count begin anew.
        let is_fresh = self.clock.now().since(event.created_at) < FRESH_FOR;
        let recorded = if record.receive_count == 1 && purpose == Purpose::First && is_fresh {
            None
        } else {
            self.log.delivery(event.organization, endpoint.id, event.id, self.clock.now()).await?
        };
        let mut delivery = recorded.unwrap_or_else(|| Delivery::pending(&event, endpoint.id));
        let failing = endpoint.is_failing(&self.thresholds);
        let step = step(&delivery, purpose, endpoint.state(), failing, self.clock.now());
        if matches!(purpose, Purpose::Resend { attempts } if attempts == delivery.attempts_made()) {
            delivery.attempts_before_resend = delivery.attempts_made();
        }
        match step {
            Step::Drop => {
                if delivery.succeeded_at_once() {
                    self.log.drop_steps_beside(event.organization, &delivery).await?;
                }
                if endpoint.state() == State::Disabled {
                    self.give_up(&delivery).await?;
                }
                Ok(Verdict::Done)
            }
            Step::Hold => self.hold(record, delivery).await,
            Step::Wait(due) => self.wait(record, due).await,
            Step::Attempt if self.is_to_go_slow(record, endpoint) => {
                self.go_slow(endpoint, &event, purpose).await
            }
            Step::Attempt => self.send(record, target, &event, delivery, purpose).await,
        }
    }

    /// The event is gone from the log and the delivery's record with it: there is no telling how often it was attempted, and
    /// nowhere to write what comes of another attempt. It may never have been attempted, if it waited among the dead letters
    /// or came over the bus with a time that was nearly too old: so it is said and counted, not dropped in silence.
    fn drop_expired(&self, event: &Event, endpoint: &Endpoint) -> Verdict {
        tracing::warn!(
            event.id = %event.id,
            endpoint.id = %endpoint.id,
            refusal.code = "delivery_expired",
            "delivery dropped: the log keeps its event no longer"
        );
        metrics::measure(self.clock.now(), &[(Metric::DeliveriesExpired, 1)]);
        Verdict::Done
    }

    /// Ends a delivery that is dropped because its endpoint is disabled or gone. What is held stays so: it is let go when its
    /// endpoint is enabled.
    pub(crate) async fn give_up(&self, delivery: &Delivery) -> Result<(), Problem> {
        if matches!(delivery.status, Status::Pending | Status::Retrying) {
            self.log.give_up(delivery.organization, delivery, self.clock.now()).await?;
        }
        Ok(())
    }

    async fn send(
        &self,
        record: &Record,
        target: &EndpointRecord,
        event: &Event,
        delivery: Delivery,
        purpose: Purpose,
    ) -> Result<Verdict, Problem> {
        let endpoint = &target.endpoint;
        let counts = self.counts(event, purpose).await?;

        let held = (delivery.status == Status::Held).then(|| delivery.clone());
        let lease = self.clock.now().after(endpoint.settings.timeout.duration() + LEASE_MARGIN);
        // A first attempt needs no read and no claim: only a duplicated message could run beside it, once.
        if matches!(delivery.status, Status::Retrying | Status::Held)
            && !self.log.take_attempt(endpoint.organization, &delivery, self.clock.now(), lease).await?
        {
            return self.wait(record, lease).await;
        }
        let on_retry = if purpose == Purpose::Test { Status::Failed } else { Status::Retrying };
        let Made { delivery, next, is_recorded } =
            self.attempt_and_record(target, event, delivery, on_retry, counts).await?;
        if !is_recorded {
            // It was made all the same, and says as much of its endpoint.
            if counts {
                self.note(endpoint, &delivery, next).await?;
            }
            return self.come_back(record).await;
        }
        if let Some(held) = held {
            self.log.clear_held(endpoint.organization, &held).await?;
        }
        if purpose == Purpose::Test {
            return Ok(Verdict::Done);
        }
        let now_failing = counts && self.note(endpoint, &delivery, next).await?;
        match delivery.next_attempt_at {
            // It stays in the queue only while its endpoint is expected to recover by itself.
            Some(_) if now_failing => self.hold(record, delivery).await,
            Some(due) => self.wait(record, due).await,
            None => Ok(Verdict::Done),
        }
    }

    /// Makes one attempt and records it.
    ///
    /// `on_retry` is the delivery's status after a failure, if it has retries left. Where that is [`Status::Failed`], as for a test,
    /// no retry follows. `counts` says whether the attempt counts for the endpoint's health, so that a 410 may disable it.
    pub(crate) async fn attempt_and_record(
        &self,
        target: &EndpointRecord,
        event: &Event,
        delivery: Delivery,
        on_retry: Status,
        counts: bool,
    ) -> Result<Made, Problem> {
        let endpoint = &target.endpoint;
        let Attempted { attempt, retry_after } =
            attempt(self, target, event, delivery.attempts_made() + 1).await?;

        let policy = &endpoint.settings.retry_policy;
        let (round, ended, jitter) =
            (delivery.attempts_in_round() + 1, attempt.ended_at(), runtime::jitter());
        let next = match retry::next(policy, round, &attempt.outcome, retry_after.as_deref(), ended, jitter) {
            // Disabled before the attempt is recorded, since a 410 ends its delivery only if it still means this endpoint.
            Next::EndpointGone
                if !counts || !self.disable_gone(endpoint, noted(endpoint, &attempt)).await? =>
            {
                retry::after_failure(policy, round, ended, jitter)
            }
            next => next,
        };

        let (status, next_attempt_at) = match next {
            Next::Delivered => (Status::Delivered, None),
            Next::RetryAt(due) if on_retry != Status::Failed => (on_retry, Some(due)),
            Next::RetryAt(_) | Next::Exhausted | Next::EndpointGone => (Status::Failed, None),
        };
        log_attempt(event, endpoint, &attempt, status);

        let made = delivery.clone().with_attempt(attempt, status, next_attempt_at);
        let recorded = self.log.put_delivery(made.organization, &delivery, made.clone()).await?;
        Ok(Made { is_recorded: recorded.is_some(), delivery: recorded.unwrap_or(made), next })
    }

    /// Brings the message back at once, when its delivery's record is read first.
    pub(crate) async fn come_back(&self, record: &Record) -> Result<Verdict, Problem> {
        self.queue_of(record).postpone(&record.receipt_handle, Duration::ZERO).await?;
        Ok(Verdict::Again)
    }

    /// Hides the message until then.
    pub(crate) async fn wait(&self, record: &Record, due: Timestamp) -> Result<Verdict, Problem> {
        self.queue_of(record).postpone(&record.receipt_handle, due.since(self.clock.now())).await?;
        Ok(Verdict::Again)
    }
}

fn log_attempt(event: &Event, endpoint: &Endpoint, attempt: &Attempt, status: Status) {
    tracing::info!(
        event.id = %event.id,
        endpoint.id = %endpoint.id,
        attempt.number,
        attempt.outcome = ?attempt.outcome,
        attempt.duration_ms,
        delivery.status = status.name(),
        "attempt ended"
    );
    let outcome =
        if attempt.outcome.is_success() { Metric::AttemptsSucceeded } else { Metric::AttemptsFailed };
    metrics::measure(attempt.ended_at(), &[(outcome, 1), (Metric::AttemptDuration, attempt.duration_ms)]);
}
