//! Changes of endpoints that overlap, and the index that fan-out reads.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    endpoint::{Description, Endpoint, Settings, TimeoutSeconds},
    format::Format,
    ids::{EndpointId, OrganizationId},
    metadata::Metadata,
    pattern::Patterns,
    retry::RetryPolicy,
    secret::{SealedSecret, SealedSecrets},
};
use futures::future::join_all;
use proptest::prelude::*;
use storage::{Created, EndpointRecord, Registry, Updated};
use tests::platform::{Platform, changing};

fn settings(patterns: &[&str]) -> Settings {
    Settings {
        url: "https://example.com/".into(),
        enabled_events: Patterns::parse(patterns, "enabled_events").unwrap(),
        description: None,
        is_active: true,
        timeout: TimeoutSeconds::DEFAULT,
        retry_policy: RetryPolicy::new(5, 60, 5.0, 43_200).unwrap(),
        format: Format::dodev(),
        metadata: Metadata::default(),
    }
}

async fn create(registry: &Registry, organization: OrganizationId, patterns: &[&str]) -> EndpointId {
    let now = Timestamp::from_millis(1_800_000_000_000);
    let id = EndpointId::new(now, runtime::random().unwrap());
    let endpoint = Endpoint::new(organization, id, settings(patterns), now);
    let secrets = SealedSecrets { current: SealedSecret("1.none".into()), previous: None };
    let record = EndpointRecord { endpoint, secrets };
    assert_eq!(registry.create_endpoint(organization, &record, 1_000).await.unwrap(), Created::Created);
    id
}

#[tokio::test]
async fn overlapping_changes_of_different_settings_both_stick() {
    for seed in 1..=40 {
        let platform = Platform::new();
        let (organization, registry) = (platform.organization().await.id, platform.registry());
        let id = create(&registry, organization, &["send.*"]).await;
        let now = platform.aws.clock().now();
        platform.aws.interleave(seed);
        let describe = registry.update_endpoint(
            organization,
            id,
            now,
            changing(|settings| {
                settings.description = Some(Description::parse("described").unwrap());
            }),
        );
        let repattern = registry.update_endpoint(
            organization,
            id,
            now,
            changing(|settings| {
                settings.enabled_events = Patterns::parse(&["telco.*"], "enabled_events").unwrap();
            }),
        );
        let slow_down = registry.update_endpoint(
            organization,
            id,
            now,
            changing(|settings| {
                settings.timeout = TimeoutSeconds::MAX;
            }),
        );
        let (one, two, three) = tokio::join!(describe, repattern, slow_down);
        for updated in [one, two, three] {
            assert!(matches!(updated.unwrap(), Updated::Updated(_)), "seed {seed}");
        }
        let endpoint = registry.endpoint(organization, id).await.unwrap().unwrap().endpoint;
        let mut expected = settings(&["telco.*"]);
        expected.description = Some(Description::parse("described").unwrap());
        expected.timeout = TimeoutSeconds::MAX;
        assert_eq!((endpoint.settings, endpoint.version), (expected, 4), "seed {seed}");
    }
}

#[tokio::test]
async fn an_event_that_is_routed_while_patterns_change_misses_no_endpoint_that_wanted_it_before_and_after() {
    let platform = Platform::new();
    let (organization, registry) = (platform.organization().await.id, platform.registry());
    let id = create(&registry, organization, &["send.*"]).await;
    for seed in 1..=600_u64 {
        let pattern = if seed % 2 == 0 { "send.*" } else { "*" };
        platform.aws.interleave(seed);
        let repattern = registry.update_endpoint(
            organization,
            id,
            NOW,
            changing(|settings| {
                settings.enabled_events = Patterns::parse(&[pattern], "enabled_events").unwrap();
            }),
        );
        let found = subscribed(&registry, organization, "send.email.sent");
        let (updated, found) = tokio::join!(repattern, found);
        updated.unwrap();
        assert_eq!(found, BTreeSet::from([id]), "seed {seed}");
    }
}

#[tokio::test]
async fn a_change_of_another_organization_s_endpoint_finds_nothing() {
    let platform = Platform::new();
    let (organization, stranger) = (platform.organization().await.id, platform.organization().await.id);
    let registry = platform.registry();
    let id = create(&registry, organization, &["*"]).await;
    let change = changing(|settings| {
        settings.is_active = false;
    });
    assert_eq!(
        registry.update_endpoint(stranger, id, platform.aws.clock().now(), change).await.unwrap(),
        Updated::NotFound
    );
    assert!(!registry.delete_endpoint(stranger, id).await.unwrap());
    assert_eq!(subscribed(&registry, stranger, "send.email.sent").await, BTreeSet::new());
    assert_eq!(subscribed(&registry, organization, "send.email.sent").await, BTreeSet::from([id]));
}

/// What one of several overlapping requests asks for.
#[derive(Debug, Clone)]
enum Request {
    Repattern { endpoint: usize, patterns: BTreeSet<usize> },
    Describe { endpoint: usize },
    Delete { endpoint: usize },
}

const PATTERNS: [&str; 5] = ["*", "send.*", "send.email.*", "send.email.sent", "telco.*"];
const TYPES: [&str; 3] = ["send.email.sent", "send.email.bounced", "telco.lookup.completed"];
const ENDPOINTS: usize = 2;
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn request() -> impl Strategy<Value = Request> {
    let endpoint = 0..ENDPOINTS;
    prop_oneof![
        6 => (endpoint.clone(), proptest::collection::btree_set(0..PATTERNS.len(), 1..=3))
            .prop_map(|(endpoint, patterns)| Request::Repattern { endpoint, patterns }),
        2 => endpoint.clone().prop_map(|endpoint| Request::Describe { endpoint }),
        1 => endpoint.prop_map(|endpoint| Request::Delete { endpoint }),
    ]
}

async fn run(registry: &Registry, organization: OrganizationId, ids: &[EndpointId], request: &Request) {
    match request {
        Request::Repattern { endpoint, patterns } => {
            let texts: Vec<_> = patterns.iter().map(|pattern| PATTERNS[*pattern]).collect();
            let change = changing(|settings| {
                settings.enabled_events = Patterns::parse(&texts, "enabled_events").unwrap();
            });
            registry.update_endpoint(organization, ids[*endpoint], NOW, change).await.unwrap();
        }
        Request::Describe { endpoint } => {
            let change = changing(|settings| {
                settings.description = None;
            });
            registry.update_endpoint(organization, ids[*endpoint], NOW, change).await.unwrap();
        }
        Request::Delete { endpoint } => {
            registry.delete_endpoint(organization, ids[*endpoint]).await.unwrap();
        }
    }
}

async fn subscribed(
    registry: &Registry,
    organization: OrganizationId,
    event_type: &str,
) -> BTreeSet<EndpointId> {
    let subscribers = registry.subscribers(organization, [event_type]).await.unwrap();
    subscribers.of(event_type).map(|endpoint| endpoint.id).collect()
}

/// Fan-out finds exactly the endpoints whose settings match: no change that overlapped with others cost an entry.
async fn check_index(registry: &Registry, organization: OrganizationId, ids: &[EndpointId]) {
    let records = registry.endpoints(ids.iter().map(|id| (organization, *id))).await.unwrap();
    for event_type in TYPES {
        let found = subscribed(registry, organization, event_type).await;
        let wanted = records.iter().map(|record| &record.endpoint);
        let wanted = wanted.filter(|endpoint| endpoint.settings.enabled_events.match_type(event_type));
        assert_eq!(found, wanted.map(|endpoint| endpoint.id).collect(), "{event_type}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_stays_complete_under_overlapping_changes(
        rounds in proptest::collection::vec(proptest::collection::vec(request(), 2..6), 1..4),
        seed in 1_u64..,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let platform = Platform::new();
            let (organization, registry) = (platform.organization().await.id, platform.registry());
            let ids = [
                create(&registry, organization, &["send.*"]).await,
                create(&registry, organization, &["*", "telco.*"]).await,
            ];
            platform.aws.interleave(seed);
            for requests in &rounds {
                join_all(requests.iter().map(|request| run(&registry, organization, &ids, request))).await;
                check_index(&registry, organization, &ids).await;
            }
        });
    }
}
