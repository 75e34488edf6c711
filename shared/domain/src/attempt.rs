//! One POST to an endpoint, and what came of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What an attempt came to. A receiver's refusal is a value here, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiver answered with this HTTP status.
    Status(u16),
    /// No answer came; a stable code says why (`timeout`, `dns_failure` …).
    Error(String),
}

impl Outcome {
    /// Whether the receiver took the delivery: any 2xx.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Status(200..=299))
    }

    /// The HTTP status, where one came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Error(_) => None,
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
    /// What it came to.
    pub outcome: Outcome,
    /// From its beginning to its outcome, in milliseconds.
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
