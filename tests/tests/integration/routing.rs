//! Which endpoints an event reaches.

use serde_json::json;
use tests::{platform::Platform, receiver::Receiver};

#[tokio::test]
async fn an_event_reaches_the_endpoints_whose_patterns_match_and_no_others() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let cases = [
        (&["*"][..], true),
        (&["send.*"], true),
        (&["send.email.*"], true),
        (&["send.email.sent"], true),
        (&["telco.*", "send.email.sent"], true),
        (&["send.*", "*", "send.email.sent"], true),
        (&["send.email.bounced"], false),
        (&["telco.*"], false),
        (&["email.*"], false),
    ];
    let mut hooks = Vec::new();
    for (patterns, expected) in cases {
        let receiver = Receiver::start().await;
        let hook = caller.subscribe(&receiver.url(), patterns).await;
        hooks.push((receiver, hook, patterns, expected));
    }
    let event = caller.publish_any().await;
    platform.settle().await;
    let matched = caller.event(&event).await["deliveries"].clone();
    for (receiver, hook, patterns, expected) in hooks {
        assert_eq!(receiver.received().len(), usize::from(expected), "{patterns:?}");
        let listed = matched.as_array().unwrap().iter().filter(|it| it["endpoint_id"] == hook.id).count();
        assert_eq!(listed, usize::from(expected), "{patterns:?}");
    }
}

#[tokio::test]
async fn a_pattern_that_can_match_nothing_is_refused_with_the_nearest_one() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    for (pattern, nearest) in [
        ("send.emial.sent", "send.email.sent"),
        ("sned.*", "send.*"),
        ("send.*.sent", "send."),
        ("*.sent", ""),
        ("", ""),
    ] {
        let body = json!({ "url": "https://127.0.0.1/", "enabled_events": [pattern] });
        let refused = caller.post("/v1/webhooks", body).await.expect(400).json();
        let message = refused["error"].as_str().unwrap();
        assert_eq!(refused["param"], "enabled_events", "{refused}");
        assert!(message.contains(&format!("\"{pattern}\"")) && message.contains(nearest), "{message}");
    }
}

#[tokio::test]
async fn a_disabled_endpoint_is_neither_sent_to_nor_recorded() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    caller.subscribe_with(&receiver.url(), &["*"], json!({ "is_active": false })).await;
    let event = caller.publish_any().await;
    platform.settle().await;
    assert_eq!(caller.event(&event).await["deliveries"], json!([]));
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn another_organization_s_endpoint_never_gets_the_event() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let (publisher, stranger) = (platform.organization().await, platform.organization().await);
    let theirs = platform.with_key(&stranger.key).subscribe(&receiver.url(), &["*"]).await;
    let event = platform.with_key(&publisher.key).publish_any().await;
    platform.settle().await;
    assert_eq!(platform.with_key(&publisher.key).event(&event).await["deliveries"], json!([]));
    assert_eq!(receiver.received().len(), 0);
    // It does get its own.
    let own = platform.with_key(&stranger.key).publish_any().await;
    platform.settle().await;
    let delivery = platform.with_key(&stranger.key).delivery(&own, &theirs.id).await;
    assert_eq!(delivery["status"], "delivered");
    assert_eq!(receiver.arrived(1).await.len(), 1);
}
