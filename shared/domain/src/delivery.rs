//! What became of one event at one endpoint.

use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    attempt::Attempt,
    endpoint::State,
    event::Event,
    ids::{EndpointId, EventId, OrganizationId},
};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Queued; no attempt has ended yet. Never stored: a delivery has its record only once something became of it.
    Pending,
    /// An attempt failed; the next one has its time.
    Retrying,
    /// The receiver took it.
    Delivered,
    /// Its retries are used up, or its endpoint was disabled or deleted before.
    Failed,
    /// Its endpoint is failing or paused: it waits and loses no retry.
    Held,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 5] = [Self::Pending, Self::Retrying, Self::Delivered, Self::Failed, Self::Held];

    /// Those that a record can have, and an endpoint's deliveries can be listed by. What is pending has no record yet.
    pub const RECORDED: [Status; 4] = [Self::Retrying, Self::Delivered, Self::Failed, Self::Held];

    /// The name that users see.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }

    /// The status with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// The record of one event's delivery to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The organization of both.
    pub organization: OrganizationId,
    /// To which endpoint.
    pub endpoint: EndpointId,
    /// Of which event.
    pub event: EventId,
    /// The event's type.
    pub event_type: String,
    /// Where it stands.
    pub status: Status,
    /// When its next attempt is planned, while it is [`Status::Retrying`] or [`Status::Held`]. While an attempt is under way, it
    /// is when that attempt was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// Set while an attempt is under way: by then it must be recorded, or the function that makes it has died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leased_until: Option<Timestamp>,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// How many of them were made before it was last sent again on request: its retries are counted from there.
    #[serde(default)]
    pub attempts_before_resend: u32,
    /// Whether it has had a record before it was settled: by then a success is not one at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_steps: bool,
    /// When the record last changed.
    pub updated_at: Timestamp,
}

impl Delivery {
    /// A delivery of which nothing is known yet.
    pub fn pending(event: &Event, endpoint: EndpointId) -> Self {
        Self {
            organization: event.organization,
            endpoint,
            event: event.id,
            event_type: event.event_type.clone(),
            status: Status::Pending,
            next_attempt_at: None,
            leased_until: None,
            attempts: Vec::new(),
            attempts_before_resend: 0,
            in_steps: false,
            updated_at: event.created_at,
        }
    }

    /// How many attempts have been made.
    pub fn attempts_made(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// How many attempts have been made since it was last sent again on request, or ever.
    pub fn attempts_in_round(&self) -> u32 {
        self.attempts_made().saturating_sub(self.attempts_before_resend)
    }

    /// When the next attempt may be made: as planned, and not while another one is under way. `None` if at once.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.next_attempt_at.max(self.leased_until)
    }

    /// Whether nothing more is owed.
    pub fn is_settled(&self) -> bool {
        matches!(self.status, Status::Delivered | Status::Failed)
    }

    /// Whether its record was written once and for all by a first attempt that succeeded.
    pub fn succeeded_at_once(&self) -> bool {
        self.status == Status::Delivered && self.attempts.len() == 1 && !self.in_steps
    }

    /// Whether this record continues the other one, as when that was sent again: it has the same first attempt.
    pub fn continues(&self, earlier: &Delivery) -> bool {
        !self.attempts.is_empty() && self.attempts.first() == earlier.attempts.first()
    }

    /// The record after one more attempt, which came to `status`.
    #[must_use]
    pub fn with_attempt(
        mut self,
        attempt: Attempt,
        status: Status,
        next_attempt_at: Option<Timestamp>,
    ) -> Self {
        self.updated_at = attempt.ended_at();
        self.attempts.push(attempt);
        self.status = status;
        self.next_attempt_at = next_attempt_at;
        self.leased_until = None;
        self
    }
}

/// Why a message asks for a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Its event was just routed: nothing can have become of it yet.
    First,
    /// Its event was routed before: something may have become of it.
    Recheck,
    /// It waited, held or for its retry, with so many attempts made. It goes out at once, whatever its schedule says.
    Release {
        /// The attempts made when it was let go.
        attempts: u32,
    },
    /// A person asks for it again, with so many attempts made: at once and with all its retries.
    Resend {
        /// The attempts made when it was asked for.
        attempts: u32,
    },
    /// A person tries the endpoint: one attempt, also while it is paused or failing.
    Test,
}

impl Purpose {
    /// To send a delivery at once that waits.
    pub fn release(waiting: &Delivery) -> Self {
        Self::Release { attempts: waiting.attempts_made() }
    }

    /// To send a delivery again because a person asks for it.
    pub fn resend(asked_for: &Delivery) -> Self {
        Self::Resend { attempts: asked_for.attempts_made() }
    }
}

/// What a message's delivery needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is settled, or its endpoint takes nothing.
    Drop,
    /// To be held until its endpoint recovers or is unpaused.
    Hold,
    /// To be left alone until then.
    Wait(Timestamp),
    /// An attempt.
    Attempt,
}

/// Decides what a message's delivery needs, from its record and its endpoint alone: so a message that comes twice, late
/// or after a crash does no more than its record leaves open.
pub fn step(record: &Delivery, purpose: Purpose, endpoint: State, failing: bool, now: Timestamp) -> Step {
    let wanted = match (purpose, record.status) {
        _ if endpoint == State::Disabled => Step::Drop,
        (Purpose::Resend { attempts }, _) if attempts == record.attempts_made() => Step::Attempt,
        // A test that was tried is over: what is open of it now was asked for since, by a message of its own.
        (_, Status::Delivered | Status::Failed) | (Purpose::Test, Status::Retrying | Status::Held) => {
            Step::Drop
        }
        (Purpose::Release { attempts }, Status::Held) if attempts < record.attempts_made() => Step::Drop,
        // What is let go skips its own schedule, but does not run beside an attempt that is under way.
        (Purpose::Release { attempts }, Status::Retrying) if attempts == record.attempts_made() => {
            attempt_from(record.leased_until, now)
        }
        (_, Status::Retrying) => attempt_from(record.due_at(), now),
        (_, Status::Pending | Status::Held) => Step::Attempt,
    };
    let holding = (endpoint == State::Paused || failing) && purpose != Purpose::Test;
    if holding && wanted != Step::Drop { Step::Hold } else { wanted }
}

fn attempt_from(due: Option<Timestamp>, now: Timestamp) -> Step {
    match due {
        Some(due) if now < due => Step::Wait(due),
        _ => Step::Attempt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{attempt::Outcome, ids::Lane};

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const LATER: Timestamp = Timestamp::from_millis(1_700_000_060_000);

    fn record(status: Status, attempts: u32, next_attempt_at: Option<Timestamp>) -> Delivery {
        let attempt = |number| Attempt {
            number,
            at: NOW,
            outcome: Outcome::Status(500),
            duration_ms: 1,
            address: None,
            answer: None,
        };
        Delivery {
            organization: OrganizationId::new(NOW, [1; 10]),
            endpoint: EndpointId::new(NOW, [2; 10]),
            event: EventId::new(NOW, 1, Lane { livemode: true, shard: 0 }, [3; 8]),
            event_type: "send.email.sent".into(),
            status,
            next_attempt_at,
            leased_until: None,
            attempts: (1..=attempts).map(attempt).collect(),
            attempts_before_resend: 0,
            in_steps: false,
            updated_at: NOW,
        }
    }

    fn release(attempts: u32) -> Purpose {
        Purpose::Release { attempts }
    }

    fn resend(attempts: u32) -> Purpose {
        Purpose::Resend { attempts }
    }

    fn active(record: &Delivery, purpose: Purpose) -> Step {
        step(record, purpose, State::Active, false, NOW)
    }

    #[test]
    fn a_settled_delivery_is_sent_again_only_when_a_person_asks() {
        for status in [Status::Delivered, Status::Failed] {
            let settled = record(status, 2, None);
            for purpose in [Purpose::First, Purpose::Recheck, release(2), Purpose::Test] {
                assert_eq!(active(&settled, purpose), Step::Drop, "{purpose:?}");
            }
            assert_eq!(active(&settled, resend(2)), Step::Attempt);
            assert_eq!(active(&settled, resend(1)), Step::Drop, "already served");
        }
    }

    #[test]
    fn a_retry_waits_for_its_time_however_often_its_message_comes() {
        let waiting = record(Status::Retrying, 1, Some(LATER));
        for purpose in [Purpose::First, Purpose::Recheck, release(0)] {
            assert_eq!(active(&waiting, purpose), Step::Wait(LATER), "{purpose:?}");
        }
        assert_eq!(active(&record(Status::Retrying, 1, Some(NOW)), Purpose::First), Step::Attempt);
    }

    #[test]
    fn what_is_let_go_does_not_wait_for_its_own_time() {
        let held = record(Status::Held, 2, Some(LATER));
        assert_eq!(active(&held, release(2)), Step::Attempt);
        assert_eq!(active(&held, release(1)), Step::Drop, "held again since");

        let retrying = record(Status::Retrying, 2, Some(LATER));
        assert_eq!(active(&retrying, release(2)), Step::Attempt);
        assert_eq!(active(&retrying, release(1)), Step::Wait(LATER), "tried since");
    }

    #[test]
    fn nothing_but_what_a_person_asks_for_runs_beside_an_attempt_that_is_under_way() {
        let under_way = Delivery { leased_until: Some(LATER), ..record(Status::Retrying, 1, Some(NOW)) };

        for purpose in [Purpose::First, Purpose::Recheck, release(1)] {
            assert_eq!(active(&under_way, purpose), Step::Wait(LATER), "{purpose:?}");
            assert_eq!(
                step(&under_way, purpose, State::Active, false, LATER),
                Step::Attempt,
                "its function died"
            );
        }
        assert_eq!(active(&under_way, resend(1)), Step::Attempt);
    }

    #[test]
    fn an_attempt_ends_its_lease_and_the_plan_of_the_one_before() {
        let under_way = Delivery { leased_until: Some(LATER), ..record(Status::Retrying, 1, Some(NOW)) };
        assert_eq!(under_way.due_at(), Some(LATER));

        let attempt = under_way.attempts[0].clone();
        let after = under_way.with_attempt(attempt, Status::Delivered, None);

        assert_eq!((after.leased_until, after.due_at()), (None, None));
    }

    #[test]
    fn messages_that_were_sent_by_versions_before_are_read() {
        let read = |text: &str| serde_json::from_str::<Purpose>(text).unwrap();
        assert_eq!(read(r#"{"release":{"attempts":2}}"#), release(2));
        assert_eq!(read(r#"{"resend":{"attempts":2,"is_test":true}}"#), resend(2));
    }

    #[test]
    fn a_failing_or_paused_endpoint_gets_nothing_but_tests() {
        let pending = record(Status::Pending, 0, None);
        for (state, failing) in [(State::Paused, false), (State::Active, true), (State::Paused, true)] {
            let step_for = |purpose| step(&pending, purpose, state, failing, NOW);
            assert_eq!(step_for(Purpose::First), Step::Hold);
            assert_eq!(step_for(release(0)), Step::Hold);
            assert_eq!(step_for(Purpose::Test), Step::Attempt);
            assert_eq!(
                step(&record(Status::Delivered, 1, None), Purpose::First, state, failing, NOW),
                Step::Drop
            );
        }
    }

    #[test]
    fn a_test_is_one_attempt() {
        assert_eq!(active(&record(Status::Pending, 0, None), Purpose::Test), Step::Attempt);
        for status in [Status::Retrying, Status::Held] {
            assert_eq!(active(&record(status, 1, Some(NOW)), Purpose::Test), Step::Drop, "sent again since");
        }
    }

    #[test]
    fn what_was_held_before_its_first_attempt_has_not_succeeded_at_once() {
        let at_once = record(Status::Delivered, 1, None);
        assert!(at_once.succeeded_at_once());
        assert!(!Delivery { in_steps: true, ..at_once }.succeeded_at_once());
    }

    #[test]
    fn a_disabled_endpoint_gets_nothing_at_all() {
        for purpose in [Purpose::First, resend(0), Purpose::Test] {
            let pending = record(Status::Pending, 0, None);
            assert_eq!(step(&pending, purpose, State::Disabled, true, NOW), Step::Drop);
        }
    }
}
