//! Webhook endpoints and their states.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ErrorCode, Invalid, Timestamp,
    format::Format,
    ids::{EndpointId, EventId, OrganizationId},
    metadata::Metadata,
    pattern::Patterns,
    retry::RetryPolicy,
    text,
};

/// How long an endpoint counts as slow, after an attempt that it did not answer promptly.
pub const SLOW_FOR: Duration = Duration::from_mins(1);
/// The longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 500;

/// A receiver that an organization registered. Its signing secrets are kept apart from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The endpoint's id.
    pub id: EndpointId,
    /// The organization that it belongs to.
    pub organization: OrganizationId,
    /// What its owner chose.
    pub settings: Settings,
    /// Whether it is paused, because of too many failures in a row or by a person. Everything is held until a person unpauses
    /// it.
    pub is_paused: bool,
    /// The id of the event that tells the organization of the pause. It is removed once the event is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_announcement: Option<EventId>,
    /// A person unpaused the endpoint without a replay. What was held until this time stays held. A replay sends it, or another
    /// unpausing with a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_held_until: Option<Timestamp>,
    /// How its deliveries have fared.
    pub health: Health,
    /// The probe that looks for its recovery, while it is failing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows with every change of the settings. It tells two changes apart that overlap.
    pub version: u64,
    /// Grows whenever earlier attempts stop saying how the endpoint fares: when it is sent to differently, gets another secret,
    /// is enabled, disabled or unpaused. An attempt that began in an earlier generation does not count for its health.
    #[serde(default)]
    pub generation: u64,
}

/// What an endpoint's owner chooses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Where its deliveries are POSTed.
    pub url: String,
    /// What it subscribes to.
    pub enabled_events: Patterns,
    /// What people wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// False when its owner disabled it, or its receiver answered 410: nothing is sent or kept for it.
    pub is_active: bool,
    /// How long one attempt may take.
    pub timeout: TimeoutSeconds,
    /// When failed attempts are tried again.
    pub retry_policy: RetryPolicy,
    /// How its events are wrapped and signed.
    pub format: &'static Format,
    /// What its owner noted on it.
    #[serde(default)]
    pub metadata: Metadata,
}

impl Settings {
    /// Whether deliveries are sent differently under these settings than under `before`: to another URL, in another format or with
    /// another timeout. How attempts fared under `before` then says nothing about attempts under these.
    pub fn differ_in_sending_from(&self, before: &Settings) -> bool {
        // Compared by name: formats are rows of one table.
        self.url != before.url || self.timeout != before.timeout || self.format.name != before.format.name
    }
}

/// How an endpoint's deliveries have fared. It is written rarely while all is well, so that the item of a busy endpoint does
/// not get too many writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failed attempts since the last success. Attempts that overlapped are one failure.
    pub consecutive_failures: u32,
    /// When the last of them ended. An attempt that began before this time overlapped that failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure_at: Option<Timestamp>,
    /// When an attempt last ended. While all is well, this may be up to a minute old.
    pub last_delivery_at: Option<Timestamp>,
    /// The HTTP status of that attempt, where an answer came.
    pub last_delivery_status: Option<u16>,
    /// Until when it counts as slow. Its deliveries go by the slow queue: they wait for each other and for those of other slow
    /// endpoints, and keep nobody else waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_until: Option<Timestamp>,
}

impl Health {
    /// Whether it counts as slow now.
    pub fn is_slow(&self, now: Timestamp) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }

    /// Whether to note that it is slow: nobody has noted it, or the note has lasted for more than half of its time.
    pub fn slowness_is_news(&self, now: Timestamp) -> bool {
        self.slow_until.is_none_or(|until| until < now.after(SLOW_FOR / 2))
    }
}

/// The probe of a failing endpoint. Its ticket is one message that names no delivery and backs off on its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Names this probe. An earlier or later failing period has a probe with another id.
    pub id: String,
    /// Whether the ticket is known to be in the queue.
    pub sent: bool,
    /// The message id of the ticket, from its first receive on. If the ticket was sent twice, the other message is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When the next attempt may be made.
    pub due: Timestamp,
    /// The wait before that attempt, in seconds. Each failure doubles it.
    pub delay_seconds: u32,
}

/// When an endpoint counts as slow or failing, when it is paused, and how its recovery is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// An attempt that is not answered within so many milliseconds makes its endpoint count as slow.
    pub slow_after_milliseconds: u32,
    /// After so many consecutive failures, its deliveries are held.
    pub failing_after: u32,
    /// So many consecutive failures pause it.
    pub pause_after: u32,
    /// The wait before the first probe, in seconds.
    pub probe_initial_delay_seconds: u32,
    /// The longest wait between probes, in seconds.
    pub probe_max_delay_seconds: u32,
}

impl Thresholds {
    /// How long a prompt answer may take.
    pub fn slow_after(&self) -> Duration {
        Duration::from_millis(self.slow_after_milliseconds.into())
    }

    /// Whether deliveries are held before their endpoint is paused. It must be so: after holding began, only probes count
    /// towards the pause.
    pub fn are_in_order(&self) -> bool {
        self.failing_after < self.pause_after
    }

    /// The wait that follows one of `delay_seconds`: twice as long, up to the longest.
    pub fn probe_delay_after(&self, delay_seconds: u32) -> u32 {
        delay_seconds.saturating_mul(2).min(self.probe_max_delay_seconds)
    }
}

/// Whether an endpoint is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is sent to.
    Active,
    /// Nothing is sent or kept for it.
    Disabled,
    /// Nothing is sent, everything is held.
    Paused,
}

impl Endpoint {
    /// A new endpoint.
    pub fn new(organization: OrganizationId, id: EndpointId, settings: Settings, now: Timestamp) -> Self {
        Self {
            id,
            organization,
            settings,
            is_paused: false,
            pause_announcement: None,
            left_held_until: None,
            health: Health::default(),
            probe: None,
            created_at: now,
            version: 1,
            generation: 0,
        }
    }

    /// Whether it is sent to. An endpoint that is disabled and paused counts as disabled: its owner turned it off, so nothing
    /// is kept.
    pub fn state(&self) -> State {
        match (self.settings.is_active, self.is_paused) {
            (false, _) => State::Disabled,
            (true, true) => State::Paused,
            (true, false) => State::Active,
        }
    }

    /// Whether a change to these settings begins another generation of it.
    pub fn starts_anew_with(&self, settings: &Settings) -> bool {
        settings.is_active != self.settings.is_active || settings.differ_in_sending_from(&self.settings)
    }

    /// Whether something may be held for it. That is then sent when a person unpauses it.
    pub fn may_hold(&self) -> bool {
        self.state() != State::Active
            || self.health.consecutive_failures > 0
            || self.probe.is_some()
            || self.left_held_until.is_some()
    }

    /// Whether it failed so often in a row that its deliveries are held and only probes are sent.
    pub fn is_failing(&self, thresholds: &Thresholds) -> bool {
        self.health.consecutive_failures >= thresholds.failing_after
    }
}

/// What people wrote about an endpoint: one line of 1 to [`MAX_DESCRIPTION_CHARS`] characters, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Description(String);

impl Description {
    /// Checks the length and the characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text::check(text, "description")?;
        if text.chars().count() > MAX_DESCRIPTION_CHARS {
            let message = format!("description must be at most {MAX_DESCRIPTION_CHARS} characters");
            return Err(Invalid::param("description", ErrorCode::DescriptionTooLong, message));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long one attempt may take, connecting, headers and body together: 1 to 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TimeoutSeconds(u8);

impl TimeoutSeconds {
    /// The default of this API: 10 seconds.
    pub const DEFAULT: Self = Self(10);
    /// The shortest: a second.
    pub const MIN: Self = Self(1);
    /// The longest, and Orbit's default: 30 seconds.
    pub const MAX: Self = Self(30);

    /// Checks the bounds.
    pub fn new(seconds: i64) -> Result<Self, Invalid> {
        let (least, most) = (Self::MIN.0, Self::MAX.0);
        let seconds = u8::try_from(seconds).ok().filter(|seconds| (least..=most).contains(seconds));
        seconds.map(Self).ok_or_else(|| {
            let message = format!("timeout_seconds must be between {least} and {most}");
            Invalid::param("timeout_seconds", ErrorCode::TimeoutInvalid, message)
        })
    }

    /// The number of seconds.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The span.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slowness_passes_and_is_noted_again_half_way() {
        let noted = Timestamp::from_millis(1_700_000_000_000);
        let health = Health { slow_until: Some(noted.after(SLOW_FOR)), ..Health::default() };
        let after = |seconds| noted.after(Duration::from_secs(seconds));
        assert_eq!([0, 59, 60].map(|seconds| health.is_slow(after(seconds))), [true, true, false]);
        assert_eq!([0, 30, 31].map(|seconds| health.slowness_is_news(after(seconds))), [false, false, true]);
        assert!(!Health::default().is_slow(noted) && Health::default().slowness_is_news(noted));
    }

    fn endpoint() -> Endpoint {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let settings = Settings {
            url: "https://example.com/".into(),
            enabled_events: Patterns::parse(&["*"], "enabled_events").unwrap(),
            description: None,
            is_active: true,
            timeout: TimeoutSeconds::DEFAULT,
            retry_policy: RetryPolicy::new(5, 60, 5.0, 43_200).unwrap(),
            format: Format::dodev(),
            metadata: Metadata::default(),
        };
        Endpoint::new(OrganizationId::new(at, [1; 10]), EndpointId::new(at, [2; 10]), settings, at)
    }

    #[test]
    fn an_endpoint_starts_anew_when_it_is_sent_to_otherwise_and_not_when_people_note_something_on_it() {
        let endpoint = endpoint();
        let starts_anew = |change: fn(&mut Settings)| {
            let mut settings = endpoint.settings.clone();
            change(&mut settings);
            endpoint.starts_anew_with(&settings)
        };

        assert!(starts_anew(|it| it.url = "https://example.com/moved".into()));
        assert!(starts_anew(|it| it.format = Format::orbit()));
        assert!(starts_anew(|it| it.timeout = TimeoutSeconds::MAX));
        assert!(starts_anew(|it| it.is_active = false));

        assert!(!starts_anew(|_| {}));
        assert!(!starts_anew(|it| it.description = Some(Description::parse("mended").unwrap())));
        assert!(!starts_anew(|it| it.retry_policy = RetryPolicy::new(0, 1, 1.0, 1).unwrap()));
        assert!(!starts_anew(
            |it| it.enabled_events = Patterns::parse(&["send.*"], "enabled_events").unwrap()
        ));
    }

    #[test]
    fn timeouts_are_1_to_30_seconds() {
        assert_eq!(TimeoutSeconds::new(1).map(TimeoutSeconds::get), Ok(1));
        assert_eq!(TimeoutSeconds::new(30), Ok(TimeoutSeconds::MAX));
        for seconds in [i64::MIN, -1, 0, 31, 257, i64::MAX] {
            assert_eq!(TimeoutSeconds::new(seconds).unwrap_err().code, "timeout_invalid");
        }
    }

    #[test]
    fn descriptions_are_bounded_in_characters() {
        assert!(Description::parse(&"é".repeat(MAX_DESCRIPTION_CHARS)).is_ok());
        assert!(Description::parse(&"é".repeat(MAX_DESCRIPTION_CHARS + 1)).is_err());
    }

    #[test]
    fn descriptions_are_one_line_that_can_be_seen() {
        for text in ["", " \u{200b}", "two\nlines", "a\ttab", "\u{202e}turned", "a\u{2028}b"] {
            let refused = Description::parse(text).unwrap_err();
            assert!(refused.message.starts_with("description must"), "{text:?}: {refused}");
        }
    }

    #[test]
    fn a_description_that_was_stored_before_it_was_checked_is_read() {
        for stored in [r#""""#, r#""two\nlines""#, r#""\u202eturned""#] {
            assert!(serde_json::from_str::<Description>(stored).is_ok(), "{stored}");
        }
    }
}
