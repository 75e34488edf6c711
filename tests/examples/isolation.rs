//! Measures what an endpoint that hangs costs the others: 20 events a second to A, alone, beside a B that answers, and
//! beside one that never does.
//!
//! `cargo run -p tests --example isolation`, on a local stack of its own, as `cargo xtask up` deploys it. Takes about ten
//! minutes.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal, on the support of the tests"
)]

use std::{
    collections::{HashMap, HashSet},
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
/// What B gets a second, and whether it answers. A B that answers shows what the traffic alone costs.
const B: [(u32, bool); 5] = [(0, true), (20, true), (20, false), (100, true), (100, false)];
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
    let stack = stacks::own("isolation", |options| options);
    println!("{A_PER_SECOND} events/s to A for {} s", SPAN.as_secs());
    println!(
        "B        events/s   B published   B held   A p50 ms   A p99 ms   A max ms   A lost   in flight, max"
    );
    let seen = B.map(|(rate, answers)| measure(&stack, rate, answers));
    for ((rate, answers), seen) in B.iter().zip(&seen) {
        println!("in flight, B {} at {rate}/s, every 2 s: {:?}", verb(*answers), seen.in_flight);
    }
}

fn verb(answers: bool) -> &'static str {
    if answers { "answers" } else { "hangs" }
}

fn measure(stack: &xtask::Stack, b_per_second: u32, b_answers: bool) -> Seen {
    let customer = Customer::of(stack, "isolation");
    let of_b = if b_answers { Reply::Status(200) } else { Reply::Silence };
    let (a, b) = (Receiver::start(Reply::Status(200)), Receiver::start(of_b));
    let well = customer.endpoint(&a.url(), &["send.email.sent"]);
    let beside = customer.endpoint(&b.url(), &["send.email.bounced"]);
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
    let held = customer.deliveries(&beside, "held").len();
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
    report(b_per_second, b_answers, &seen);
    for endpoint in [&well, &beside] {
        customer.delete(endpoint);
    }
    until("the queue to be empty", || (waiting(stack) == 0).then_some(()));
    seen
}

fn report(b_per_second: u32, b_answers: bool, seen: &Seen) {
    let at = |part: usize| seen.latencies[(seen.latencies.len() - 1) * part / 100].as_millis();
    println!(
        "{:<8} {b_per_second:>8} {:>13} {:>8} {:>10} {:>10} {:>10} {:>8} {:>16}",
        verb(b_answers),
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
        in_flight.lock().unwrap().push(depths(stack).iter().map(|depth| depth.in_flight).sum());
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
    depths(stack).iter().map(|depth| depth.visible + depth.in_flight + depth.delayed).sum()
}

fn depths(stack: &xtask::Stack) -> [aws::Depth; 2] {
    ["DELIVERIES_QUEUE_URL", "SLOW_DELIVERIES_QUEUE_URL"].map(|queue| aws::depth(stack.env(), queue))
}
