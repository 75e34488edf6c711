//! How hot the log's keys become: write units a second for each partition key, of the table and of its index, counted
//! from what the embedded DynamoDB says that each write of the product's own code consumed. A clock that is moved by hand
//! makes the seconds.
//!
//! `cargo run --profile measuring -p tests --example partition_heat`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal, on the support of the tests"
)]

use std::{collections::HashMap, time::Duration};

use domain::{
    Timestamp,
    attempt::{Attempt, Outcome},
    audience::Audience,
    catalogue::Catalogue,
    delivery::{Delivery, Status},
    event::Event,
    event_data::EventData,
    ids::{EndpointId, EventId, Lane, OrganizationId},
};
use measuring::print_table;
use storage::{Arrival, Log, LoggedEvent};
use tests::{
    aws::{Aws, Call, Service},
    platform::Platform,
};

#[expect(dead_code, reason = "the other measuring programs use more of it")]
mod measuring;

const TYPE: &str = "send.email.sent";
const EVENTS_A_SECOND: u32 = 10_000;
const DELIVERIES_A_SECOND: u32 = 1_000;
/// Instances of the functions, which share the work evenly and know nothing of each other.
const INSTANCES: usize = 100;

/// What DynamoDB grants one partition key.
const GRANTED: f64 = 1_000.0;

/// The write units of each key in one second.
type Second = HashMap<String, f64>;

/// An organization's log, written by many instances.
struct Simulation {
    platform: Platform,
    instances: Vec<Log>,
    organization: OrganizationId,
    endpoint: EndpointId,
    random: u64,
}

impl Simulation {
    fn new() -> Self {
        let platform = Platform::new();
        let now = platform.aws.clock().now();
        let phases = (0..INSTANCES).map(|number| u8::try_from(number * 37 % 256).unwrap());
        let log = |phase| Log::new(&platform.aws.config(), "LogTable".into()).counting_from(phase);
        Self {
            instances: phases.map(log).collect(),
            organization: OrganizationId::new(now, [1; 10]),
            endpoint: EndpointId::new(now, [2; 10]),
            platform,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    fn aws(&self) -> &Aws {
        &self.platform.aws
    }

    fn now(&self) -> Timestamp {
        self.aws().clock().now()
    }

    fn random(&mut self) -> [u8; 8] {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()
    }

    /// Has `work` done for so many pieces, spread over a second, and returns what each key was charged.
    async fn second(&mut self, pieces: u32, mut work: impl AsyncFnMut(&mut Self, usize)) -> Second {
        let steps = 1_000_u64;
        let mut done = 0_u32;
        for step in 1..=steps {
            while u64::from(done) * steps < u64::from(pieces) * step {
                let instance = usize::try_from(done).unwrap() % INSTANCES;
                work(self, instance).await;
                done += 1;
            }
            self.aws().advance(Duration::from_millis(1));
        }
        let heat = heat(&self.aws().calls());
        self.aws().forget_calls();
        heat
    }

    /// An event that is published and logged, through the API or, without a lane of its own, straight to the bus.
    async fn publish(&mut self, instance: usize, direct: bool) {
        let (now, random) = (self.now(), self.random());
        let data = EventData::parse(&format!(r#"{{"messageId":"{}"}}"#, "m".repeat(283))).unwrap();
        let arrival = Arrival {
            organization: self.organization,
            event_type: TYPE,
            livemode: true,
            at: now,
            bytes: data.as_json().len(),
            draw: random[6],
        };
        let log = &self.instances[instance];
        let lane = if direct {
            log.count_and_choose_settled_lane(&arrival, now).await
        } else {
            log.count_and_choose_lane(&arrival).await
        };
        let event = self.event(lane.unwrap(), random, data);
        let logged = LoggedEvent::new(event, Audience::Subscribers, vec![self.endpoint]);
        log.put_event(self.organization, &logged).await.unwrap();
    }

    fn event(&self, lane: Lane, random: [u8; 8], data: EventData) -> Event {
        let code = Catalogue::get().find(TYPE).unwrap().code();
        let id = EventId::new(self.now(), code, lane, random);
        Event {
            id,
            organization: self.organization,
            event_type: TYPE.into(),
            data,
            livemode: true,
            created_at: self.now(),
        }
    }

    /// A delivery of which nothing is recorded yet.
    fn delivery(&mut self) -> Delivery {
        let random = self.random();
        let lane = Lane { livemode: true, shard: random[0] };
        let event = self.event(lane, random, EventData::parse("{}").unwrap());
        Delivery::pending(&event, self.endpoint)
    }

    /// What a receiver answered: the most of it that is kept.
    fn attempt(&self, number: u32, status: u16) -> Attempt {
        Attempt {
            number,
            at: self.now(),
            outcome: Outcome::Status(status),
            duration_ms: 100,
            address: None,
            answer: Some("a".repeat(1_024)),
        }
    }
}

/// What the writes among these calls were charged, by partition key.
fn heat(calls: &[Call]) -> Second {
    let mut heat = Second::new();
    for call in calls.iter().filter(|call| call.service == Service::DynamoDb) {
        let item = match call.operation.as_str() {
            "PutItem" => &call.request["Item"],
            "UpdateItem" | "DeleteItem" => &call.request["Key"],
            _ => continue,
        };
        let key = item["pk"]["S"].as_str().unwrap().to_owned();
        *heat.entry(key).or_default() += call.capacity - call.index_capacity;
        let of_index = [&item["status_key"], &call.request["ExpressionAttributeValues"][":status_key"]];
        if let Some(key) = of_index.into_iter().find_map(|key| key["S"].as_str()) {
            *heat.entry(format!("index {key}")).or_default() += call.index_capacity;
        }
    }
    heat
}

fn hottest(second: &Second) -> f64 {
    second.values().copied().fold(0.0, f64::max)
}

#[tokio::main]
async fn main() {
    println!("{EVENTS_A_SECOND} events a second of one type, of 300 bytes, by {INSTANCES} instances:\n");
    events("through the API, from nothing at once", &Rise { doublings: 0, seconds_each: 10 }, false).await;
    events("through the API, twice as many each second", &Rise { doublings: 9, seconds_each: 1 }, false)
        .await;
    events(
        "straight to the bus, twice as many every 20 seconds",
        &Rise { doublings: 9, seconds_each: 20 },
        true,
    )
    .await;
    println!("{DELIVERIES_A_SECOND} deliveries a second of one endpoint:\n");
    let rows = [
        deliveries("delivered at once", async |log, simulation| {
            let delivery = simulation.delivery();
            let delivered =
                delivery.clone().with_attempt(simulation.attempt(1, 200), Status::Delivered, None);
            log.put_delivery(simulation.organization, &delivery, delivered).await.unwrap();
        })
        .await,
        deliveries("failed once, then delivered", async |log, simulation| {
            let (organization, delivery) = (simulation.organization, simulation.delivery());
            let due = simulation.now().after(Duration::from_mins(1));
            let failed =
                delivery.clone().with_attempt(simulation.attempt(1, 500), Status::Retrying, Some(due));
            let failed = log.put_delivery(organization, &delivery, failed).await.unwrap().unwrap();
            assert!(log.take_attempt(organization, &failed, due, due).await.unwrap());
            let delivered = failed.clone().with_attempt(simulation.attempt(2, 200), Status::Delivered, None);
            log.put_delivery(organization, &failed, delivered).await.unwrap();
        })
        .await,
        deliveries("held", async |log, simulation| {
            let delivery = simulation.delivery();
            log.put_held(simulation.organization, delivery, simulation.now()).await.unwrap();
        })
        .await,
    ];
    print_table(
        "Every answer is of 1 KiB, the most that is kept:",
        &["what becomes of each", "hottest key, WCU/s", "keys", "WCU/s in all"],
        &rows,
    );
}

/// How events become as many as they are in the end.
struct Rise {
    doublings: u32,
    seconds_each: u32,
}

/// Prints how hot the hottest key becomes at each rate.
async fn events(title: &str, rise: &Rise, direct: bool) {
    /// At the final rate.
    const SECONDS: u32 = 10;
    let mut simulation = Simulation::new();
    let mut rows = Vec::new();
    let mut second = 0;
    for step in 0..=rise.doublings {
        let events = EVENTS_A_SECOND >> (rise.doublings - step);
        let seconds = if step == rise.doublings { SECONDS } else { rise.seconds_each };
        for _ in 0..seconds {
            second += 1;
            let heat =
                simulation.second(events, async |it, instance| it.publish(instance, direct).await).await;
            let keys = heat.keys().filter(|key| key.starts_with("EVENTS#")).count();
            rows.push((events, keys, second, second, hottest(&heat)));
        }
    }
    // One row for seconds that are alike: the hottest of them.
    rows.dedup_by(|next, row| {
        let same = (next.0, next.1, next.4 > GRANTED) == (row.0, row.1, row.4 > GRANTED);
        if same {
            (row.3, row.4) = (next.3, row.4.max(next.4));
        }
        same
    });
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(events, keys, from, to, units)| {
            let seconds = if from == to { from.to_string() } else { format!("{from}–{to}") };
            vec![seconds, events.to_string(), keys.to_string(), format!("{units:.0}")]
        })
        .collect();
    let columns = ["seconds", "events a second", "keys of events", "hottest key, WCU/s"];
    print_table(&format!("Published {title}:"), &columns, &rows);
}

/// The hottest second of ten.
async fn deliveries(title: &str, mut work: impl AsyncFnMut(&Log, &mut Simulation)) -> Vec<String> {
    let mut simulation = Simulation::new();
    let mut seconds = Vec::new();
    for _ in 0..10 {
        let each = async |it: &mut Simulation, instance: usize| {
            let log = it.instances[instance].clone();
            work(&log, it).await;
        };
        seconds.push(simulation.second(DELIVERIES_A_SECOND, each).await);
    }
    let hottest_second = seconds.iter().max_by(|a, b| hottest(a).total_cmp(&hottest(b))).unwrap();
    vec![
        title.to_owned(),
        format!("{:.0}", hottest(hottest_second)),
        hottest_second.len().to_string(),
        format!("{:.0}", hottest_second.values().sum::<f64>()),
    ]
}
