use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment, in Unix milliseconds: the unit of every time that users see, save the signature's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment that [`Timestamp::rfc3339`] can print, and the latest one accepted: the end of the year 9999.
    pub const MAX: Timestamp = Timestamp(253_402_300_799_999);

    /// From Unix milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Unix milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Unix seconds, rounded down: the unit of signatures and of DynamoDB's time to live.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment and a span after it.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads Unix milliseconds or RFC 3339, the two forms that query parameters take.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = match text.parse::<i64>() {
            Ok(millis) => Self(millis),
            Err(_) => Self::from_date_time(OffsetDateTime::parse(text, &Rfc3339).ok()?)?,
        };
        (0..=Self::MAX.0).contains(&moment.0).then_some(moment)
    }

    /// RFC 3339 in UTC with milliseconds, `2024-01-15T10:30:00.000Z`.
    pub fn rfc3339(self) -> String {
        let nanos = i128::from(self.0.clamp(0, Self::MAX.0)) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .and_then(|moment| moment.format(&MILLISECONDS).ok())
            .unwrap_or_default()
    }

    fn from_date_time(moment: OffsetDateTime) -> Option<Self> {
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self)
    }
}

const MILLISECONDS: &[time::format_description::BorrowedFormatItem<'static>] =
    time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_milliseconds_and_rfc_3339_alike() {
        assert_eq!(Timestamp::parse("1705314600000"), Timestamp::parse("2024-01-15T10:30:00Z"));
        assert_eq!(Timestamp::parse("2024-01-15T12:30:00.5+02:00"), Some(Timestamp(1_705_314_600_500)));
    }

    #[test]
    fn refuses_what_is_neither() {
        for text in ["", "yesterday", "-1", "2024-01-15", "99999999999999999", "1.5"] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn prints_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp(1_705_314_600_007).rfc3339(), "2024-01-15T10:30:00.007Z");
        assert_eq!(Timestamp::MAX.rfc3339(), "9999-12-31T23:59:59.999Z");
    }
}
