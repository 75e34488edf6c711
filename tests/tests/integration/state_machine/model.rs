//! An endpoint and its deliveries as the contract has them, kept from what people did and what the receiver saw.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use domain::{Timestamp, endpoint::Thresholds};

/// What a deployment and the endpoints' settings promise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) thresholds: Thresholds,
    pub(super) max_retries: u32,
    pub(super) initial_delay_seconds: u32,
    pub(super) backoff_factor: u32,
}

impl Rules {
    /// The shortest wait after the `attempts`-th attempt: the schedule's, less a tenth.
    fn shortest_wait(&self, attempts: usize) -> Duration {
        let exponent = u32::try_from(attempts - 1).unwrap();
        let seconds = u64::from(self.initial_delay_seconds) * u64::from(self.backoff_factor).pow(exponent);
        Duration::from_secs(seconds.min(12 * 60 * 60)) * 9 / 10
    }
}

/// A POST that the receiver got, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Post {
    pub(super) event: String,
    pub(super) status: u16,
}

/// One event's way to one endpoint.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// What the receiver answered to each of its POSTs.
    pub(super) posts: Vec<u16>,
    /// It is a test: its first attempt is made whatever its endpoint's state, and none of its attempts counts.
    pub(super) is_test: bool,
    /// How many messages were beside another one of it, each of which may make a POST that the record does not show.
    pub(super) twins: usize,
    /// How often people asked for it again.
    pub(super) requests: usize,
    /// It was there when its endpoint was disabled: what is handled until it is enabled ends as failed.
    pub(super) is_forsaken: bool,
    /// Its schedule allows no attempt before then.
    not_before: Option<Timestamp>,
}

impl Delivery {
    /// Whether one message was sent for it, once: so it is known how many retries it has had.
    pub(super) fn was_sent_once(&self) -> bool {
        self.requests + self.twins == 0
    }

    /// Whether nothing may hide that it was delivered.
    pub(super) fn is_delivered_for_good(&self) -> bool {
        self.requests == 0 && self.posts.contains(&200)
    }
}

/// What a batch's POSTs to one endpoint came to, tests left out.
#[derive(Debug, Default)]
pub(super) struct Tally {
    successes: u32,
    failures: u32,
    gone: u32,
}

/// An endpoint.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each changes by itself, whatever the others are")]
pub(super) struct Endpoint {
    pub(super) is_deleted: bool,
    pub(super) is_disabled: bool,
    pub(super) is_paused: bool,
    pub(super) failures: u32,
    /// How often it was paused, by people or by its failures.
    pub(super) pauses: usize,
    /// It was unpaused without a replay: what was held then waits for a person.
    pub(super) is_left_held: bool,
    pub(super) deliveries: BTreeMap<String, Delivery>,
    next_probe: Option<Timestamp>,
}

impl Endpoint {
    pub(super) fn is_failing(&self, rules: &Rules) -> bool {
        self.failures >= rules.thresholds.failing_after
    }

    /// Whether what is due is sent to it.
    pub(super) fn is_well(&self, rules: &Rules) -> bool {
        !self.is_deleted && !self.is_disabled && !self.is_paused && !self.is_failing(rules)
    }

    pub(super) fn matched(&mut self, event: &str, is_test: bool) {
        if !self.is_deleted && !self.is_disabled {
            self.deliveries.insert(event.to_owned(), Delivery { is_test, ..Delivery::default() });
        }
    }

    pub(super) fn paused(&mut self) {
        if !self.is_paused {
            self.is_paused = true;
            self.pauses += 1;
        }
    }

    pub(super) fn unpaused(&mut self, replay: bool) {
        self.is_paused = false;
        self.failures = 0;
        self.is_left_held = !replay;
        self.free();
    }

    /// It is sent to otherwise than before, or signed with another secret: earlier failures count no longer, and what waits may go
    /// at once.
    pub(super) fn started_anew(&mut self) {
        self.failures = 0;
        self.free();
    }

    pub(super) fn disabled(&mut self) {
        if !self.is_disabled {
            self.is_disabled = true;
            self.failures = 0;
            for delivery in self.deliveries.values_mut() {
                delivery.is_forsaken = true;
            }
        }
    }

    pub(super) fn enabled(&mut self) {
        if self.is_disabled {
            self.is_disabled = false;
            self.failures = 0;
        }
        self.free();
    }

    /// A person asks for an event again: at once and with all retries. What is under way is not stopped by that.
    pub(super) fn requested(&mut self, event: &str, is_under_way: bool) {
        if let Some(delivery) = self.deliveries.get_mut(event) {
            delivery.requests += 1;
            delivery.twins += usize::from(is_under_way);
            delivery.not_before = None;
        }
    }

    /// The same of all events, whatever is under way.
    pub(super) fn all_requested(&mut self) {
        let events: Vec<_> = self.deliveries.keys().cloned().collect();
        for event in &events {
            self.requested(event, true);
        }
    }

    /// What waits may go at once, whatever its schedule says.
    pub(super) fn free(&mut self) {
        for delivery in self.deliveries.values_mut() {
            delivery.not_before = None;
        }
    }

    /// Takes note of what one batch POSTed, and asserts that it was allowed to.
    pub(super) fn posted(&mut self, posts: &[Post], now: Timestamp, rules: &Rules) -> Tally {
        let (is_failing, mut tally, mut probes) = (self.is_failing(rules), Tally::default(), 0);
        assert!(posts.is_empty() || !self.is_deleted, "POSTed to a deleted endpoint: {posts:?}");
        assert!(posts.is_empty() || !self.is_disabled, "POSTed to a disabled endpoint: {posts:?}");
        let untried = |delivery: &Delivery| delivery.is_test && delivery.posts.is_empty();
        let tests: Vec<_> =
            self.deliveries.iter().filter(|(_, it)| untried(it)).map(|(event, _)| event.clone()).collect();
        for Post { event, status } in posts {
            let delivery = self.deliveries.get_mut(event);
            let delivery = delivery.unwrap_or_else(|| panic!("POSTed what it did not match: {event}"));
            let early = delivery.not_before.is_some_and(|allowed| now < allowed) && delivery.twins == 0;
            assert!(!early, "{event} was retried too early: {delivery:?} at {now:?}");
            delivery.posts.push(*status);
            let rounds = 1 + delivery.requests + delivery.twins;
            let allowed = (1 + rules.max_retries as usize) * rounds;
            assert!(delivery.posts.len() <= allowed, "{event} was tried too often: {delivery:?}");
            if tests.contains(event) {
                continue;
            }
            let attempts = if delivery.was_sent_once() { delivery.posts.len() } else { 1 };
            delivery.not_before = Some(now.after(rules.shortest_wait(attempts)));
            assert!(!self.is_paused, "{event} was sent to a paused endpoint");
            probes += usize::from(is_failing);
            if delivery.is_test {
                continue;
            }
            match status {
                200 => tally.successes += 1,
                410 => tally.gone += 1,
                _ => tally.failures += 1,
            }
        }
        if probes > 0 {
            assert!(probes == 1, "more than a probe was sent to a failing endpoint: {posts:?}");
            let due = self.next_probe.is_none_or(|due| due <= now);
            assert!(due, "a probe was sent before its time");
        }
        tally
    }

    /// How many failures in a row there may be after a batch. Which of its attempts ended first is not known, nor is it
    /// whether they overlapped if one took no measurable time (`instant`).
    pub(super) fn failures_after(&self, tally: &Tally, instant: bool, rules: &Rules) -> RangeInclusive<u32> {
        let limit = rules.thresholds.failing_after;
        let Tally { successes, failures, gone } = *tally;
        let counted = if instant { failures } else { failures.min(1) };
        match (failures, successes + gone) {
            (0, 0) => self.failures..=self.failures,
            (0, _) => 0..=0,
            (_, 0) if self.is_failing(rules) => self.failures + 1..=self.failures + 1,
            (_, 0) => self.failures + 1..=(self.failures + counted).min(limit),
            _ => 0..=counted.min(limit),
        }
    }

    /// Takes in what follows from a batch. `failures` is how many failures in a row the endpoint had after it.
    pub(super) fn concluded(&mut self, tally: &Tally, failures: u32, now: Timestamp, rules: &Rules) {
        let (was_failing, before) = (self.is_failing(rules), self.failures);
        self.failures = failures;
        if tally.gone > 0 {
            self.disabled();
            self.failures = failures;
        }
        let probed = was_failing && tally.failures > 0;
        if probed && failures >= rules.thresholds.pause_after {
            self.paused();
        }
        if probed || (!was_failing && self.is_failing(rules)) {
            let delay = rules.thresholds.probe_initial_delay_seconds;
            self.next_probe = Some(now.after(Duration::from_secs(delay.into())));
        }
        // It recovered, maybe from failures of this very batch.
        if tally.successes > 0 && before + tally.failures >= rules.thresholds.failing_after {
            self.free();
        }
    }
}
