//! The bus and its one rule: from `PutEvents` to the events queue.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use domain::Timestamp;
use runtime::Clock;
use serde_json::{Value, json};

use super::{refusal::Refusal, sqs::Queues};
use crate::template::Rule;

/// The most entries of one call.
const MAX_ENTRIES: usize = 10;
/// One call's entries together have less bytes than this: 1 MB since January 2026, in the stricter reading.
const TOO_MANY_BYTES: usize = 1_000_000;
/// What an entry's time adds to its size.
const BYTES_OF_TIME: usize = 14;

#[derive(Debug)]
pub(super) struct EventBridge {
    rule: Rule,
    clock: Clock,
    taken: AtomicU64,
}

impl EventBridge {
    pub(super) fn new(rule: Rule, clock: Clock) -> Self {
        Self { rule, clock, taken: AtomicU64::new(0) }
    }

    pub(super) fn handle(
        &self,
        operation: &str,
        request: &Value,
        part_only: bool,
        queues: &Queues,
    ) -> Result<Value, Refusal> {
        if operation != "PutEvents" {
            return Err(Refusal::unknown_operation(operation));
        }
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=MAX_ENTRIES).contains(&entries.len()) {
            return Err(Refusal::new("ValidationException", "Entries must have between 1 and 10 members"));
        }
        if entries.iter().map(size).sum::<usize>() >= TOO_MANY_BYTES {
            let message = "Total size of the entries in the request is over the limit.";
            return Err(Refusal::new("ValidationException", message));
        }
        let refused = part_only.then_some(0);
        let results: Vec<_> = entries
            .iter()
            .enumerate()
            .map(|(position, entry)| {
                if refused == Some(position) {
                    json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "an injected fault" })
                } else {
                    self.take(entry, queues)
                }
            })
            .collect();
        let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
        Ok(json!({ "FailedEntryCount": failed, "Entries": results }))
    }

    fn take(&self, entry: &Value, queues: &Queues) -> Value {
        let refuse = |code: &str| json!({ "ErrorCode": code, "ErrorMessage": code });
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        if text("EventBusName") != self.rule.bus {
            return refuse("ResourceNotFoundException");
        }
        let Ok(detail @ Value::Object(_)) = serde_json::from_str(text("Detail")) else {
            return refuse("MalformedDetail");
        };
        let number = self.taken.fetch_add(1, Ordering::SeqCst);
        let id = format!("00000000-0000-4000-8000-{number:012}");
        if text("Source").starts_with(&self.rule.source_prefix) {
            let time = self.time_of(entry);
            let envelope = json!({
                "version": "0",
                "id": id,
                "detail-type": text("DetailType"),
                "source": text("Source"),
                "account": "123456789012",
                "time": time.rfc3339().replace(".000Z", "Z"),
                "region": "eu-central-1",
                "resources": [],
                "detail": rewritten(detail),
            });
            let envelope = envelope.to_string();
            // On AWS after 24 hours of retries, which no test waits for.
            if !queues.try_send(&self.rule.queue, &envelope) {
                let kept = queues.try_send(&self.rule.dead_letter_queue, &envelope);
                assert!(kept, "an event that no queue takes is lost");
            }
        }
        json!({ "EventId": id })
    }

    /// The entry's own time, or now; in whole seconds, as the bus has it.
    fn time_of(&self, entry: &Value) -> Timestamp {
        #[expect(clippy::cast_possible_truncation, reason = "seconds of this age of the world")]
        let given = entry["Time"].as_f64().map(|seconds| seconds as i64);
        Timestamp::from_millis(given.unwrap_or_else(|| self.clock.now().seconds()) * 1_000)
    }
}

/// JSON as the bus writes it anew: keys sorted, numbers as a computer holds them. Only strings stay as they were.
fn rewritten(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> =
                fields.into_iter().map(|(key, value)| (key, rewritten(value))).collect();
            sorted.into_iter().collect()
        }
        Value::Array(items) => items.into_iter().map(rewritten).collect(),
        Value::Number(number) if !number.is_i64() && !number.is_u64() => json!(number.as_f64()),
        other => other,
    }
}

/// An entry's size as AWS counts it.
fn size(entry: &Value) -> usize {
    let time = if entry["Time"].is_null() { 0 } else { BYTES_OF_TIME };
    let texts = ["Source", "DetailType", "Detail"].iter().filter_map(|name| entry[name].as_str());
    time + texts.map(str::len).sum::<usize>()
}
