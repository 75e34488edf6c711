//! Measures what an endpoint that hangs costs the others: 20 events a second to A, alone and while B never answers.
//!
//! `cargo run -p tests --example isolation [BATCHES]`: with BATCHES the emulator hands so many batches of the deliveries
//! queue to `deliver` at once; otherwise 5, its default. (On AWS it is 200, by the template.)

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal, on the support of the tests"
)]

use std::{
    collections::{HashMap, HashSet},
    env, fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver as Ended, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use minreq::Method::Post;
use serde_json::{Value, json};
use support::{Arrival, Customer, Receiver, Reply, aws, customer::email, stacks, until};

#[expect(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/end_to_end/support/mod.rs"]
mod support;

const A_PER_SECOND: u32 = 20;
const B_PER_SECOND: [u32; 3] = [0, 20, 100];
const SPAN: Duration = Duration::from_mins(1);
/// Threads that publish to A, so that a slow answer does not delay the next event.
const PUBLISHERS: u32 = 10;

/// What was seen while B got so many events a second.
struct Seen {
    latencies: Vec<Duration>,
    lost: usize,
    b_published: u64,
    b_held: usize,
    in_flight: Vec<u64>,
}

fn main() {
    let batches = env::args().nth(1).map(|number| number.parse::<u32>().expect("a number of batches"));
    let stack = stacks::own("isolation", |options| match batches {
        Some(batches) => options.template(&with_batches(batches)),
        None => options,
    });
    println!(
        "{A_PER_SECOND} events/s to A for {} s; batches at once: {}",
        SPAN.as_secs(),
        batches.unwrap_or(5)
    );
    println!("B hangs at   B published   B held   A p50 ms   A p99 ms   A max ms   A lost   in flight, max");
    let seen = B_PER_SECOND.map(|rate| (rate, measure(&stack, rate)));
    for (rate, seen) in &seen {
        println!("in flight at {rate}/s, every 2 s: {:?}", seen.in_flight);
    }
}

/// The template with a number where the emulator cannot take it from a parameter, whose values are text to it.
fn with_batches(batches: u32) -> PathBuf {
    const SETTING: &str =
        "!If [LimitsDeliver, { MaximumConcurrency: !Ref DeliverMaximumConcurrency }, !Ref AWS::NoValue]";
    let template = fs::read_to_string(xtask::template()).expect("the template");
    assert_eq!(template.matches(SETTING).count(), 1, "the template has changed: change this here too");
    let path = stacks::folder("isolation").join("batches.yaml");
    let template = template.replace(SETTING, &format!("{{ MaximumConcurrency: {batches} }}"));
    fs::write(&path, template).expect("a copy of the template");
    path
}

fn measure(stack: &xtask::Stack, b_per_second: u32) -> Seen {
    let customer = Customer::of(stack, "isolation");
    let (a, b) = (Receiver::start(Reply::Status(200)), Receiver::start(Reply::Silence));
    let well = customer.endpoint(&a.url(), &["send.email.sent"]);
    let hanging = customer.endpoint(&b.url(), &["send.email.bounced"]);
    let (published, b_published) = (Mutex::new(HashMap::new()), AtomicU64::new(0));
    let in_flight = Mutex::new(Vec::new());
    thread::scope(|scope| {
        // Dropped at the end of this, by a failure too: that is what the watching thread sees.
        let (_running, ended) = channel();
        let in_flight = &in_flight;
        scope.spawn(move || watch(stack, in_flight, &ended));
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| {
                scope.spawn({
                    let (customer, published) = (&customer, &published);
                    move || publish_to_a(customer, published, number)
                })
            })
            .collect();
        if b_per_second > 0 {
            publish_to_b(&customer, b_per_second, &b_published);
        }
        for publisher in publishers {
            publisher.join().expect("a publisher");
        }
        until_all_arrived(&a, &published);
    });
    let held = customer.deliveries(&hanging, "held").len();
    let published = published.into_inner().unwrap();
    let arrivals: HashMap<_, _> =
        a.arrivals().iter().map(|arrival| (arrival.event().to_owned(), arrival.at)).collect();
    let mut latencies: Vec<Duration> = published
        .iter()
        .filter_map(|(event, at)| arrivals.get(event).map(|arrived| arrived.duration_since(*at)))
        .collect();
    latencies.sort_unstable();
    let seen = Seen {
        lost: published.len() - latencies.len(),
        latencies,
        b_published: b_published.into_inner(),
        b_held: held,
        in_flight: in_flight.into_inner().unwrap(),
    };
    report(b_per_second, &seen);
    for endpoint in [&well, &hanging] {
        customer.delete(endpoint);
    }
    until("the queue to be empty", || (waiting(stack) == 0).then_some(()));
    seen
}

fn report(b_per_second: u32, seen: &Seen) {
    let at = |part: usize| seen.latencies[(seen.latencies.len() - 1) * part / 100].as_millis();
    println!(
        "{b_per_second:>8}/s {:>13} {:>8} {:>10} {:>10} {:>10} {:>8} {:>16}",
        seen.b_published,
        seen.b_held,
        at(50),
        at(99),
        at(100),
        seen.lost,
        seen.in_flight.iter().max().copied().unwrap_or_default(),
    );
}

/// One of several threads that publish in turn, each at its own times.
fn publish_to_a(customer: &Customer, published: &Mutex<HashMap<String, Instant>>, number: u32) {
    let period = Duration::from_secs(1) * PUBLISHERS / A_PER_SECOND;
    let started = Instant::now() + period * number / PUBLISHERS;
    let mut due = started;
    while due < started + SPAN {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let at = Instant::now();
        let event = customer.publish();
        published.lock().unwrap().insert(event, at);
        due += period;
    }
}

/// A tenth of a second's events in each request, so that publishing them costs little.
fn publish_to_b(customer: &Customer, per_second: u32, published: &AtomicU64) {
    let mut data = email();
    data["to"] = json!("user@example.com");
    data["bounceType"] = json!("hard");
    let events = vec![json!({ "type": "send.email.bounced", "data": data }); per_second as usize / 10];
    let (started, period) = (Instant::now(), Duration::from_millis(100));
    let mut due = started;
    while due < started + SPAN {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let answer = customer.call(Post, "/v1/events/batch", Some(&json!({ "events": events }))).expect(202);
        let Value::Array(results) = &answer["results"] else { panic!("{answer}") };
        let accepted = results.iter().filter(|result| result["status"] == 202).count();
        assert_eq!(accepted, events.len(), "{answer}");
        published.fetch_add(accepted as u64, Ordering::Relaxed);
        due += period;
    }
}

/// Notes how many messages are in flight, every two seconds.
fn watch(stack: &xtask::Stack, in_flight: &Mutex<Vec<u64>>, ended: &Ended<()>) {
    while ended.recv_timeout(Duration::from_secs(2)) == Err(RecvTimeoutError::Timeout) {
        let depth = aws::depth(stack.env(), "DELIVERIES_QUEUE_URL");
        in_flight.lock().unwrap().push(depth.in_flight);
    }
}

fn until_all_arrived(a: &Receiver, published: &Mutex<HashMap<String, Instant>>) {
    let all = published.lock().unwrap().len();
    until("all of A's events to arrive", || {
        let arrivals = a.arrivals();
        let events: HashSet<_> = arrivals.iter().map(Arrival::event).collect();
        (events.len() >= all).then_some(())
    });
}

fn waiting(stack: &xtask::Stack) -> u64 {
    let depth = aws::depth(stack.env(), "DELIVERIES_QUEUE_URL");
    depth.visible + depth.in_flight + depth.delayed
}
