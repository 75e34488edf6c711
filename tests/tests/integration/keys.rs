//! API keys.

use domain::{key::ApiKey, scope::Scope};
use hyper::Method;
use serde_json::{Value, json};
use tests::{
    platform::{EVENTS, Platform},
    receiver::Receiver,
};

#[tokio::test]
async fn either_header_carries_a_key() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let caller = platform.without_key();
    let bearer = format!("Bearer {}", organization.key);
    for header in [("authorization", bearer.as_str()), ("x-api-key", &organization.key)] {
        caller.send(Method::GET, "/v1/webhooks", &[header], "").await.expect(200);
    }
}

#[tokio::test]
async fn revoking_a_key_takes_effect_on_the_next_request() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let key = platform.key(organization.id, &[Scope::WebhooksRead], true).await;
    platform.with_key(&key).get("/v1/webhooks").await.expect(200);
    let record = platform.registry().find_key(&ApiKey::presented(&key).hash()).await.unwrap().unwrap();
    assert!(platform.registry().revoke_key(organization.id, record.id).await.unwrap());
    platform.with_key(&key).get("/v1/webhooks").await.expect(401);
    platform.with_key(&organization.key).get("/v1/webhooks").await.expect(200);
}

#[tokio::test]
async fn a_key_is_revoked_by_its_own_organization_only() {
    let platform = Platform::new();
    let (organization, stranger) = (platform.organization().await, platform.organization().await);
    let hash = ApiKey::presented(&organization.key).hash();
    let record = platform.registry().find_key(&hash).await.unwrap().unwrap();
    assert!(!platform.registry().revoke_key(stranger.id, record.id).await.unwrap());
    platform.with_key(&organization.key).get("/v1/webhooks").await.expect(200);
}

#[tokio::test]
async fn a_test_key_s_events_are_never_live() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let test = platform.key(organization.id, &Scope::ALL, false).await;
    let publish = r#"{"type":"send.email.sent","data":{"messageId":"m"},"livemode":true}"#;
    for (key, live) in [(&test, false), (&organization.key, true)] {
        let caller = platform.with_key(key);
        let event = caller.post_text("/v1/events", publish).await.expect(202).json();
        platform.pump().await;
        let event = caller.event(event["eventId"].as_str().unwrap()).await;
        assert_eq!(event["livemode"], live);
    }
}

#[tokio::test]
async fn neither_keys_nor_secrets_are_stored_as_they_are() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let hook = platform.with_key(&organization.key).subscribe("https://127.0.0.1/", &["*"]).await;
    let stored = format!("{:?}", platform.aws.items("RegistryTable"));
    assert!(stored.contains(&hook.id), "the table was read");
    for secret in [&organization.key, &hook.secret, organization.key.trim_start_matches("dd_live_")] {
        assert!(!stored.contains(secret), "{stored}");
    }
}

#[tokio::test]
async fn a_created_key_is_shown_once_and_works_at_once() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let caller = platform.with_key(&organization.key);
    let body = json!({ "name": "reader", "scopes": ["platform:webhooks:read"] });
    let created = caller.post("/v1/keys", body).await.expect(201).json();
    let key = created["key"].as_str().unwrap();
    assert!(key.starts_with("dd_live_") && created["id"].as_str().unwrap().starts_with("key_"), "{created}");
    platform.with_key(key).get("/v1/webhooks").await.expect(200);
    platform.with_key(key).get("/v1/keys").await.expect(403);
    let listed = caller.get("/v1/keys").await.expect(200);
    assert_eq!(listed.json()["keys"].as_array().unwrap().len(), 2);
    assert!(!listed.text.contains(key), "{}", listed.text);
}

#[tokio::test]
async fn a_key_grants_no_scope_and_no_mode_that_it_lacks() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let granter = platform.key(organization.id, &[Scope::KeysManage, Scope::WebhooksManage], false).await;
    let granter = platform.with_key(&granter);
    let body = |scope: &str| json!({ "name": "n", "scopes": [scope] });
    let refused = granter.post("/v1/keys", body("platform:events:publish")).await.expect(403).json();
    assert_eq!(refused["message"], "Insufficient scope. Required: platform:events:publish");
    granter.post("/v1/keys", body("platform:webhooks:read")).await.expect(201);
    let live = json!({ "name": "n", "scopes": ["platform:keys:manage"], "livemode": true });
    assert_eq!(granter.post("/v1/keys", live).await.expect(400).json()["param"], "livemode");
    let created = granter.post("/v1/keys", body("platform:keys:manage")).await.expect(201).json();
    assert!(created["key"].as_str().unwrap().starts_with("dd_test_"), "{created}");
}

#[tokio::test]
async fn a_test_key_revokes_test_keys_and_no_live_one() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let owner = platform.with_key(&organization.key);
    let create = |livemode: bool| {
        let body = json!({ "name": "n", "scopes": ["platform:webhooks:read", "platform:keys:manage"], "livemode": livemode });
        async { owner.post("/v1/keys", body).await.expect(201).json() }
    };
    let path = |created: &Value| format!("/v1/keys/{}", created["id"].as_str().unwrap());
    let (live, test, other_test) = (create(true).await, create(false).await, create(false).await);
    let tester = platform.with_key(test["key"].as_str().unwrap());
    platform.settle().await;

    let refused = tester.delete(&path(&live)).await.expect(403).json();
    assert_eq!(refused["code"], "live_key_required");
    assert_eq!(
        (&refused["error"], &refused["message"]),
        (&json!("forbidden"), &json!("A test key cannot revoke a live key"),)
    );
    platform.with_key(live["key"].as_str().unwrap()).get("/v1/webhooks").await.expect(200);
    assert_eq!(platform.aws.messages(EVENTS), Vec::<String>::new(), "nobody is told that it was revoked");

    // It may see them, and revoke what is its kind, itself included.
    assert_eq!(tester.get("/v1/keys").await.expect(200).json()["keys"].as_array().unwrap().len(), 4);
    tester.delete(&path(&other_test)).await.expect(204);
    tester.delete(&path(&test)).await.expect(204);
    tester.get("/v1/keys").await.expect(401);
}

#[tokio::test]
async fn a_live_key_revokes_keys_of_both_modes() {
    let platform = Platform::new();
    let organization = platform.organization().await;
    let owner = platform.with_key(&organization.key);
    for livemode in [true, false] {
        let body = json!({ "name": "n", "scopes": ["platform:webhooks:read"], "livemode": livemode });
        let created = owner.post("/v1/keys", body).await.expect(201).json();
        owner.delete(&format!("/v1/keys/{}", created["id"].as_str().unwrap())).await.expect(204);
    }
}

#[tokio::test]
async fn a_bad_key_request_names_its_field() {
    let platform = Platform::new();
    let caller = platform.organization().await.key;
    let caller = platform.with_key(&caller);
    for (body, param) in [
        (json!({ "scopes": ["platform:keys:manage"] }), "name"),
        (json!({ "name": " ", "scopes": ["platform:keys:manage"] }), "name"),
        (json!({ "name": "", "scopes": ["platform:keys:manage"] }), "name"),
        (json!({ "name": "n" }), "scopes"),
        (json!({ "name": "n", "scopes": [] }), "scopes"),
        (json!({ "name": "n", "scopes": ["platform:all"] }), "scopes"),
        (json!({ "name": "n", "scopes": ["platform:keys:manage"], "livemode": "no" }), "livemode"),
        (json!({ "name": "n", "scopes": ["platform:keys:manage"], "admin": true }), "admin"),
    ] {
        let refused = caller.post("/v1/keys", body.clone()).await.expect(400).json();
        assert_eq!(refused["param"], param, "{body}: {refused}");
    }
}

#[tokio::test]
async fn creating_and_revoking_a_key_are_events() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["platform.*"]).await;
    let body = json!({ "name": "n", "scopes": ["platform:webhooks:read"] });
    let created = caller.post("/v1/keys", body).await.expect(201).json();
    platform.settle().await;
    let path = format!("/v1/keys/{}", created["id"].as_str().unwrap());
    caller.delete(&path).await.expect(204);
    platform.settle().await;
    let posts = receiver.arrived(2).await;
    let types: Vec<_> = posts.iter().map(|request| request.json()["type"].clone()).collect();
    assert_eq!(types, ["platform.key.created", "platform.key.revoked"]);
    assert!(posts.iter().all(|request| request.verifies(&hook.secret)));
    let text = format!("{posts:?}");
    assert!(!text.contains(created["key"].as_str().unwrap()), "{text}");
    platform.with_key(created["key"].as_str().unwrap()).get("/v1/webhooks").await.expect(401);
    caller.delete(&path).await.expect(404);
}
