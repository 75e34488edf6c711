use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{ErrorCode, Invalid};

/// Numbers that are plainly Unix seconds. As milliseconds they would be in the first three years after 1970, long before any
/// event. As seconds they reach to the year 5138.
const IN_SECONDS: RangeInclusive<f64> = 1.0..=1e11;

/// A moment, in Unix milliseconds. All times that users see have this unit, except for the signature's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment: the end of the year 9999. [`Timestamp::rfc3339`] can print no later one, and no later one is
    /// accepted.
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

    /// Reads a moment that a request names: Unix milliseconds or RFC 3339. A number that is plainly in seconds is refused.
    /// Otherwise it would mean a moment in the early seventies. A text in RFC 3339 may name any moment, however early.
    pub fn of_request(text: &str) -> Result<Self, NotAMoment> {
        match text.parse::<f64>() {
            Ok(number) if IN_SECONDS.contains(&number) => Err(NotAMoment::InSeconds),
            _ => Self::parse(text).ok_or(NotAMoment::Unreadable),
        }
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

/// Why a request names no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAMoment {
    /// It is neither Unix milliseconds from 0 to [`Timestamp::MAX`] nor RFC 3339.
    Unreadable,
    /// It is a number from 1 to 10^11: seconds, most likely.
    InSeconds,
}

impl NotAMoment {
    /// The words for a moment in "after must be …".
    pub const EXPECTED: &str = "Unix milliseconds or RFC 3339";

    /// The error for the caller. `type_code` is its code if the value does not have the form of a moment.
    pub fn invalid(self, param: impl Into<Cow<'static, str>>, type_code: ErrorCode) -> Invalid {
        let param = param.into();
        match self {
            Self::Unreadable => {
                let message = format!("{param} must be {}", Self::EXPECTED);
                Invalid::param(param, type_code, message)
            }
            Self::InSeconds => {
                let message =
                    format!("{param} is in seconds, but times are Unix milliseconds: multiply it by 1000");
                Invalid::param(param, ErrorCode::TimeInSeconds, message)
            }
        }
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
    fn a_number_from_1_to_10_to_the_11th_is_in_seconds() {
        for text in ["1", "1.0", "1700000000", "1700000000.123", "1.7e9", "99999999999", "100000000000"] {
            assert_eq!(Timestamp::of_request(text), Err(NotAMoment::InSeconds), "{text}");
        }
        for (text, millis) in [
            ("0", 0),
            ("100000000001", 100_000_000_001),
            ("1705314600000", 1_705_314_600_000),
            ("1970-01-01T00:00:01Z", 1_000),
            ("1970-01-01T00:00:00.001Z", 1),
            ("1973-03-03T09:46:40Z", 100_000_000_000),
        ] {
            assert_eq!(Timestamp::of_request(text), Ok(Timestamp(millis)), "{text}");
        }
        for text in ["0.5", "-1", "-1700000000", "100000000000.5", "1e300", "NaN", "inf", "yesterday", ""] {
            assert_eq!(Timestamp::of_request(text), Err(NotAMoment::Unreadable), "{text}");
        }
    }

    #[test]
    fn what_is_in_seconds_is_told_so_by_name() {
        let invalid = NotAMoment::InSeconds.invalid("after", ErrorCode::ParameterType);
        assert_eq!((invalid.code.text(), invalid.param.as_deref()), ("time_in_seconds", Some("after")));
        assert_eq!(
            invalid.message,
            "after is in seconds, but times are Unix milliseconds: multiply it by 1000"
        );
        assert_eq!(NotAMoment::Unreadable.invalid("after", ErrorCode::ParameterType).code, "parameter_type");
    }

    #[test]
    fn prints_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp(1_705_314_600_007).rfc3339(), "2024-01-15T10:30:00.007Z");
        assert_eq!(Timestamp::MAX.rfc3339(), "9999-12-31T23:59:59.999Z");
    }
}
