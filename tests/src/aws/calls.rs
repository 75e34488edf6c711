use std::fmt;

use serde_json::Value;

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Tables.
    DynamoDb,
    /// Queues.
    Sqs,
    /// The bus.
    EventBridge,
    /// Keys.
    Kms,
}

impl Service {
    /// The service and operation of a call, by its `X-Amz-Target`.
    pub(super) fn of_target(target: &str) -> Option<(Self, &str)> {
        let (service, operation) = target.split_once('.')?;
        let service = match service {
            "DynamoDB_20120810" => Self::DynamoDb,
            "AmazonSQS" => Self::Sqs,
            "AWSEvents" => Self::EventBridge,
            "TrentService" => Self::Kms,
            _ => return None,
        };
        Some((service, operation))
    }
}

/// A call as it reached AWS.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which service.
    pub service: Service,
    /// Which operation, `GetItem`.
    pub operation: String,
    /// What was asked.
    pub request: Value,
    /// The capacity units that DynamoDB says it cost, indexes included.
    pub capacity: f64,
    /// Those of indexes alone.
    pub index_capacity: f64,
}

impl Call {
    /// The bytes of what it carries, as the bus and the queues count them.
    pub fn carried_bytes(&self) -> usize {
        let entries = self.request["Entries"].as_array().into_iter().flatten();
        let single = std::iter::once(&self.request);
        let fields = ["Detail", "DetailType", "Source", "MessageBody"];
        entries
            .chain(single)
            .flat_map(|entry| fields.map(|field| entry[field].as_str().map_or(0, str::len)))
            .sum()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}.{}", self.service, self.operation)
    }
}
