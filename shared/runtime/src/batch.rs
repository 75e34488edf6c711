//! SQS batches, record by record. One bad record never fails its batch. A panic in one record is the failure of that record
//! alone.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{FutureExt, future::join_all};

/// A received message.
#[derive(Debug, Clone)]
pub struct Record {
    /// The message's id in the queue and in the logs.
    pub message_id: String,
    /// The handle by which its visibility timeout is changed.
    pub receipt_handle: String,
    /// The ARN of the queue that it came from.
    pub queue_arn: String,
    /// The message.
    pub body: String,
    /// How often it has been received, this time included. Throttling and crashes raise it too, so it does not count attempts.
    pub receive_count: u32,
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is done. The queue deletes it.
    Done,
    /// It comes back when its visibility timeout ends.
    Again,
}

/// Handles all records at the same time, and answers which of them come back.
pub async fn process<F>(event: SqsEvent, handle: impl Fn(Record) -> F) -> SqsBatchResponse
where
    F: Future<Output = Verdict>,
{
    let handled = event.records.into_iter().map(Record::from).map(|record| {
        let message_id = record.message_id.clone();
        let handling = AssertUnwindSafe(async { handle(record).await }).catch_unwind();
        async move {
            let verdict = handling.await.unwrap_or_else(|_| {
                tracing::error!(message.id = %message_id, "a record's handling panicked");
                Verdict::Again
            });
            (verdict == Verdict::Again).then_some(message_id)
        }
    });
    let again = join_all(handled).await.into_iter().flatten();
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = again.map(failure).collect();
    response
}

fn failure(message_id: String) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id;
    failure
}

impl From<SqsMessage> for Record {
    fn from(message: SqsMessage) -> Self {
        let receive_count = message.attributes.get("ApproximateReceiveCount");
        Self {
            message_id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            queue_arn: message.event_source_arn.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            receive_count: receive_count.and_then(|count| count.parse().ok()).unwrap_or(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(ids: &[&str]) -> SqsEvent {
        let message = |id: &&str| {
            let mut message = SqsMessage::default();
            message.message_id = Some((*id).to_owned());
            message.body = Some((*id).to_owned());
            message
        };
        let mut event = SqsEvent::default();
        event.records = ids.iter().map(message).collect();
        event
    }

    #[tokio::test]
    async fn one_record_s_failure_or_panic_is_its_own() {
        let response = process(event(&["done", "again", "panics", "also done"]), |record| async move {
            match record.body.as_str() {
                "again" => Verdict::Again,
                "panics" => panic!("as a bug would"),
                _ => Verdict::Done,
            }
        })
        .await;
        let again: Vec<_> =
            response.batch_item_failures.iter().map(|failure| &failure.item_identifier).collect();
        assert_eq!(again, ["again", "panics"]);
    }

    #[tokio::test]
    async fn records_are_handled_at_the_same_time() {
        let barrier = tokio::sync::Barrier::new(3);
        // This would never end if one record waited for another.
        let response = process(event(&["a", "b", "c"]), |_| async {
            barrier.wait().await;
            Verdict::Done
        })
        .await;
        assert!(response.batch_item_failures.is_empty());
    }
}
