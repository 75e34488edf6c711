//! What routing an event costs, by how many endpoints its organization has; three of them match.
//!
//! `cargo run --profile measuring -p tests --example fan_out_cost | grep -v '^{'`: half a minute. What grep
//! leaves out are the functions' own metrics.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people at a terminal"
)]

use domain::{
    catalogue::{Catalogue, EventType},
    endpoint::{Endpoint, Settings, TimeoutSeconds},
    format::Format,
    ids::{EndpointId, OrganizationId},
    metadata::Metadata,
    pattern::Patterns,
    secret::{SealedSecrets, SigningSecret},
};
use measuring::{Cost, measure, ms, print_machine, print_table, thousands};
use storage::{Created, EndpointRecord};
use tests::platform::{DELIVERIES, Deployment, Organization, Platform};

mod measuring;

const PUBLISHED: &str = "send.email.sent";
/// Three of the four patterns that can match it.
const MATCHING: [&str; 3] = ["*", "send.*", PUBLISHED];
/// What a function gets at once, where so much waits.
const BATCH: usize = 10;

#[tokio::main]
async fn main() {
    let mut rows = Vec::new();
    for endpoints in [10, 1_000, 10_000] {
        let stage = Stage::with(endpoints).await;
        for batch in [1, BATCH] {
            rows.push(row(endpoints, batch, &stage.route(batch).await));
        }
    }
    print_machine();
    let columns =
        ["endpoints, of which 3 match", "events at once", "calls", "read units", "write units", "ms"];
    print_table("Per event:", &columns, &rows);
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn row(endpoints: usize, batch: usize, cost: &Cost) -> Vec<String> {
    let per_event = |number: f64| format!("{:.2}", number / batch as f64);
    let all: f64 = cost.calls.iter().map(|call| call.capacity).sum();
    vec![
        thousands(endpoints),
        batch.to_string(),
        per_event(cost.calls.len() as f64),
        per_event(cost.read_units()),
        per_event(all - cost.read_units()),
        ms(cost.time / u32::try_from(batch).expect("ten at most")),
    ]
}

struct Stage {
    platform: Platform,
    organization: Organization,
}

impl Stage {
    /// Through the registry: the API would look each URL up, and stops at the organization's limit of endpoints.
    async fn with(endpoints: usize) -> Self {
        let platform = Platform::new();
        let organization = platform.organization().await;
        let types = Catalogue::get().iter().map(EventType::name);
        let others: Vec<_> = types.filter(|name| *name != PUBLISHED).collect();
        for number in 0..endpoints {
            let pattern = MATCHING.get(number).copied().unwrap_or(others[number % others.len()]);
            create_endpoint(&platform, organization.id, pattern).await;
        }
        Self { platform, organization }
    }

    /// Routes so many events in one batch.
    async fn route(&self, batch: usize) -> Cost {
        let aws = &self.platform.aws;
        let publish = async || {
            let caller = self.platform.with_key(&self.organization.key);
            for number in 0..batch {
                caller.publish(PUBLISHED, &format!(r#"{{"messageId":"msg_{number}"}}"#)).await;
            }
            // So that no run is slower than the one before for the messages that are still there.
            while let [message, ..] = &aws.receive(DELIVERIES, 1)[..] {
                aws.delete(DELIVERIES, &message.receipt_handle);
            }
        };
        let ((), cost) = measure(aws, publish, async || assert!(self.platform.pump_events().await)).await;
        assert_eq!(aws.messages(DELIVERIES).len(), MATCHING.len() * batch);
        cost
    }
}

async fn create_endpoint(platform: &Platform, organization: OrganizationId, pattern: &str) {
    let now = platform.aws.clock().now();
    let id = EndpointId::new(now, runtime::random().unwrap());
    let settings = Settings {
        url: format!("https://example.com/webhooks/{id}"),
        enabled_events: Patterns::parse(&[pattern], "enabled_events").unwrap(),
        description: None,
        is_active: true,
        timeout: TimeoutSeconds::DEFAULT,
        retry_policy: Deployment::default().retry_policy,
        format: Format::dodev(),
        metadata: Metadata::default(),
    };
    let endpoint = Endpoint::new(organization, id, settings, now);
    let secret = SigningSecret::new(&runtime::random().unwrap());
    let current = platform.vault().seal(organization, id, &secret, now).await.unwrap();
    let record = EndpointRecord { endpoint, secrets: SealedSecrets { current, previous: None } };
    let created = platform.registry().create_endpoint(organization, &record, u32::MAX).await.unwrap();
    assert_eq!(created, Created::Created);
}
