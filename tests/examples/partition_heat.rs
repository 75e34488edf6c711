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
        let lane = if direct { log.settled_lane(&arrival, now).await } else { log.lane(&arrival).await };
        let event = self.event(lane.unwrap(), random, data);
        let logged = LoggedEvent { event, matched: vec![self.endpoint], disabled: Vec::new() };
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
    println!("### {EVENTS_A_SECOND} events a second of one type, {INSTANCES} instances\n");
    let rises = [("from nothing at once", 1_u32), ("doubling each second from 20", 512)];
    for (publisher, direct) in [("through the API", false), ("straight to the bus", true)] {
        for (rise, begin) in rises {
            events(&format!("{publisher}, {rise}"), begin, direct).await;
        }
    }
    println!("### {DELIVERIES_A_SECOND} deliveries a second of one endpoint\n");
    let rows = [
        deliveries("delivered at once", async |log, simulation| {
            let delivery = simulation.delivery();
            let delivered = delivery.with_attempt(simulation.attempt(1, 200), Status::Delivered, None);
            log.put_delivery(simulation.organization, delivered).await.unwrap();
        })
        .await,
        deliveries("held", async |log, simulation| {
            let delivery = simulation.delivery();
            log.put_held(simulation.organization, delivery).await.unwrap();
        })
        .await,
        deliveries("held, let go and delivered", async |log, simulation| {
            let (organization, delivery) = (simulation.organization, simulation.delivery());
            let (endpoint, event) = (delivery.endpoint, delivery.event);
            log.put_held(organization, delivery).await.unwrap();
            let held = log.delivery(organization, endpoint, event, simulation.now()).await.unwrap().unwrap();
            let lease = simulation.now().after(Duration::from_secs(20));
            assert!(log.take_attempt(organization, &held, lease).await.unwrap());
            let delivered = held.with_attempt(simulation.attempt(1, 200), Status::Delivered, None);
            log.put_delivery(organization, delivered).await.unwrap();
            log.clear_held(organization, endpoint, event).await.unwrap();
        })
        .await,
    ];
    print_table("", &["what becomes of each", "hottest key, WCU/s", "keys", "WCU/s in all"], &rows);
}

/// Prints second by second how hot the hottest key is while events come, at first one `begin`th of them.
async fn events(title: &str, begin: u32, direct: bool) {
    const SECONDS: u32 = 30;
    let mut simulation = Simulation::new();
    let (mut rows, mut part, mut before) = (Vec::new(), begin, Vec::new());
    for second in 1..=SECONDS {
        let events = EVENTS_A_SECOND / part;
        part = part.div_ceil(2);
        let heat = simulation.second(events, async |it, instance| it.publish(instance, direct).await).await;
        let keys = heat.keys().filter(|key| key.starts_with("EVENTS#")).count();
        let total: f64 = heat.values().sum();
        let over = if hottest(&heat) > GRANTED { "yes" } else { "no" };
        let row = vec![
            events.to_string(),
            keys.to_string(),
            format!("{:.0}", hottest(&heat)),
            over.to_owned(),
            format!("{total:.0}"),
        ];
        // Seconds that are like the one before say nothing new.
        if row[..2] != before[..] || second == SECONDS {
            rows.push([vec![second.to_string()], row.clone()].concat());
        }
        before = row[..2].to_vec();
    }
    let columns = ["second", "events", "keys of events", "hottest key, WCU", "over 1,000", "WCU of all keys"];
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
