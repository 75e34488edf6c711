//! One POST to an endpoint, and what came of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// How an attempt ended. A receiver's refusal is a value here, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver answered with this HTTP status.
    Status(u16),
    /// No answer came; a stable code says why (`timeout`, `dns_failure` …).
    Error(String),
    /// The receiver began to answer with this HTTP status, and then the answer broke off. A failure, whatever the status.
    Truncated {
        /// The HTTP status.
        status: u16,
        /// A stable code that says how it broke off (`timeout`, `connection_closed` …).
        error: String,
    },
}

impl Outcome {
    /// Whether the receiver took the delivery: any 2xx.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    /// The HTTP status, where one came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) | Self::Truncated { status, .. } => Some(*status),
            Self::Error(_) => None,
        }
    }

    /// The code of what went wrong, where no whole answer came.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Status(_) => None,
            Self::Error(error) | Self::Truncated { error, .. } => Some(error),
        }
    }
}

/// One attempt as its delivery's record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The address that was connected to, where one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The first KiB of the answer's body, made safe for display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Attempt {
    /// When its outcome was known.
    pub fn ended_at(&self) -> Timestamp {
        self.at.after(std::time::Duration::from_millis(self.duration_ms))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn attempt(outcome: Outcome) -> Attempt {
        let at = Timestamp::from_millis(1_795_232_245_546);
        Attempt { number: 1, at, outcome, duration_ms: 12, address: None, answer: None }
    }

    #[test]
    fn what_was_stored_before_answers_could_be_truncated_is_still_read() {
        for (stored, outcome) in [
            (json!({"status": 200}), Outcome::Status(200)),
            (json!({"status": 503}), Outcome::Status(503)),
            (json!({"error": "timeout"}), Outcome::Error("timeout".to_owned())),
        ] {
            let stored =
                json!({"number": 1, "at": 1_795_232_245_546_i64, "outcome": stored, "duration_ms": 12});

            let read: Attempt = serde_json::from_value(stored.clone()).unwrap();

            assert_eq!(read, attempt(outcome));
            assert_eq!(serde_json::to_value(&read).unwrap(), stored, "and is written as it was");
        }
    }

    #[test]
    fn a_truncated_answer_has_a_status_and_an_error_and_is_no_success() {
        let outcome = Outcome::Truncated { status: 200, error: "connection_closed".to_owned() };

        assert_eq!((outcome.status(), outcome.error()), (Some(200), Some("connection_closed")));
        assert!(!outcome.is_success());

        let stored = serde_json::to_value(attempt(outcome.clone())).unwrap();
        assert_eq!(stored["outcome"], json!({"truncated": {"status": 200, "error": "connection_closed"}}));
        assert_eq!(serde_json::from_value::<Attempt>(stored).unwrap(), attempt(outcome));
    }
}
