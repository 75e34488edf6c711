//! Kills every function process again and again while 2,000 events are published, and counts what arrives.
//!
//! `cargo run -p tests --example kill9`. What a killed function had in hands comes back after its queue's visibility
//! timeout, 6 minutes at the deliveries queue, so this takes about ten.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal, on the support of the tests"
)]

use std::{
    collections::HashMap,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use minreq::Method::Post;
use serde_json::json;
use support::{
    Answer, Customer, Receiver, Reply, api, aws, customer::email, customer::text, sockets, stacks,
};

#[expect(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/end_to_end/support/mod.rs"]
mod support;

const EVENTS: usize = 2_000;
const PUBLISHERS: usize = 4;
const BETWEEN_KILLS: Duration = Duration::from_secs(4);
/// What was killed last may have been killed three times in a row, and waits for the visibility timeout each time.
const PATIENCE: Duration = Duration::from_mins(25);

fn main() {
    let stack = stacks::own("kill9", |options| options);
    let customer = Customer::of(&stack, "kill -9");
    let receiver = Receiver::start(Reply::Status(200));
    let endpoint = customer.endpoint(&receiver.url(), &["send.*"]);
    let (published, repeated) = (Mutex::new(Vec::new()), AtomicU32::new(0));
    let (rounds, killed) = (AtomicU32::new(0), AtomicU32::new(0));
    let started = Instant::now();
    thread::scope(|scope| {
        // Dropped at the end of this, by a failure too: that is what the killing thread sees.
        let (_running, ended) = channel::<()>();
        let (stack, rounds, killed) = (&stack, &rounds, &killed);
        scope.spawn(move || {
            while ended.recv_timeout(BETWEEN_KILLS) == Err(RecvTimeoutError::Timeout) {
                rounds.fetch_add(1, Ordering::Relaxed);
                killed.fetch_add(kill_functions(stack), Ordering::Relaxed);
            }
        });
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|number| {
                scope.spawn({
                    let (customer, published, repeated) = (&customer, &published, &repeated);
                    move || publish(customer, number, published, repeated)
                })
            })
            .collect();
        for publisher in publishers {
            publisher.join().expect("a publisher");
        }
    });
    let published = published.into_inner().unwrap();
    println!(
        "{} events accepted in {:.0} s; {} processes killed in {} rounds; {} publications repeated",
        published.len(),
        started.elapsed().as_secs_f64(),
        killed.into_inner(),
        rounds.into_inner(),
        repeated.into_inner(),
    );
    let missing = wait_for_all(&stack, &receiver, &published);
    let mut posts = HashMap::new();
    for arrival in receiver.arrivals() {
        *posts.entry(arrival.event().to_owned()).or_insert(0_u32) += 1;
    }
    let delivered = customer.deliveries(&endpoint, "delivered").len();
    let duplicates: u32 = posts.values().map(|count| count - 1).sum();
    println!(
        "{} of {EVENTS} arrived within {:.0} s, {missing} missing; {duplicates} duplicates; {delivered} recorded as delivered; {} events that nobody published",
        published.iter().filter(|event| posts.contains_key(*event)).count(),
        started.elapsed().as_secs_f64(),
        posts.keys().filter(|event| !published.contains(event)).count(),
    );
    assert_eq!((missing, delivered), (0, EVENTS), "an accepted event was lost");
}

/// Publishes this thread's part. Each event has an idempotency key, and is published until it is accepted.
fn publish(customer: &Customer, number: usize, published: &Mutex<Vec<String>>, repeated: &AtomicU32) {
    let url = format!("{}/v1/events", customer.stack.env().base_url());
    let event = json!({ "type": "send.email.sent", "data": email() });
    for turn in 0..EVENTS / PUBLISHERS {
        let id = loop {
            let request = api::request(Post, url.clone(), Some(&event))
                .with_header("X-API-Key", &customer.organization.key)
                .with_header("Idempotency-Key", format!("{number}-{turn}"));
            let answer = Answer::of(request);
            if answer.status == 202 {
                break text(&answer.json(), "eventId");
            }
            assert!(answer.status >= 500, "{}: {}", answer.status, answer.body);
            repeated.fetch_add(1, Ordering::Relaxed);
        };
        published.lock().unwrap().push(id);
    }
}

/// Kills every function process of this stack; how many there were.
fn kill_functions(stack: &xtask::Stack) -> u32 {
    let url = stack.env().get("AWS_ENDPOINT_URL").expect("the emulator's address");
    let port: u16 = url.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    let listening = sockets::listening();
    let gateway = listening.iter().find(|socket| socket.address.port() == port).expect("the emulator");
    let mut killed = 0;
    for process in sockets::group_of(*gateway) {
        if sockets::program_of(process).ends_with("/bootstrap") {
            let status = Command::new("kill").args(["-9", &process.to_string()]).status();
            killed += u32::from(status.is_ok_and(|status| status.success()));
        }
    }
    killed
}

fn wait_for_all(stack: &xtask::Stack, receiver: &Receiver, published: &[String]) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let arrived: std::collections::HashSet<_> =
            receiver.arrivals().iter().map(|arrival| arrival.event().to_owned()).collect();
        let missing = published.iter().filter(|event| !arrived.contains(*event)).count();
        let queues = ["EVENTS_QUEUE_URL", "DELIVERIES_QUEUE_URL", "SLOW_DELIVERIES_QUEUE_URL"]
            .map(|queue| aws::depth(stack.env(), queue));
        let waiting: u64 = queues.iter().map(|depth| depth.visible + depth.in_flight + depth.delayed).sum();
        // Until the queues are empty too: what comes back was perhaps delivered before, and is then a duplicate.
        if (missing == 0 && waiting == 0) || Instant::now() > deadline {
            return missing;
        }
        thread::sleep(Duration::from_secs(5));
    }
}
