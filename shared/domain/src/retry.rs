//! When a failed attempt is tried again.

use std::{
    fmt::Display,
    ops::RangeInclusive,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Invalid, Timestamp, attempt::Outcome};

/// The longest wait before any retry: SQS hides a message for at most 12 hours after it was received.
pub const LONGEST_DELAY: Duration = Duration::from_hours(12);

/// The largest random change of a delay. It spreads the retries of what failed at the same time.
const JITTER: f64 = 0.1;

/// An endpoint's retry schedule: the n-th retry waits `initial × factor^(n-1)`, at most `max_delay`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    max_retries: u32,
    initial_delay_seconds: u32,
    backoff_factor: f64,
    max_delay_seconds: u32,
}

impl RetryPolicy {
    /// How many retries there may be.
    pub const MAX_RETRIES: RangeInclusive<u32> = 0..=5;
    /// How long the first wait may be, in seconds.
    pub const INITIAL_DELAY_SECONDS: RangeInclusive<u32> = 1..=3_600;
    /// What each further wait may be multiplied by.
    pub const BACKOFF_FACTOR: RangeInclusive<f64> = 1.0..=10.0;
    /// How long the longest wait may be, in seconds.
    pub const MAX_DELAY_SECONDS: RangeInclusive<u32> = 1..=43_200;

    /// A policy of these numbers, each within its bounds.
    pub fn new(
        max_retries: u32,
        initial_delay_seconds: u32,
        backoff_factor: f64,
        max_delay_seconds: u32,
    ) -> Result<Self, Invalid> {
        within("retry_policy.max_retries", max_retries, &Self::MAX_RETRIES)?;
        within("retry_policy.initial_delay_seconds", initial_delay_seconds, &Self::INITIAL_DELAY_SECONDS)?;
        within("retry_policy.backoff_factor", backoff_factor, &Self::BACKOFF_FACTOR)?;
        within("retry_policy.max_delay_seconds", max_delay_seconds, &Self::MAX_DELAY_SECONDS)?;

        Ok(Self { max_retries, initial_delay_seconds, backoff_factor, max_delay_seconds })
    }

    /// How many retries follow the first attempt.
    pub fn max_retries(&self) -> u32 {
        self.max_retries
    }

    /// The wait before the first retry, in seconds.
    pub fn initial_delay_seconds(&self) -> u32 {
        self.initial_delay_seconds
    }

    /// What each further wait is multiplied by.
    pub fn backoff_factor(&self) -> f64 {
        self.backoff_factor
    }

    /// The longest wait, in seconds.
    pub fn max_delay_seconds(&self) -> u32 {
        self.max_delay_seconds
    }

    /// The wait before the retry that follows the `attempts`-th attempt. `jitter` is between −1 and 1.
    fn delay(&self, attempts: u32, jitter: f64) -> Duration {
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = f64::from(self.initial_delay_seconds) * self.backoff_factor.powi(exponent);
        let scheduled = grown.min(f64::from(self.max_delay_seconds));
        let strayed = scheduled * (1.0 + JITTER * jitter.clamp(-1.0, 1.0));
        Duration::from_secs_f64(strayed.min(LONGEST_DELAY.as_secs_f64()))
    }
}

fn within<T: Copy + PartialOrd + Display>(
    name: &'static str,
    number: T,
    bounds: &RangeInclusive<T>,
) -> Result<(), Invalid> {
    if bounds.contains(&number) {
        return Ok(());
    }
    let message = format!("{name} must be between {} and {}", bounds.start(), bounds.end());
    Err(Invalid::param(name, ErrorCode::RetryPolicyInvalid, message))
}

/// A retry policy in which some numbers are chosen and the others are left open.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PolicyChoice {
    /// How many retries follow the first attempt.
    pub max_retries: Option<u32>,
    /// The wait before the first retry, in seconds.
    pub initial_delay_seconds: Option<u32>,
    /// What each further wait is multiplied by.
    pub backoff_factor: Option<f64>,
    /// The longest wait, in seconds.
    pub max_delay_seconds: Option<u32>,
}

impl PolicyChoice {
    /// The policy with the chosen numbers, and those of `base` where none was chosen.
    pub fn over(&self, base: RetryPolicy) -> Result<RetryPolicy, Invalid> {
        RetryPolicy::new(
            self.max_retries.unwrap_or(base.max_retries),
            self.initial_delay_seconds.unwrap_or(base.initial_delay_seconds),
            self.backoff_factor.unwrap_or(base.backoff_factor),
            self.max_delay_seconds.unwrap_or(base.max_delay_seconds),
        )
    }
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The receiver took it.
    Delivered,
    /// It failed, and is tried again at this time.
    RetryAt(Timestamp),
    /// It failed and its retries are used up.
    Exhausted,
    /// The receiver says that the endpoint is gone for good (410): it is disabled.
    EndpointGone,
}

/// Decides what follows the `attempts`-th attempt of a delivery (1 for the first), which ended at `now`.
///
/// An answer that broke off is always a failure. Its status keeps its meaning, because only the body is missing.
///
/// `retry_after` is the answer's header of that name, in seconds or as an HTTP date. It is honoured for 429 and 503, up to
/// [`LONGEST_DELAY`]. It can make the schedule's delay longer, never shorter. `jitter` is between −1 and 1.
pub fn next(
    policy: &RetryPolicy,
    attempts: u32,
    outcome: &Outcome,
    retry_after: Option<&str>,
    now: Timestamp,
    jitter: f64,
) -> Next {
    match outcome.status() {
        _ if outcome.is_success() => Next::Delivered,
        Some(410) => Next::EndpointGone,
        Some(429 | 503) => {
            let asked = retry_after.and_then(|header| asked_delay(header, now)).unwrap_or_default();
            after_failure_asking_for(asked, policy, attempts, now, jitter)
        }
        _ => after_failure(policy, attempts, now, jitter),
    }
}

/// Decides what follows a failure, by the schedule alone: a retry, or the end of the retries. A 410 that does not count for the
/// endpoint as it is now is such a failure, too.
pub fn after_failure(policy: &RetryPolicy, attempts: u32, now: Timestamp, jitter: f64) -> Next {
    after_failure_asking_for(Duration::ZERO, policy, attempts, now, jitter)
}

fn after_failure_asking_for(
    asked: Duration,
    policy: &RetryPolicy,
    attempts: u32,
    now: Timestamp,
    jitter: f64,
) -> Next {
    if attempts > policy.max_retries {
        return Next::Exhausted;
    }
    Next::RetryAt(now.after(policy.delay(attempts, jitter).max(asked.min(LONGEST_DELAY))))
}

/// Reads `Retry-After` in both its forms (RFC 9110, 10.2.3).
fn asked_delay(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(header.parse().map_or(LONGEST_DELAY, Duration::from_secs));
    }
    let moment = httpdate::parse_http_date(header).ok()?;
    let millis = moment.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_millis();
    Some(Timestamp::from_millis(i64::try_from(millis).ok()?).since(now))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "without jitter the schedule's seconds are exact")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn default_policy() -> RetryPolicy {
        RetryPolicy::new(5, 60, 5.0, 43_200).unwrap()
    }

    fn seconds_until(next: Next) -> f64 {
        match next {
            Next::RetryAt(at) => at.since(NOW).as_secs_f64(),
            other => panic!("expected a retry, got {other:?}"),
        }
    }

    fn after_500(policy: &RetryPolicy, attempts: u32, jitter: f64) -> Next {
        next(policy, attempts, &Outcome::Status(500), None, NOW, jitter)
    }

    #[test]
    fn the_default_schedule_is_the_contract_s() {
        let minutes: Vec<_> =
            (1..=5).map(|n| seconds_until(after_500(&default_policy(), n, 0.0)) / 60.0).collect();
        assert_eq!(minutes, [1.0, 5.0, 25.0, 125.0, 625.0]);
        assert_eq!(after_500(&default_policy(), 6, 0.0), Next::Exhausted);
    }

    #[test]
    fn own_schedules_grow_to_their_bound_and_end_with_their_retries() {
        let policy = RetryPolicy::new(4, 10, 2.0, 30).unwrap();
        let seconds: Vec<_> = (1..=4).map(|n| seconds_until(after_500(&policy, n, 0.0))).collect();
        assert_eq!(seconds, [10.0, 20.0, 30.0, 30.0]);
        assert_eq!(after_500(&policy, 5, 0.0), Next::Exhausted);
        assert_eq!(after_500(&RetryPolicy::new(0, 1, 1.0, 1).unwrap(), 1, 0.0), Next::Exhausted);
    }

    #[test]
    fn any_2xx_is_delivered_and_nothing_else_is() {
        for status in [200, 201, 204, 299] {
            assert_eq!(next(&default_policy(), 6, &Outcome::Status(status), None, NOW, 0.0), Next::Delivered);
        }
        for status in [100, 199, 300, 301, 307, 400, 401, 404, 500, 502, 599] {
            let next = next(&default_policy(), 1, &Outcome::Status(status), None, NOW, 0.0);
            assert!(matches!(next, Next::RetryAt(_)), "{status}");
        }
        let timeout = Outcome::Error("timeout".into());
        assert!(matches!(next(&default_policy(), 1, &timeout, None, NOW, 0.0), Next::RetryAt(_)));
    }

    #[test]
    fn gone_disables_at_once() {
        assert_eq!(next(&default_policy(), 1, &Outcome::Status(410), None, NOW, 0.0), Next::EndpointGone);
        assert_eq!(next(&default_policy(), 6, &Outcome::Status(410), None, NOW, 0.0), Next::EndpointGone);
    }

    #[test]
    fn a_410_that_does_not_mean_the_endpoint_is_a_failure_like_any_other() {
        for attempts in [1, 5, 6] {
            let failure = after_failure(&default_policy(), attempts, NOW, 0.5);
            assert_eq!(failure, after_500(&default_policy(), attempts, 0.5));
        }
    }

    #[test]
    fn retry_after_is_honoured_in_both_forms_for_429_and_503_within_12_hours() {
        let wait = |status, header| {
            seconds_until(next(&default_policy(), 1, &Outcome::Status(status), Some(header), NOW, 0.0))
        };
        assert_eq!(wait(429, "120"), 120.0);
        assert_eq!(wait(503, " 120 "), 120.0);
        assert_eq!(wait(503, "Tue, 14 Nov 2023 22:18:20 GMT"), 300.0);
        assert_eq!(wait(429, "999999999999999999999"), 43_200.0);
        assert_eq!(wait(429, "Tue, 31 Dec 2199 23:59:59 GMT"), 43_200.0);
    }

    #[test]
    fn retry_after_never_shortens_the_schedule_and_counts_for_no_other_status() {
        let wait = |status, header| {
            seconds_until(next(&default_policy(), 1, &Outcome::Status(status), Some(header), NOW, 0.0))
        };
        for header in ["1", "0", "-5", "soon", "", "Tue, 14 Nov 2000 22:18:20 GMT"] {
            assert_eq!(wait(429, header), 60.0, "{header:?}");
        }
        assert_eq!(wait(500, "600"), 60.0);
    }

    #[test]
    fn an_answer_that_broke_off_is_a_failure_with_the_meaning_of_its_status() {
        let cut = |status| Outcome::Truncated { status, error: "connection_closed".into() };
        let after = |status, header| next(&default_policy(), 1, &cut(status), header, NOW, 0.0);

        assert_eq!(seconds_until(after(200, None)), 60.0);
        assert_eq!(next(&default_policy(), 6, &cut(200), None, NOW, 0.0), Next::Exhausted);
        assert_eq!(after(410, None), Next::EndpointGone);
        assert_eq!(seconds_until(after(503, Some("120"))), 120.0);
        assert_eq!(seconds_until(after(429, Some("120"))), 120.0);
        assert_eq!(seconds_until(after(200, Some("600"))), 60.0);
        assert_eq!(seconds_until(after(500, Some("600"))), 60.0);
    }

    #[test]
    fn bounds_are_refused_by_name() {
        let refused = |result: Result<RetryPolicy, Invalid>| result.unwrap_err().param.unwrap().into_owned();
        assert_eq!(refused(RetryPolicy::new(6, 60, 5.0, 1)), "retry_policy.max_retries");
        assert_eq!(refused(RetryPolicy::new(5, 0, 5.0, 1)), "retry_policy.initial_delay_seconds");
        assert_eq!(refused(RetryPolicy::new(5, 60, 0.9, 1)), "retry_policy.backoff_factor");
        assert_eq!(refused(RetryPolicy::new(5, 60, f64::NAN, 1)), "retry_policy.backoff_factor");
        assert_eq!(refused(RetryPolicy::new(5, 60, 5.0, 43_201)), "retry_policy.max_delay_seconds");
    }

    proptest! {
        #[test]
        fn delays_stay_within_a_tenth_of_the_schedule_and_within_12_hours(
            initial in 1..=3_600_u32, factor in 1.0..=10.0_f64, max in 1..=43_200_u32,
            attempts in 1..=5_u32, jitter in -1.0..=1.0_f64,
        ) {
            let policy = RetryPolicy::new(5, initial, factor, max).unwrap();
            let exact = seconds_until(after_500(&policy, attempts, 0.0));
            let strayed = seconds_until(after_500(&policy, attempts, jitter));
            prop_assert!(exact <= f64::from(max));
            prop_assert!((strayed - exact).abs() <= exact * 0.1 + 0.001);
            prop_assert!(strayed <= LONGEST_DELAY.as_secs_f64());
        }
    }
}
