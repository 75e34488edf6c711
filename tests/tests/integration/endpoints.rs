//! Endpoints as their owners see them.

use std::sync::Arc;

use egress::{AddressPolicy, ScriptedResolver};
use serde_json::{Value, json};
use tests::platform::{Deployment, Platform};

/// A platform with production's rules for addresses, on which `hooks.example.com` has a public one.
fn strict() -> Platform {
    let resolver = ScriptedResolver::new()
        .addresses("hooks.example.com", ["93.184.215.14".parse::<std::net::IpAddr>().unwrap()])
        .addresses("inside.example.com", ["10.0.0.7".parse::<std::net::IpAddr>().unwrap()]);
    Platform::deployed(Deployment {
        address_policy: AddressPolicy::Strict,
        resolver: Arc::new(resolver),
        ..Deployment::default()
    })
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_created_endpoint_is_answered_as_in_the_seed_with_its_secret_this_once() {
    let platform = strict();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let body = json!({
        "url": "https://hooks.example.com/webhooks/dodev",
        "enabled_events": ["send.email.*", "telco.lookup.completed"],
        "description": "Production webhook handler"
    });
    let answer = caller.post("/v1/webhooks", body.clone()).await.expect(201);
    let created = answer.json();
    for field in ["url", "enabled_events", "description"] {
        assert_eq!(created[field], body[field]);
    }
    assert!(created["id"].as_str().unwrap().starts_with("whep_"));
    assert!(created["signing_secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(created["is_active"], true);
    let message = "Webhook endpoint created. Save the signing_secret - it will not be shown again.";
    assert_eq!(created["message"], message);
    let id = created["id"].as_str().unwrap();
    let read = caller.get(&format!("/v1/webhooks/{id}")).await.expect(200);
    let listed = caller.get("/v1/webhooks").await.expect(200);
    for later in [&read.text, &listed.text] {
        assert!(later.contains(id));
        assert!(
            !later.contains(created["signing_secret"].as_str().unwrap()) && !later.contains("secret"),
            "{later}"
        );
    }
}

#[tokio::test]
async fn a_listed_endpoint_has_every_field_of_the_seed_s_example() {
    let platform = strict();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let id = caller.subscribe("https://hooks.example.com/", &["*"]).await.id;
    let listed = caller.get("/v1/webhooks").await.expect(200).json();
    let endpoint = &listed["endpoints"][0];
    assert_eq!(*endpoint, caller.endpoint(&id).await, "one endpoint reads as it is listed");
    for field in [
        "id",
        "url",
        "description",
        "enabled_events",
        "is_active",
        "is_paused",
        "consecutive_failures",
        "last_delivery_at",
        "last_delivery_status",
        "created_at",
    ] {
        assert!(keys(endpoint).contains(&field), "{field} is missing: {endpoint}");
    }
    assert_eq!(endpoint["created_at"], platform.aws.clock().now().millis());
    assert_eq!((&endpoint["is_paused"], &endpoint["consecutive_failures"]), (&json!(false), &json!(0)));
    assert_eq!(
        (&endpoint["last_delivery_at"], &endpoint["last_delivery_status"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn what_is_chosen_is_kept_and_what_is_not_has_its_default() {
    let platform = strict();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let chosen = json!({
        "is_active": false,
        "timeout_seconds": 30,
        "retry_policy": { "max_retries": 2, "initial_delay_seconds": 7, "backoff_factor": 1.5, "max_delay_seconds": 9 },
        "format": "standard",
        "metadata": { "team": "billing" },
        "secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    });
    let hook = caller.subscribe_with("https://hooks.example.com/", &["*"], chosen.clone()).await;
    assert_eq!(hook.secret, chosen["secret"]);
    let read = caller.endpoint(&hook.id).await;
    for field in ["is_active", "timeout_seconds", "retry_policy", "format", "metadata"] {
        assert_eq!(read[field], chosen[field], "{field}");
    }
    let plain = caller.subscribe("https://hooks.example.com/", &["*"]).await;
    let read = caller.endpoint(&plain.id).await;
    assert_eq!((&read["timeout_seconds"], &read["format"]), (&json!(10), &json!("dodev")));
    assert_eq!((&read["is_active"], &read["description"]), (&json!(true), &Value::Null));
    let policy = json!({ "max_retries": 5, "initial_delay_seconds": 60, "backoff_factor": 5.0, "max_delay_seconds": 43_200 });
    assert_eq!(read["retry_policy"], policy);
}

#[tokio::test]
async fn a_host_that_resolves_to_a_private_address_is_refused() {
    let platform = strict();
    let key = platform.organization().await.key;
    let body = json!({ "url": "https://inside.example.com/", "enabled_events": ["*"] });
    let refused = platform.with_key(&key).post("/v1/webhooks", body).await.expect(400).json();
    assert_eq!(refused["param"], "url", "{refused}");
    assert!(!refused.to_string().contains("10.0.0.7"), "inner addresses stay inside: {refused}");
}

#[tokio::test]
async fn an_organization_has_no_more_endpoints_than_it_may_however_they_come() {
    let deployment = Deployment { endpoints_per_organization: 3, ..Deployment::default() };
    let platform = Platform::deployed(deployment);
    let organization = platform.organization().await;
    let caller = platform.with_key(&organization.key);
    platform.aws.interleave(7);
    let body = json!({ "url": "https://127.0.0.1/", "enabled_events": ["*"] });
    let creations = (0..5).map(|_| caller.post("/v1/webhooks", body.clone()));
    let mut statuses: Vec<_> =
        futures::future::join_all(creations).await.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 201, 409, 409]);
    let refused = caller.post("/v1/webhooks", body).await.expect(409).json();
    assert_eq!((&refused["error"], &refused["code"]), (&json!("conflict"), &json!("endpoint_limit_reached")));
    let subscribers = platform.registry().subscribers(organization.id, ["send.email.sent"]).await.unwrap();
    let subscribed = subscribers.of("send.email.sent").count();
    assert_eq!(subscribed, 3, "a refused endpoint gets no events");
}
