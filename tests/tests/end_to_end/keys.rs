//! Keys and scopes, and what belongs to other organizations.

use minreq::Method::{Delete, Get, Patch, Post};
use serde_json::{Value, json};

use crate::support::{Customer, Receiver, Reply, customer::text};

#[test]
fn a_key_can_do_what_its_scopes_allow_until_it_is_revoked() {
    let customer = Customer::new("keys");
    let receiver = Receiver::start(Reply::Status(200));
    let endpoint = customer.endpoint(&receiver.url(), &["platform.key.*"]);

    let wanted = json!({ "name": "read only", "scopes": ["platform:webhooks:read"] });
    let created = customer.call(Post, "/v1/keys", Some(&wanted)).expect(201);
    let (id, key) = (text(&created, "id"), text(&created, "key"));
    customer.keeps_secret(&key);

    let path = format!("/v1/webhooks/{}", endpoint.id);
    customer.call_with(&key, Get, &path, None).expect(200);
    let beyond = [
        (Delete, path.as_str(), None, "platform:webhooks:manage"),
        (Post, "/v1/events", Some(json!({})), "platform:events:publish"),
        (Get, "/v1/keys", None, "platform:keys:manage"),
    ];
    for (method, path, body, scope) in beyond {
        let refused = customer.call_with(&key, method, path, body.as_ref()).expect(403);
        let message = format!("Insufficient scope. Required: {scope}");
        assert_eq!((&refused["error"], &refused["message"]), (&json!("forbidden"), &json!(message)));
    }

    customer.call(Delete, &format!("/v1/keys/{id}"), None).expect(204);
    let revoked = customer.call_with(&key, Get, &path, None).expect(401);
    assert_eq!(revoked["message"], "Invalid or missing API key");
    customer.call(Get, &path, None).expect(200);

    let told = ["platform.key.created", "platform.key.revoked"].map(|event_type| {
        let arrival = receiver.arrival_of_type(event_type);
        assert!(arrival.is_signed_by(&endpoint.secret));
        assert!(!arrival.body().contains(&key), "the key itself");
        arrival.json()
    });
    for event in &told {
        assert_eq!(event["data"]["key_id"], id.as_str(), "{event}");
    }
    assert_eq!(told[0]["data"]["scopes"], json!(["platform:webhooks:read"]));
}

#[test]
fn a_key_cannot_grant_what_it_lacks() {
    let customer = Customer::new("granting");
    let manager = json!({ "name": "manager", "scopes": ["platform:keys:manage"] });
    let created = customer.call(Post, "/v1/keys", Some(&manager)).expect(201);
    let key = text(&created, "key");
    customer.keeps_secret(&key);

    let more = json!({ "name": "more", "scopes": ["platform:events:publish"] });
    let refused = customer.call_with(&key, Post, "/v1/keys", Some(&more)).expect(403);
    assert_eq!(refused["message"], "Insufficient scope. Required: platform:events:publish");
    let same = customer.call_with(&key, Post, "/v1/keys", Some(&manager)).expect(201);
    customer.keeps_secret(&text(&same, "key"));
}

#[test]
fn what_belongs_to_another_organization_does_not_exist() {
    let owner = Customer::new("owner");
    let stranger = Customer::new("stranger");
    let receiver = Receiver::start(Reply::Status(200));
    let endpoint = owner.endpoint(&receiver.url(), &["*"]);
    let event = owner.publish();
    owner.delivery_that_is("delivered", &event, &endpoint);

    let webhook = format!("/v1/webhooks/{}", endpoint.id);
    let empty = json!({});
    let change = json!({ "description": "mine now" });
    let replay = json!({ "after": 0 });
    let calls = [
        (Get, webhook.clone(), None),
        (Patch, webhook.clone(), Some(&change)),
        (Delete, webhook.clone(), None),
        (Get, format!("{webhook}/deliveries"), None),
        (Post, format!("{webhook}/test"), Some(&empty)),
        (Post, format!("{webhook}/pause"), Some(&empty)),
        (Post, format!("{webhook}/unpause"), Some(&empty)),
        (Post, format!("{webhook}/rotate-secret"), Some(&empty)),
        (Post, format!("{webhook}/replay"), Some(&replay)),
        (Get, format!("/v1/events/{event}"), None),
        (Delete, format!("/v1/keys/{}", owner.organization.key_id), None),
    ];
    for (method, path, body) in calls {
        let known = stranger.call(method.clone(), &path, body);
        let unknown = stranger.call(method, &with_another_id(&path), body);
        assert_eq!((known.status, unknown.status), (404, 404), "{path}: {}", known.body);
        assert_eq!(without_request_id(known.json()), without_request_id(unknown.json()), "{path}");
    }
    assert_eq!(stranger.get("/v1/webhooks")["endpoints"], json!([]));
    assert_eq!(owner.read_endpoint(&endpoint)["description"], json!(null));
    owner.get(&format!("/v1/events/{event}"));
}

/// The same path with an id that nothing has: its last digits are others.
fn with_another_id(path: &str) -> String {
    let mut parts: Vec<_> = path.split('/').map(str::to_owned).collect();
    let id = &mut parts[3];
    let kept = id.len() - 4;
    let other = if id.ends_with("0000") { "1111" } else { "0000" };
    id.replace_range(kept.., other);
    parts.join("/")
}

fn without_request_id(mut body: Value) -> Value {
    let removed = body.as_object_mut().and_then(|body| body.remove("request_id"));
    assert!(removed.is_some(), "{body}");
    body
}
