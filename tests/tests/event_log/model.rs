//! The event log as one would write it without thinking of its size: a list, filtered and sorted for each question.

use domain::{Timestamp, event::RETENTION, ids::EventId};
use proptest::{
    option,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};

/// Types that share prefixes, and some that do not.
pub(crate) const TYPES: &[&str] = &[
    "send.email.sent",
    "send.email.bounced",
    "send.domain.verified",
    "voip.call.completed",
    "email.delivered",
    "call.completed",
    "message.failed",
];

const PATTERNS: &[&str] =
    &["*", "send.*", "send.email.*", "send.email.sent", "talk.*", "email.*", "call.completed", "voip.*"];

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: EventId,
    pub(crate) event_type: &'static str,
    pub(crate) livemode: bool,
}

/// A question to `GET /v1/events`.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pattern: Option<&'static str>,
    service: Option<&'static str>,
    livemode: Option<bool>,
    /// In seconds before now; the boolean asks for RFC 3339.
    after: Option<(i64, bool)>,
    before: Option<(i64, bool)>,
    ascending: Option<bool>,
    pub(crate) limit: usize,
}

pub(crate) fn question() -> impl Strategy<Value = Question> {
    let days = 35 * 24 * 60 * 60_i64;
    let moment = move || option::of((prop_oneof![0..days, 0..600_i64], any::<bool>()));
    let service = option::weighted(0.3, select(&["send", "voip", "email", "message", "nothing"][..]));
    (
        option::weighted(0.7, select(PATTERNS)),
        service,
        option::of(any::<bool>()),
        moment(),
        moment(),
        option::of(any::<bool>()),
        prop_oneof![1 => Just(1_usize), 3 => 2..=6_usize, 3 => 7..=30_usize, 2 => Just(200)],
    )
        .prop_map(|(pattern, service, livemode, after, before, ascending, limit)| Question {
            pattern,
            service,
            livemode,
            after,
            before,
            ascending,
            limit,
        })
}

impl Question {
    /// Everything, newest first.
    pub(crate) fn newest_first(limit: usize) -> Self {
        let (pattern, service, livemode, after, before) = (None, None, None, None, None);
        Self { pattern, service, livemode, after, before, ascending: None, limit }
    }

    /// As a query string; `start` is when it was first asked.
    pub(crate) fn query(&self, start: Timestamp) -> String {
        let moment = |(ago, rfc3339): (i64, bool)| {
            let at = earlier(start, ago);
            if rfc3339 { at.rfc3339() } else { at.millis().to_string() }
        };
        let parameters = [
            ("type", self.pattern.map(str::to_owned)),
            ("service", self.service.map(str::to_owned)),
            ("livemode", self.livemode.map(|livemode| livemode.to_string())),
            ("after", self.after.map(moment)),
            ("before", self.before.map(moment)),
            ("order", self.ascending.map(|ascending| if ascending { "asc" } else { "desc" }.to_owned())),
            ("limit", Some(self.limit.to_string())),
        ];
        let given = parameters.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        given.collect::<Vec<_>>().join("&")
    }

    /// All ids that answer it at `now`, in its order.
    pub(crate) fn answer(&self, log: &[Entry], start: Timestamp, now: Timestamp) -> Vec<EventId> {
        let mut ids: Vec<_> =
            log.iter().filter(|entry| self.wants(entry, start, now)).map(|entry| entry.id).collect();
        ids.sort_unstable();
        if self.ascending != Some(true) {
            ids.reverse();
        }
        ids
    }

    /// Whether `id` comes after `position` in its order.
    pub(crate) fn follows(&self, id: EventId, position: EventId) -> bool {
        if self.ascending == Some(true) { id > position } else { id < position }
    }

    fn wants(&self, entry: &Entry, start: Timestamp, now: Timestamp) -> bool {
        let at = entry.id.created_at();
        let kept = now.since(at) < RETENTION;
        let of_type = match self.pattern {
            None | Some("*") => true,
            Some(pattern) => match pattern.strip_suffix(".*") {
                Some(prefix) => entry.event_type.starts_with(&format!("{prefix}.")),
                None => entry.event_type == pattern,
            },
        };
        kept && of_type
            && self.service.is_none_or(|service| entry.event_type.split('.').next() == Some(service))
            && self.livemode.is_none_or(|livemode| entry.livemode == livemode)
            && self.after.is_none_or(|(ago, _)| at >= earlier(start, ago))
            && self.before.is_none_or(|(ago, _)| at < earlier(start, ago))
    }
}

pub(crate) fn earlier(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millis(at.millis() - seconds * 1_000)
}
