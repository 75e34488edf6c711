//! Standard queues: visibility, receive counts, dead-letter queues. In order, so that tests repeat.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Mutex,
    time::Duration,
};

use domain::Timestamp;
use runtime::Clock;
use serde_json::{Value, json};

use super::{lock, refusal::Refusal};
use crate::template::QueueSettings;

/// The most messages of one batch.
const MAX_ENTRIES: usize = 10;
/// The most bytes of one batch, and of one message where its queue allows as much. Source: SQS's quotas.
const MAX_BYTES: usize = 1024 * 1024;
/// The longest that a message stays hidden after one receive.
const MAX_HIDDEN: Duration = Duration::from_hours(12);

/// A message as its consumer gets it.
#[derive(Debug, Clone)]
pub struct ReceivedMessage {
    /// The message's id.
    pub message_id: String,
    /// Good for this receive.
    pub receipt_handle: String,
    /// The message.
    pub body: String,
    /// How often it has been received, this time included.
    pub receive_count: u32,
}

/// How a message comes once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// It was never received: a second message with this body is there, as after a send that was repeated because its
    /// answer was lost.
    Twin(String),
    /// It was received and hidden: it shows at once, as visibility is no guarantee.
    Early,
}

#[derive(Debug)]
pub(super) struct Queues {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queues: BTreeMap<String, Queue>,
    sent: u64,
}

#[derive(Debug)]
struct Queue {
    settings: QueueSettings,
    messages: Vec<Message>,
}

#[derive(Debug, Clone)]
struct Message {
    id: String,
    body: String,
    visible_at: Timestamp,
    receive_count: u32,
    received_at: Option<Timestamp>,
}

impl Message {
    fn receipt_handle(&self) -> String {
        format!("{}/{}", self.id, self.receive_count)
    }
}

impl Queues {
    pub(super) fn new(settings: BTreeMap<String, QueueSettings>, clock: Clock) -> Self {
        let sizes = settings.values().map(|settings| settings.maximum_message_size);
        assert!(sizes.max() <= Some(MAX_BYTES), "SQS takes no larger messages");
        let queues =
            settings.into_iter().map(|(name, settings)| (name, Queue { settings, messages: Vec::new() }));
        Self { clock, state: Mutex::new(State { queues: queues.collect(), sent: 0 }) }
    }

    pub(super) fn handle(&self, operation: &str, request: &Value, part_only: bool) -> Result<Value, Refusal> {
        let url = request["QueueUrl"].as_str().unwrap_or_default();
        let queue = url.rsplit('/').next().unwrap_or_default();
        if !lock(&self.state).queues.contains_key(queue) {
            return Err(Refusal::new("com.amazonaws.sqs#QueueDoesNotExist", url));
        }
        match operation {
            "SendMessage" => self.send_one(queue, request),
            "SendMessageBatch" => self.send_batch(queue, request, part_only),
            "ChangeMessageVisibility" => self.change_visibility(queue, request),
            "DeleteMessage" => {
                self.delete(queue, request["ReceiptHandle"].as_str().unwrap_or_default());
                Ok(json!({}))
            }
            _ => Err(Refusal::unknown_operation(operation)),
        }
    }

    pub(super) fn receive(&self, queue: &str, max: usize) -> Vec<ReceivedMessage> {
        let (now, mut state) = (self.clock.now(), lock(&self.state));
        let queue = state.queues.get_mut(queue).expect("the template has the queue");
        let mut dead = Vec::new();
        if let Some(redrive) = &queue.settings.redrive {
            let spent = |message: &mut Message| {
                message.visible_at <= now && message.receive_count >= redrive.max_receive_count
            };
            let taken: Vec<_> = queue.messages.extract_if(.., spent).collect();
            dead.extend(taken.into_iter().map(|message| (redrive.dead_letter_queue.clone(), message)));
        }
        let hidden_until = now.after(queue.settings.visibility_timeout);
        let visible = queue.messages.iter_mut().filter(|message| message.visible_at <= now);
        let received = visible.take(max).map(|message| {
            message.receive_count += 1;
            message.visible_at = hidden_until;
            message.received_at = Some(now);
            ReceivedMessage {
                message_id: message.id.clone(),
                receipt_handle: message.receipt_handle(),
                body: message.body.clone(),
                receive_count: message.receive_count,
            }
        });
        let received = received.collect();
        for (dead_letter_queue, message) in dead {
            state.queues.get_mut(&dead_letter_queue).expect("it exists").messages.push(message);
        }
        received
    }

    pub(super) fn delete(&self, queue: &str, receipt_handle: &str) {
        let id = receipt_handle.split('/').next().unwrap_or_default();
        let mut state = lock(&self.state);
        let queue = state.queues.get_mut(queue).expect("the template has the queue");
        queue.messages.retain(|message| message.id != id);
    }

    pub(super) fn purge(&self, queue: &str) {
        let mut state = lock(&self.state);
        state.queues.get_mut(queue).expect("the template has the queue").messages.clear();
    }

    pub(super) fn send(&self, queue: &str, body: String, delay: Duration) -> String {
        let (visible_at, mut state) = (self.clock.now().after(delay), lock(&self.state));
        state.sent += 1;
        let id = format!("message-{}", state.sent);
        let message = Message { id: id.clone(), body, visible_at, receive_count: 0, received_at: None };
        state.queues.get_mut(queue).expect("the template has the queue").messages.push(message);
        id
    }

    pub(super) fn duplicate(&self, queue: &str) {
        for body in self.bodies(queue) {
            self.send(queue, body, Duration::ZERO);
        }
    }

    pub(super) fn deliver_again(&self, queue: &str, position: usize) -> Option<Again> {
        let (now, mut state) = (self.clock.now(), lock(&self.state));
        let messages = &mut state.queues.get_mut(queue).expect("the template has the queue").messages;
        let count = messages.len();
        let message = messages.get_mut(position.checked_rem(count)?)?;
        if message.receive_count > 0 {
            message.visible_at = now;
            return Some(Again::Early);
        }
        let body = message.body.clone();
        drop(state);
        self.send(queue, body.clone(), Duration::ZERO);
        Some(Again::Twin(body))
    }

    pub(super) fn shuffle(&self, queue: &str, seed: u64) {
        let mut state = lock(&self.state);
        let messages = &mut state.queues.get_mut(queue).expect("the template has the queue").messages;
        // Knuth's multiplier; the message's number makes neighbours part.
        let rank = |message: &Message| {
            let number: u64 = message.id.trim_start_matches("message-").parse().unwrap_or_default();
            (number ^ seed).wrapping_mul(6_364_136_223_846_793_005).rotate_left(17)
        };
        messages.sort_by_key(rank);
    }

    pub(super) fn bodies(&self, queue: &str) -> Vec<String> {
        let state = lock(&self.state);
        state.queues[queue].messages.iter().map(|message| message.body.clone()).collect()
    }

    pub(super) fn next_visibility(&self, queues: &[&str]) -> Option<Duration> {
        let (now, state) = (self.clock.now(), lock(&self.state));
        let messages = queues.iter().flat_map(|queue| &state.queues[*queue].messages);
        messages.map(|message| message.visible_at.since(now)).min()
    }

    /// Puts a message into a queue as another service of AWS does; false if the queue does not take it.
    pub(super) fn try_send(&self, queue: &str, body: &str) -> bool {
        let taken = is_text_of_at_most(self.maximum_message_size(queue), body);
        if taken {
            self.send(queue, body.to_owned(), Duration::ZERO);
        }
        taken
    }

    fn maximum_message_size(&self, queue: &str) -> usize {
        lock(&self.state).queues[queue].settings.maximum_message_size
    }

    fn send_one(&self, queue: &str, request: &Value) -> Result<Value, Refusal> {
        self.check_body(queue, request)?;
        Ok(json!({ "MessageId": self.send_entry(queue, request) }))
    }

    fn send_batch(&self, queue: &str, request: &Value, part_only: bool) -> Result<Value, Refusal> {
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        check_batch(entries)?;
        let refused = part_only.then(|| entries.len() - 1);
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for (position, entry) in entries.iter().enumerate() {
            if refused == Some(position) {
                failed.push(json!({ "Id": entry["Id"], "SenderFault": false, "Code": "InternalError" }));
            } else {
                self.check_body(queue, entry)?;
                let id = self.send_entry(queue, entry);
                successful.push(json!({ "Id": entry["Id"], "MessageId": id, "MD5OfMessageBody": "" }));
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    fn check_body(&self, queue: &str, entry: &Value) -> Result<(), Refusal> {
        let body = entry["MessageBody"].as_str().unwrap_or_default();
        if is_text_of_at_most(self.maximum_message_size(queue), body) {
            return Ok(());
        }
        let message = "the body is empty, too long or not text";
        Err(Refusal::new("com.amazonaws.sqs#InvalidMessageContents", message))
    }

    fn send_entry(&self, queue: &str, entry: &Value) -> String {
        let body = entry["MessageBody"].as_str().unwrap_or_default().to_owned();
        let delay = entry["DelaySeconds"].as_u64().unwrap_or(0);
        assert!(delay <= 900, "SQS delays a message for at most 15 minutes");
        self.send(queue, body, Duration::from_secs(delay))
    }

    fn change_visibility(&self, queue: &str, request: &Value) -> Result<Value, Refusal> {
        let handle = request["ReceiptHandle"].as_str().unwrap_or_default();
        let hidden = Duration::from_secs(request["VisibilityTimeout"].as_u64().unwrap_or(u64::MAX));
        let (now, mut state) = (self.clock.now(), lock(&self.state));
        let messages = &mut state.queues.get_mut(queue).expect("looked up above").messages;
        let message = messages.iter_mut().find(|message| message.receipt_handle() == handle);
        let Some(message) = message.filter(|message| now < message.visible_at) else {
            return Err(Refusal::new("com.amazonaws.sqs#MessageNotInflight", handle));
        };
        let in_flight_for = now.since(message.received_at.unwrap_or(now));
        if hidden > MAX_HIDDEN || in_flight_for + hidden > MAX_HIDDEN {
            let message = "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(Refusal::new("com.amazonaws.sqs#InvalidParameterValue", message));
        }
        message.visible_at = now.after(hidden);
        Ok(json!({}))
    }
}

fn check_batch(entries: &[Value]) -> Result<(), Refusal> {
    let ids: HashSet<_> = entries.iter().map(|entry| entry["Id"].as_str()).collect();
    let bytes: usize = entries.iter().filter_map(|entry| entry["MessageBody"].as_str()).map(str::len).sum();
    let code = match entries.len() {
        0 => "EmptyBatchRequest",
        n if n > MAX_ENTRIES => "TooManyEntriesInBatchRequest",
        n if ids.len() < n => "BatchEntryIdsNotDistinct",
        _ if bytes > MAX_BYTES => "BatchRequestTooLong",
        _ => return Ok(()),
    };
    Err(Refusal::new(&format!("com.amazonaws.sqs#{code}"), code))
}

/// Whether it is what a queue takes.
fn is_text_of_at_most(bytes: usize, body: &str) -> bool {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    (1..=bytes).contains(&body.len()) && body.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Redrive;

    const HOUR: Duration = Duration::from_hours(1);

    fn queues(clock: &Clock) -> Queues {
        let redrive = Redrive { dead_letter_queue: "dead".into(), max_receive_count: 2 };
        let settings = |redrive| QueueSettings {
            visibility_timeout: Duration::from_secs(30),
            maximum_message_size: MAX_BYTES,
            redrive,
        };
        let (live, dead) = (settings(Some(redrive)), settings(None));
        Queues::new(BTreeMap::from([("live".into(), live), ("dead".into(), dead)]), clock.clone())
    }

    fn clock() -> Clock {
        Clock::manual(Timestamp::from_millis(1_800_000_000_000))
    }

    fn advance(clock: &Clock, span: Duration) {
        clock.move_to(clock.now().after(span));
    }

    fn hide(queues: &Queues, message: &ReceivedMessage, span: Duration) -> Result<Value, Refusal> {
        let handle = &message.receipt_handle;
        let request =
            json!({ "QueueUrl": "live", "ReceiptHandle": handle, "VisibilityTimeout": span.as_secs() });
        queues.handle("ChangeMessageVisibility", &request, false)
    }

    #[test]
    fn a_received_message_comes_back_until_it_is_dead() {
        let clock = clock();
        let queues = queues(&clock);
        queues.send("live", "m".into(), Duration::ZERO);
        for count in 1..=2 {
            assert_eq!(queues.receive("live", 10)[0].receive_count, count);
            assert!(queues.receive("live", 10).is_empty(), "it is hidden");
            advance(&clock, Duration::from_secs(30));
        }
        assert!(queues.receive("live", 10).is_empty());
        assert_eq!((queues.bodies("live"), queues.bodies("dead")), (vec![], vec!["m".to_owned()]));
    }

    #[test]
    fn a_purged_queue_is_empty_of_hidden_messages_too() {
        let queues = queues(&clock());
        for body in ["hidden", "visible"] {
            queues.send("live", body.into(), Duration::ZERO);
        }
        assert_eq!(queues.receive("live", 1).len(), 1);

        queues.purge("live");

        assert!(queues.bodies("live").is_empty());
    }

    #[test]
    fn no_receive_hides_a_message_for_more_than_12_hours_in_all() {
        let clock = clock();
        let queues = queues(&clock);
        queues.send("live", "m".into(), Duration::ZERO);
        let message = queues.receive("live", 10).pop().unwrap();
        advance(&clock, Duration::from_secs(10));
        assert!(hide(&queues, &message, 12 * HOUR).is_err());
        assert!(hide(&queues, &message, (12 * HOUR).checked_sub(Duration::from_secs(10)).unwrap()).is_ok());
        assert_eq!(
            queues.next_visibility(&["live"]),
            Some((12 * HOUR).checked_sub(Duration::from_secs(10)).unwrap())
        );
        advance(&clock, 12 * HOUR);
        assert!(hide(&queues, &message, HOUR).is_err(), "it is not in flight any more");
    }

    #[test]
    fn a_message_is_bounded_by_its_queue() {
        let settings = QueueSettings {
            visibility_timeout: Duration::from_secs(30),
            maximum_message_size: 1_024,
            redrive: None,
        };
        let queues = Queues::new(BTreeMap::from([("small".into(), settings)]), clock());
        let send = |bytes: usize| {
            let request = json!({ "QueueUrl": "small", "MessageBody": "x".repeat(bytes) });
            queues.handle("SendMessage", &request, false)
        };
        assert!(send(1_024).is_ok());
        assert!(send(1_025).is_err());
        assert!(queues.try_send("small", &"x".repeat(1_024)));
        assert!(!queues.try_send("small", &"x".repeat(1_025)));
        assert_eq!(queues.bodies("small").len(), 2);
    }

    #[test]
    fn batches_are_bounded_by_count_and_by_bytes() {
        let entry =
            |id: usize, bytes: usize| json!({ "Id": id.to_string(), "MessageBody": "x".repeat(bytes) });
        let batch = |entries: Vec<Value>| {
            queues(&clock()).handle(
                "SendMessageBatch",
                &json!({ "QueueUrl": "live", "Entries": entries }),
                false,
            )
        };
        assert!(batch((0..10).map(|id| entry(id, 1)).collect()).is_ok());
        assert!(batch((0..11).map(|id| entry(id, 1)).collect()).is_err());
        assert!(batch(vec![entry(0, MAX_BYTES - 1), entry(1, 1)]).is_ok());
        assert!(batch(vec![entry(0, MAX_BYTES), entry(1, 1)]).is_err());
        assert!(batch(vec![entry(0, 1), entry(0, 1)]).is_err());
        assert!(batch(vec![]).is_err());
    }
}
