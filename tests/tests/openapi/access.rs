//! Who may call what: every operation of the document with every kind of caller.

use std::time::Duration;

use domain::scope::Scope;
use serde_json::{Value, json};
use tests::platform::Caller;

use crate::{
    document::{Operation, operations},
    stage::{Stage, error, key_id, without_request_id},
};

/// What needs no key; whatever else the document has needs one.
const PUBLIC: [&str; 2] = ["getOpenApi", "listEventTypes"];

/// The scopes that let a caller through where `needed` is asked for, after the contract's table.
fn allowing(needed: &str) -> &'static [Scope] {
    match needed {
        "platform:webhooks:read" => &[Scope::WebhooksRead, Scope::WebhooksManage],
        "platform:webhooks:manage" => &[Scope::WebhooksManage],
        "platform:events:read" => &[Scope::EventsRead, Scope::WebhooksRead, Scope::WebhooksManage],
        "platform:events:publish" => &[Scope::EventsPublish],
        "platform:keys:manage" => &[Scope::KeysManage],
        other => panic!("the contract has no scope {other}"),
    }
}

/// Every set of scopes that a key can have.
fn scope_sets() -> Vec<Vec<Scope>> {
    let set = |bits: u32| {
        let numbered = (0..).zip(Scope::ALL);
        numbered.filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, scope)| scope).collect()
    };
    (1..1 << Scope::ALL.len()).map(set).collect()
}

/// The operations with a key, and the scope that each asks for.
fn protected() -> Vec<(Operation, &'static str)> {
    operations()
        .into_iter()
        .filter_map(|operation| operation.scope().map(|scope| (operation, scope)))
        .collect()
}

#[test]
fn every_operation_but_the_public_ones_has_a_scope() {
    for operation in operations() {
        let public = PUBLIC.contains(&operation.id);
        assert_eq!(operation.scope().is_none(), public, "{}", operation.id);
        let expected = match operation.scope() {
            None => json!([{}]),
            Some(scope) => json!([{ "bearer": [scope] }, { "api_key": [scope] }]),
        };
        assert_eq!(operation.security(), &expected, "{}", operation.id);
    }
    assert!(protected().len() >= 18, "{}", protected().len());
}

#[tokio::test]
async fn without_a_known_key_every_operation_is_unauthorized() {
    let stage = Stage::set().await;
    let revoked = stage.platform.key(stage.organization, &Scope::ALL, true).await;
    let id = key_id(&stage.platform, &revoked).await;
    assert!(stage.platform.registry().revoke_key(stage.organization, id).await.unwrap());
    let unknown = "dd_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let expected = error("unauthorized", "Invalid or missing API key", "unauthorized");
    for (operation, _) in protected() {
        let callers = [
            stage.platform.without_key(),
            stage.platform.with_key(unknown),
            stage.platform.with_key(&revoked),
        ];
        for caller in callers {
            let answer = stage.call(&caller, &operation, &stage.path(&operation)).await.expect(401);
            assert_eq!(without_request_id(&answer), expected, "{}", operation.id);
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", operation.id);
            operation.check(&answer);
        }
    }
}

#[tokio::test]
async fn a_key_is_let_through_by_the_scopes_that_allow_it_and_no_others() {
    let stage = Stage::set().await;
    let mut keys = Vec::new();
    for scopes in scope_sets() {
        keys.push((stage.platform.key(stage.organization, &scopes, true).await, scopes));
    }
    for (operation, needed) in protected() {
        let sufficient = allowing(needed);
        let expected = error("forbidden", &format!("Insufficient scope. Required: {needed}"), "forbidden");
        for (key, scopes) in &keys {
            let caller = stage.platform.with_key(key);
            let answer = stage.call(&caller, &operation, &stage.path(&operation)).await;
            operation.check(&answer);
            if scopes.iter().any(|scope| sufficient.contains(scope)) {
                // A key is not granted what its creator lacks: that is another refusal.
                let refused = answer.status == 403 && operation.id != "createKey";
                assert!(!refused && answer.status != 401, "{} {scopes:?}: {}", operation.id, answer.text);
            } else {
                assert_eq!(answer.status, 403, "{} {scopes:?}: {}", operation.id, answer.text);
                assert_eq!(without_request_id(&answer), expected, "{} {scopes:?}", operation.id);
            }
        }
    }
}

#[tokio::test]
async fn another_organization_s_id_is_not_found_like_one_that_does_not_exist() {
    for (operation, _) in protected().into_iter().filter(|(operation, _)| operation.path.contains('{')) {
        let stage = Stage::set().await;
        let stranger = stage.platform.organization().await.key;
        let stranger = stage.platform.with_key(&stranger);
        // An event of a moment ago may be on its way to the log, whosever it is.
        stage.platform.aws.advance(Duration::from_hours(1));
        let id = stage.id(&operation);
        let what = match id.split('_').next() {
            Some("whep") => "No such webhook endpoint",
            Some("evt") => "No such event",
            _ => "No such key",
        };
        let expected = error("not_found", what, "not_found");
        // The last digit is random: another one names nothing.
        let other = format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' });
        let nothing = stage.path(&operation).replace(id, &other);
        let malformed = stage.path(&operation).replace(id, "abc123");
        for (caller, path) in
            [(&stranger, stage.path(&operation)), (&stage.owner(), nothing), (&stage.owner(), malformed)]
        {
            let answer = stage.call(caller, &operation, &path).await.expect(404);
            assert_eq!(without_request_id(&answer), expected, "{} {path}", operation.id);
            operation.check(&answer);
        }
        let own = stage.call(&stage.owner(), &operation, &stage.path(&operation)).await;
        assert!(own.status.is_success(), "{}: {}", operation.id, own.text);
    }
}

#[tokio::test]
async fn another_organization_s_event_of_a_moment_ago_is_answered_like_one_that_does_not_exist_yet() {
    let message = "No such event yet. If it was just published, ask again in a second";
    let expected = error("not_found", message, "event_not_logged_yet");
    let events = protected().into_iter().filter(|(operation, _)| operation.path.starts_with("/v1/events/{"));
    for (operation, _) in events {
        let stage = Stage::set().await;
        let stranger = stage.platform.organization().await.key;
        let stranger = stage.platform.with_key(&stranger);
        let other = if stage.event.ends_with('0') { '1' } else { '0' };
        let nothing = format!("{}{other}", &stage.event[..stage.event.len() - 1]);
        let nothing = stage.path(&operation).replace(&stage.event, &nothing);

        for (caller, path) in [(&stranger, stage.path(&operation)), (&stage.owner(), nothing)] {
            let answer = stage.call(caller, &operation, &path).await.expect(404);
            assert_eq!(without_request_id(&answer), expected, "{} {path}", operation.id);
            assert_eq!(answer.header("retry-after"), "1", "{} {path}", operation.id);
            operation.check(&answer);
        }
    }
}

#[tokio::test]
async fn a_stranger_s_lists_and_bodies_reach_nothing_either() {
    let stage = Stage::set().await;
    let stranger = stage.platform.organization().await.key;
    let stranger = stage.platform.with_key(&stranger);
    for (operation, _) in protected() {
        if operation.method != hyper::Method::GET || operation.path.contains('{') {
            continue;
        }
        let text = stage.call(&stranger, &operation, operation.path).await.expect(200).text;
        for id in [&stage.endpoint, &stage.event, &stage.spare_key] {
            assert!(!text.contains(id.as_str()), "{}: {text}", operation.id);
        }
    }
    let theirs = stranger.subscribe("https://127.0.0.1/", &["*"]).await.id;
    let path = format!("/v1/events/{}/resend", stage.event);
    let refused = stage.owner().post(&path, json!({ "endpoint_id": theirs })).await.expect(400);
    let expected = json!({
        "error": "The event was not for this endpoint",
        "code": "endpoint_not_matched",
        "param": "endpoint_id",
    });
    assert_eq!(without_request_id(&refused), expected);
    assert_eq!(empty_lists(&stranger).await, 0);
}

/// How many of the stranger's lists have items, the endpoint and the key that it has itself apart.
async fn empty_lists(stranger: &Caller<'_>) -> usize {
    let events = stranger.get("/v1/events").await.expect(200).json();
    let has = |list: &Value| usize::from(list.as_array().is_some_and(|items| !items.is_empty()));
    has(&events["events"])
}
