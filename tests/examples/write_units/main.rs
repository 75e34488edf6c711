//! What an event and its delivery cost to write, and in dollars, by the size of the event's data; and that the data which
//! is hardest to carry arrives as it was published.
//!
//! `cargo run --profile measuring -p tests --example write_units | grep -v '^{'`: two minutes. What grep leaves out are the
//! functions' own metrics.

#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal; its numbers are small"
)]

use std::time::Duration;

use data::{Sample, hardest, samples};
use measuring::{print_table, reads, thousands};
use prices::{Quantities, print_prices};
use serde_json::json;
use tests::{
    aws::{Call, Service},
    platform::{EVENTS, Hook, Organization, Platform},
    receiver::{Receiver, Reply},
};

mod data;
#[expect(dead_code, reason = "the other programs measure times, too")]
#[path = "../measuring/mod.rs"]
mod measuring;
mod prices;

const TYPE: &str = "send.email.sent";
/// So many events are averaged, so that what is written now and then counts as it should.
const MANY: usize = 1_000;
/// Between two of them, a thousand a minute.
const BETWEEN: Duration = Duration::from_millis(60);

#[tokio::main]
async fn main() {
    print_samples().await;
    print_writes().await;
    print_dollars().await;
    print_hardest().await;
}

/// One endpoint with its receiver, functions warm.
struct Stage {
    platform: Platform,
    organization: Organization,
    receiver: Receiver,
    hook: Hook,
}

/// What becomes of a delivery.
#[derive(Clone, Copy)]
enum Course {
    AtOnce,
    LongAnswer,
    FailedOnce,
    Held,
}

impl Course {
    const ALL: [Self; 4] = [Self::AtOnce, Self::LongAnswer, Self::FailedOnce, Self::Held];

    fn name(self) -> &'static str {
        match self {
            Self::AtOnce => "delivered at once",
            Self::LongAnswer => "delivered at once, answer of 1 KiB",
            Self::FailedOnce => "delivered after one failure",
            Self::Held => "held and released",
        }
    }
}

impl Stage {
    async fn set() -> Self {
        let (platform, receiver) = (Platform::new(), Receiver::start().await);
        let organization = platform.organization().await;
        let hook = platform.with_key(&organization.key).subscribe(&receiver.url(), &["send.*"]).await;
        let stage = Self { platform, organization, receiver, hook };
        stage.publish(r#"{"messageId":"the first"}"#).await;
        stage.platform.settle().await;
        stage
    }

    async fn publish(&self, data: &str) -> String {
        self.platform.with_key(&self.organization.key).publish(TYPE, data).await
    }

    async fn act(&self, action: &str) {
        let path = format!("/v1/webhooks/{}/{action}", self.hook.id);
        self.platform.with_key(&self.organization.key).post(&path, json!({})).await.expect(200);
    }

    /// Publishes an event and lets it take its course; the calls from then on.
    async fn follow(&self, course: Course, data: &str) -> Vec<Call> {
        match course {
            Course::AtOnce => {}
            Course::LongAnswer => {
                static ANSWER: [u8; 1_024] = [b'x'; 1_024];
                self.receiver.then([Reply::status(200).body(str::from_utf8(&ANSWER).unwrap())]);
            }
            Course::FailedOnce => self.receiver.then([Reply::status(500)]),
            Course::Held => {
                self.act("pause").await;
                // The pause is an event, too.
                self.platform.settle().await;
            }
        }
        self.platform.aws.forget_calls();
        let event = self.publish(data).await;
        self.platform.settle().await;
        let calls = if matches!(course, Course::Held) {
            let publishing = self.platform.aws.calls();
            self.act("unpause").await;
            self.platform.aws.forget_calls();
            self.platform.settle().await;
            [publishing, self.platform.aws.calls()].concat()
        } else {
            self.platform.aws.calls()
        };
        let delivery = self.platform.with_key(&self.organization.key).delivery(&event, &self.hook.id).await;
        assert_eq!(delivery["status"], "delivered", "{delivery}");
        calls
    }
}

/// A write to DynamoDB.
struct Write {
    table: String,
    operation: String,
    /// The beginning of its item's key.
    item: String,
    units: f64,
    index_units: f64,
}

fn writes(calls: &[Call]) -> Vec<Write> {
    let calls = calls.iter().filter(|call| call.service == Service::DynamoDb && !reads(call));
    calls
        .map(|call| {
            let key =
                if call.request["Item"].is_null() { &call.request["Key"] } else { &call.request["Item"] };
            let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
            let sort_key = text(&key["sk"]["S"]);
            let item = match text(&key["pk"]["S"]).split_once('#').map(|(kind, _)| kind.to_owned()) {
                Some(kind) if kind == "ORGANIZATION" => sort_key.split('#').next().unwrap().to_owned(),
                kind => kind.unwrap_or(sort_key),
            };
            Write {
                table: text(&call.request["TableName"]),
                operation: call.operation.clone(),
                item,
                units: call.capacity - call.index_capacity,
                index_units: call.index_capacity,
            }
        })
        .collect()
}

/// Units of the log's items of these kinds: of the table and of its index.
fn units(writes: &[Write], items: &[&str]) -> (f64, f64) {
    let these = writes.iter().filter(|write| items.contains(&write.item.as_str()));
    these.fold((0.0, 0.0), |(table, index), write| (table + write.units, index + write.index_units))
}

fn sum((table, index): (f64, f64)) -> String {
    if index == 0.0 { table.to_string() } else { format!("{} ({table} + {index})", table + index) }
}

async fn print_samples() {
    let stage = Stage::set().await;
    let mut rows = Vec::new();
    for Sample { name, data } in samples() {
        let mut row = vec![name.to_owned(), thousands(data.len())];
        for course in Course::ALL {
            let writes = writes(&stage.follow(course, &data).await);
            if matches!(course, Course::AtOnce) {
                row.push(sum(units(&writes, &["EVENTS"])));
            }
            row.push(sum(units(&writes, &["DELIVERED", "DELIVERY", "HELD"])));
        }
        rows.push(row);
    }
    let columns = [&["data", "bytes", "event"], &Course::ALL.map(Course::name)[..]].concat();
    print_table("Write units of an event and of one delivery, (table + index):", &columns, &rows);
}

async fn print_writes() {
    let mut rows = Vec::new();
    for course in Course::ALL {
        let stage = Stage::set().await;
        let mut name = course.name();
        for write in writes(&stage.follow(course, &samples()[0].data).await) {
            let Write { table, operation, item, units, index_units } = write;
            let what = format!("{table} {operation} `{item}`");
            rows.push(vec![name.to_owned(), what, units.to_string(), index_units.to_string()]);
            name = "";
        }
    }
    print_table("Every write in its order:", &["course", "write", "table", "index"], &rows);
}

/// The bill of many events of each size, of which each is handled alone, or ten at a time.
async fn print_dollars() {
    let samples = samples();
    let names: Vec<_> = samples.iter().map(|sample| sample.name).collect();
    let mut means = Vec::new();
    let mut bills = Vec::new();
    for at_once in [1, 10] {
        let mut bill = Vec::new();
        for (number, sample) in samples.iter().enumerate() {
            let (quantities, calls) = publish_many(&sample.data, at_once).await;
            bill.push(quantities.per_event(MANY));
            if number == 0 {
                means.push(by_item(&calls));
            }
        }
        bills.push(bill);
    }
    print_means(&means[0], &means[1]);
    let title = "What one event with one delivery takes, and US dollars of a million; handled";
    print_prices(&format!("{title} alone:"), &names, &bills[0]);
    print_prices(&format!("{title} ten at a time:"), &names, &bills[1]);
}

fn print_means(alone: &[(String, f64)], by_ten: &[(String, f64)]) {
    let mean = |sums: &[(String, f64)], what: &str| {
        let sum = sums.iter().find(|(known, _)| known == what).map_or(0.0, |(_, sum)| *sum);
        format!("{:.3}", sum / MANY as f64)
    };
    let row = |what: &str| vec![what.to_owned(), mean(alone, what), mean(by_ten, what)];
    let mut rows: Vec<_> = alone.iter().map(|(what, _)| row(what)).collect();
    let further = by_ten.iter().filter(|(what, _)| alone.iter().all(|(known, _)| known != what));
    rows.extend(further.map(|(what, _)| row(what)));
    let title = format!("Units per event of {}, the mean of {}:", samples()[0].name, thousands(MANY));
    print_table(&title, &["what", "handled alone", "ten at a time"], &rows);
}

async fn publish_many(data: &str, at_once: usize) -> (Quantities, Vec<Call>) {
    let stage = Stage::set().await;
    let mut quantities = Quantities::default();
    stage.platform.aws.forget_calls();
    for _ in 0..MANY / at_once {
        for _ in 0..at_once {
            stage.publish(data).await;
            stage.platform.aws.advance(BETWEEN);
        }
        quantities.events_queue_bytes(&stage.platform.aws.messages(EVENTS));
        quantities.batches += 1;
        stage.platform.settle().await;
    }
    let calls = stage.platform.aws.calls();
    quantities.count(&calls);
    assert_eq!(stage.receiver.received().len(), MANY + 1);
    (quantities, calls)
}

/// Units of each operation on each kind of item, in the order of their first call.
fn by_item(calls: &[Call]) -> Vec<(String, f64)> {
    let mut sums: Vec<(String, f64)> = Vec::new();
    let mut add = |what: String, units: f64| match sums.iter_mut().find(|(known, _)| *known == what) {
        Some((_, sum)) => *sum += units,
        None => sums.push((what, units)),
    };
    for call in calls.iter().filter(|call| call.service == Service::DynamoDb && reads(call)) {
        add(format!("reads: {}", call.operation), call.capacity);
    }
    for Write { table, operation, item, units, index_units } in writes(calls) {
        add(format!("writes: {table} {operation} `{item}`"), units + index_units);
    }
    sums
}

/// From the API over the bus, the log and both queues to the receiver, and back from the log.
async fn print_hardest() {
    let stage = Stage::set().await;
    let mut rows = Vec::new();
    for Sample { name, data } in hardest() {
        stage.platform.aws.forget_calls();
        let before = stage.receiver.received().len();
        let id = stage.publish(&data).await;
        stage.platform.settle().await;
        let calls = stage.platform.aws.calls();
        let carried = format!(r#""data":{data},"#);
        let [received] = &stage.receiver.received()[before..] else { panic!("{name}: not one POST") };
        assert!(received.verifies(&stage.hook.secret), "{name}: the signature");
        let read = stage.platform.with_key(&stage.organization.key).get(&format!("/v1/events/{id}")).await;
        let same = received.body.contains(&carried) && read.expect(200).text.contains(&carried);
        assert!(same, "{name} did not arrive as it was published");
        let bytes = |operation: &str| {
            let call = calls.iter().find(|call| call.operation == operation).expect("one of each");
            thousands(call.carried_bytes())
        };
        rows.push(vec![
            name.to_owned(),
            thousands(data.len()),
            bytes("PutEvents"),
            bytes("SendMessageBatch"),
            sum(units(&writes(&calls), &["EVENTS"])),
            "yes".to_owned(),
        ]);
    }
    let columns = ["data", "bytes", "on the bus", "in the queue", "write units", "the same at both ends"];
    print_table("The largest data of what is hardest to carry:", &columns, &rows);
}
