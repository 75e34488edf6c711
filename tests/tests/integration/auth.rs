//! Who may call what.

use domain::scope::Scope;
use hyper::Method;
use serde_json::json;
use tests::platform::{Answer, Platform};

/// A route, the scope that it asks for, and a body that it takes.
struct Route {
    method: Method,
    path: &'static str,
    scope: Scope,
    body: &'static str,
}

const fn route(method: Method, path: &'static str, scope: Scope, body: &'static str) -> Route {
    Route { method, path, scope, body }
}

/// Every route with a key; what deletes comes last. `{endpoint}`, `{event}` and `{key}` are ids of the organization.
const ROUTES: &[Route] = &[
    route(Method::POST, "/v1/webhooks", Scope::WebhooksManage, "{}"),
    route(Method::GET, "/v1/webhooks", Scope::WebhooksRead, ""),
    route(Method::GET, "/v1/webhooks/{endpoint}", Scope::WebhooksRead, ""),
    route(Method::PATCH, "/v1/webhooks/{endpoint}", Scope::WebhooksManage, "{}"),
    route(Method::GET, "/v1/webhooks/{endpoint}/deliveries", Scope::WebhooksRead, ""),
    route(Method::POST, "/v1/webhooks/{endpoint}/pause", Scope::WebhooksManage, ""),
    route(Method::POST, "/v1/webhooks/{endpoint}/unpause", Scope::WebhooksManage, ""),
    route(Method::POST, "/v1/webhooks/{endpoint}/test", Scope::WebhooksManage, ""),
    route(Method::POST, "/v1/webhooks/{endpoint}/rotate-secret", Scope::WebhooksManage, ""),
    route(Method::POST, "/v1/webhooks/{endpoint}/replay", Scope::WebhooksManage, r#"{"after":0}"#),
    route(Method::POST, "/v1/events", Scope::EventsPublish, "{}"),
    route(Method::POST, "/v1/events/batch", Scope::EventsPublish, "{}"),
    route(Method::GET, "/v1/events", Scope::EventsRead, ""),
    route(Method::GET, "/v1/events/{event}", Scope::EventsRead, ""),
    route(Method::GET, "/v1/events/{event}/deliveries", Scope::EventsRead, ""),
    route(Method::POST, "/v1/events/{event}/resend", Scope::WebhooksManage, ""),
    route(Method::GET, "/v1/keys", Scope::KeysManage, ""),
    route(Method::POST, "/v1/keys", Scope::KeysManage, "{}"),
    route(Method::DELETE, "/v1/keys/{key}", Scope::KeysManage, ""),
    route(Method::DELETE, "/v1/webhooks/{endpoint}", Scope::WebhooksManage, ""),
];

/// The scopes that let a caller through where `needed` is asked for.
fn allowing(needed: Scope) -> Vec<Scope> {
    match needed {
        Scope::WebhooksRead => vec![Scope::WebhooksRead, Scope::WebhooksManage],
        // Events are part of what webhooks:read shows.
        Scope::EventsRead => vec![Scope::EventsRead, Scope::WebhooksRead, Scope::WebhooksManage],
        other => vec![other],
    }
}

/// A platform with an organization that has an endpoint and an event.
struct Stage {
    platform: Platform,
    key: String,
    organization: domain::ids::OrganizationId,
    endpoint: String,
    event: String,
    spare_key: String,
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::new();
        let organization = platform.organization().await;
        let owner = platform.with_key(&organization.key);
        let endpoint = owner.subscribe("https://127.0.0.1/", &["*"]).await.id;
        let event = owner.publish_any().await;
        platform.pump_events().await;
        let spare = json!({ "name": "spare", "scopes": ["platform:events:read"] });
        let spare = owner.post("/v1/keys", spare).await.expect(201).json();
        let spare_key = spare["id"].as_str().unwrap().to_owned();
        Self { key: organization.key, organization: organization.id, platform, endpoint, event, spare_key }
    }

    fn path(&self, route: &Route) -> String {
        let path = route.path.replace("{endpoint}", &self.endpoint);
        path.replace("{event}", &self.event).replace("{key}", &self.spare_key)
    }

    /// Calls a route with this key, or with none.
    async fn call(&self, key: Option<&str>, route: &Route, path: &str) -> Answer {
        let caller = key.map_or_else(|| self.platform.without_key(), |key| self.platform.with_key(key));
        let json = [("content-type", "application/json")];
        caller.send(route.method.clone(), path, &json, route.body).await
    }
}

#[tokio::test]
async fn a_request_without_a_known_key_is_unauthorized_on_every_route() {
    let stage = Stage::set().await;
    let unknown = "dd_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for route in ROUTES {
        for key in [None, Some(unknown)] {
            let answer = stage.call(key, route, &stage.path(route)).await.expect(401);
            assert_eq!(answer.json()["error"], "unauthorized", "{}", route.path);
            assert_eq!(answer.json()["message"], "Invalid or missing API key", "{}", route.path);
            assert_eq!(answer.json()["code"], "unauthorized", "{}", route.path);
            assert!(!answer.header("x-request-id").is_empty(), "{}", route.path);
        }
    }
}

#[tokio::test]
async fn a_key_without_the_route_s_scope_is_forbidden_and_told_which() {
    let stage = Stage::set().await;
    for route in ROUTES {
        let others: Vec<_> =
            Scope::ALL.into_iter().filter(|scope| !allowing(route.scope).contains(scope)).collect();
        let key = stage.platform.key(stage.organization, &others, true).await;
        let answer = stage.call(Some(&key), route, &stage.path(route)).await.expect(403).json();
        assert_eq!(answer["error"], "forbidden", "{}", route.path);
        let message = format!("Insufficient scope. Required: {}", route.scope);
        assert_eq!(answer["message"], message, "{}", route.path);
    }
}

#[tokio::test]
async fn each_scope_that_allows_a_route_is_enough_for_it() {
    let stage = Stage::set().await;
    for route in ROUTES {
        for scope in allowing(route.scope) {
            let key = stage.platform.key(stage.organization, &[scope], true).await;
            let answer = stage.call(Some(&key), route, &stage.path(route)).await;
            let status = answer.status.as_u16();
            assert!(
                [200, 202, 204, 400].contains(&status),
                "{} {}: {}",
                route.method,
                route.path,
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_found_like_what_does_not_exist() {
    let stage = Stage::set().await;
    let stranger = stage.platform.organization().await.key;
    for route in ROUTES.iter().filter(|route| route.path.contains('{')) {
        let path = stage.path(route);
        let theirs = stage.call(Some(&stranger), route, &path).await.expect(404).json();
        let id = [&stage.endpoint, &stage.event, &stage.spare_key]
            .into_iter()
            .find(|id| path.contains(*id))
            .unwrap();
        // The last digit of an id is random: another one names nothing.
        let other = format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' });
        let nothing = stage.call(Some(&stage.key), route, &path.replace(id, &other)).await.expect(404).json();
        for field in ["error", "message", "code", "param"] {
            assert_eq!(theirs[field], nothing[field], "{} {}", route.method, route.path);
        }
        assert_eq!(theirs["error"], "not_found");
        let own = stage.call(Some(&stage.key), route, &path).await;
        assert!(own.status.is_success(), "{} {}: {}", route.method, route.path, own.text);
    }
}

#[tokio::test]
async fn an_id_of_another_kind_is_not_found() {
    let stage = Stage::set().await;
    let owner = stage.platform.with_key(&stage.key);
    for path in [
        format!("/v1/webhooks/{}", stage.event),
        format!("/v1/events/{}", stage.endpoint),
        "/v1/webhooks/whep_abc123".into(),
        "/v1/events/evt_a1b2c3d4-e5f6-4890-abcd-ef1234567890".into(),
        "/v1/webhooks/%00".into(),
        "/v1/webhooks/%ff".into(),
    ] {
        let answer = owner.get(&path).await.expect(404);
        assert_eq!(answer.json()["error"], "not_found", "{path}");
    }
}
