//! From what an event takes to dollars.

use tests::aws::{Call, Service};

use crate::measuring::{print_table, reads};

/// AWS's list prices in us-east-1, in dollars, without free tiers and volume discounts. To be checked before they are
/// relied on: AWS changes them.
const HTTP_API_REQUEST: f64 = 1.00 / MILLION;
const BUS_EVENT: f64 = 1.00 / MILLION;
const QUEUE_REQUEST: f64 = 0.40 / MILLION;
const FUNCTION_REQUEST: f64 = 0.20 / MILLION;
/// On arm64.
const GIB_SECOND: f64 = 0.000_013_333_4;
/// On demand.
const WRITE_UNIT: f64 = 0.625 / MILLION;
const READ_UNIT: f64 = 0.125 / MILLION;
const MILLION: f64 = 1_000_000.0;

/// What EventBridge and SQS count as one.
const CHUNK_BYTES: usize = 64 * 1024;

/// The functions' memory, as the template's defaults have it.
const GIB: f64 = 0.25;
/// How long a function is billed for one invocation, in seconds. Guesses, which only AWS can replace: deliver waits for
/// its receivers, which here take a tenth of a second.
const API_SECONDS: f64 = 0.010;
const FAN_OUT_SECONDS: f64 = 0.025;
const DELIVER_SECONDS: f64 = 0.150;

/// What was measured of some events.
#[derive(Default)]
pub(crate) struct Quantities {
    /// Batches that a function got of a queue.
    pub(crate) batches: usize,
    bus_chunks: usize,
    queue_chunks: usize,
    read_units: f64,
    write_units: f64,
}

/// The same per event.
pub(crate) struct PerEvent {
    batches: f64,
    bus_chunks: f64,
    queue_chunks: f64,
    read_units: f64,
    write_units: f64,
}

impl Quantities {
    /// Counts what the bus sent to its queue, each message alone.
    pub(crate) fn events_queue_bytes(&mut self, messages: &[String]) {
        self.queue_chunks +=
            messages.iter().map(|message| message.len().div_ceil(CHUNK_BYTES)).sum::<usize>();
    }

    pub(crate) fn count(&mut self, calls: &[Call]) {
        for call in calls {
            match call.service {
                Service::DynamoDb if reads(call) => self.read_units += call.capacity,
                Service::DynamoDb => self.write_units += call.capacity,
                Service::EventBridge => self.bus_chunks += call.carried_bytes().div_ceil(CHUNK_BYTES),
                Service::Sqs => self.queue_chunks += call.carried_bytes().div_ceil(CHUNK_BYTES).max(1),
                Service::Kms => {}
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    pub(crate) fn per_event(&self, events: usize) -> PerEvent {
        let events = events as f64;
        PerEvent {
            batches: self.batches as f64 / events,
            bus_chunks: self.bus_chunks as f64 / events,
            queue_chunks: self.queue_chunks as f64 / events,
            read_units: self.read_units / events,
            write_units: self.write_units / events,
        }
    }
}

/// A line of the bill: what, its price, and how many an event takes.
type Line = (&'static str, f64, fn(&PerEvent) -> f64);

const LINES: [Line; 7] = [
    ("HTTP API: requests", HTTP_API_REQUEST, |_| 1.0),
    ("EventBridge: custom events of 64 KiB", BUS_EVENT, |event| event.bus_chunks),
    // Of each of both queues' batches one request that receives it and one that deletes it.
    ("SQS: requests of 64 KiB", QUEUE_REQUEST, |event| event.queue_chunks + 4.0 * event.batches),
    ("Lambda: requests", FUNCTION_REQUEST, |event| 1.0 + 2.0 * event.batches),
    ("Lambda: GiB-seconds", GIB_SECOND, |event| {
        GIB * (API_SECONDS + event.batches * (FAN_OUT_SECONDS + DELIVER_SECONDS))
    }),
    ("DynamoDB: write units", WRITE_UNIT, |event| event.write_units),
    ("DynamoDB: read units", READ_UNIT, |event| event.read_units),
];

/// Prints the bill of a million events with one delivery each, one column for each kind of event.
pub(crate) fn print_prices(title: &str, kinds: &[&str], events: &[PerEvent]) {
    let row = |what: &str, price: Option<f64>, cell: &dyn Fn(&PerEvent) -> String| {
        let price = price.map_or(String::new(), |price| format!("{:.3}", price * MILLION));
        [vec![what.to_owned(), price], events.iter().map(cell).collect()].concat()
    };
    let mut rows: Vec<_> = LINES
        .iter()
        .map(|(what, price, of)| {
            row(what, Some(*price), &|event| format!("{:.3}: ${:.2}", of(event), price * of(event) * MILLION))
        })
        .collect();
    let together = |event: &PerEvent| LINES.iter().map(|(_, price, of)| price * of(event)).sum::<f64>();
    rows.push(row("together", None, &|event| format!("${:.2}", together(event) * MILLION)));
    print_table(title, &[&["what", "$ per million"], kinds].concat(), &rows);
}
