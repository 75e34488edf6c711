//! Metrics, in CloudWatch's embedded metric format: log lines that CloudWatch counts. They need no call, and nothing waits for
//! them.
//!
//! Every metric's name is in this file. None has an organization or an endpoint as a dimension. Each value of a dimension is a
//! metric of its own, which costs money.

use domain::Timestamp;
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "DoDevWebhooks";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Events that the API accepted.
    EventsPublished,
    /// Events that were logged and sent on to their endpoints.
    EventsRouted,
    /// Messages that fan-out refused, because they are no events; its log has the code of each. A message is counted each time
    /// it is received: `EventsMaxReceiveCount` times, and then it goes to the dead-letter queue.
    EventsRefused,
    /// The time from an event's creation to its routing.
    RoutingLag,
    /// Attempts that succeeded.
    AttemptsSucceeded,
    /// Attempts that failed.
    AttemptsFailed,
    /// How long an attempt took.
    AttemptDuration,
    /// Deliveries that moved to the slow queue.
    DeliveriesSlowed,
    /// Deliveries that were held.
    DeliveriesHeld,
    /// Deliveries that were dropped because the log no longer keeps their event.
    DeliveriesExpired,
    /// Endpoints that were paused because of their failures.
    EndpointsPaused,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::EventsPublished => "EventsPublished",
            Self::EventsRouted => "EventsRouted",
            Self::EventsRefused => "EventsRefused",
            Self::RoutingLag => "RoutingLag",
            Self::AttemptsSucceeded => "AttemptsSucceeded",
            Self::AttemptsFailed => "AttemptsFailed",
            Self::AttemptDuration => "AttemptDuration",
            Self::DeliveriesSlowed => "DeliveriesSlowed",
            Self::DeliveriesHeld => "DeliveriesHeld",
            Self::DeliveriesExpired => "DeliveriesExpired",
            Self::EndpointsPaused => "EndpointsPaused",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::RoutingLag | Self::AttemptDuration => "Milliseconds",
            _ => "Count",
        }
    }
}

/// Writes measured values as one line, at every log level.
pub fn measure(now: Timestamp, values: &[(Metric, u64)]) {
    #[expect(clippy::print_stdout, reason = "standard output is where Lambda's logs go")]
    {
        println!("{}", line(now, values));
    }
}

fn line(now: Timestamp, values: &[(Metric, u64)]) -> Value {
    let definitions: Vec<_> =
        values.iter().map(|(metric, _)| json!({ "Name": metric.name(), "Unit": metric.unit() })).collect();
    let mut line: Map<String, Value> =
        values.iter().map(|(metric, value)| (metric.name().to_owned(), json!(value))).collect();
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": definitions });
    line.insert("_aws".to_owned(), json!({ "Timestamp": now.millis(), "CloudWatchMetrics": [directive] }));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_of_the_embedded_metric_format() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let line = line(now, &[(Metric::AttemptsSucceeded, 1), (Metric::AttemptDuration, 42)]);
        assert_eq!((&line["AttemptsSucceeded"], &line["AttemptDuration"]), (&json!(1), &json!(42)));
        assert_eq!(line["_aws"]["Timestamp"], json!(1_700_000_000_000_i64));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Metrics"][1], json!({ "Name": "AttemptDuration", "Unit": "Milliseconds" }));
        assert_eq!(directive["Dimensions"], json!([[]]), "no dimension multiplies the metrics");
    }
}
