//! Signing secrets at rest and in the log.

use domain::{
    Timestamp,
    ids::{EndpointId, OrganizationId},
    secret::{SealedSecret, SigningSecret},
};
use serde_json::json;
use tests::{
    logs::Logs,
    platform::Platform,
    receiver::{Received, Receiver, Reply},
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn organization() -> OrganizationId {
    OrganizationId::new(NOW, [1; 10])
}

fn endpoint(number: u8) -> EndpointId {
    EndpointId::new(NOW, [number; 10])
}

fn secret() -> SigningSecret {
    SigningSecret::new(&[7; 32])
}

async fn seal(vault: &vault::Vault) -> SealedSecret {
    vault.seal(organization(), endpoint(1), &secret(), NOW).await.unwrap()
}

#[tokio::test]
async fn a_sealed_secret_opens_for_its_own_endpoint_only() {
    let platform = Platform::new();
    let sealed = seal(&platform.vault()).await;
    let vault = platform.vault();
    assert_eq!(vault.open(organization(), endpoint(1), &sealed).await.unwrap(), secret());
    assert!(vault.open(organization(), endpoint(2), &sealed).await.is_err());
    let stranger = OrganizationId::new(NOW, [2; 10]);
    assert!(vault.open(stranger, endpoint(1), &sealed).await.is_err());
}

#[tokio::test]
async fn older_secrets_still_open_after_the_data_key_is_rotated() {
    let platform = Platform::new();
    let old = seal(&platform.vault()).await;
    assert_eq!(platform.vault().rotate(NOW).await.unwrap(), 2);
    let new = seal(&platform.vault()).await;
    assert_eq!((old.0.split_once('.').unwrap().0, new.0.split_once('.').unwrap().0), ("1", "2"));
    for sealed in [old, new] {
        assert_eq!(platform.vault().open(organization(), endpoint(1), &sealed).await.unwrap(), secret());
    }
}

#[tokio::test]
async fn functions_that_make_the_first_data_key_at_once_seal_with_the_same_one() {
    for seed in 1..=20 {
        let platform = Platform::new();
        platform.aws.interleave(seed);
        let vaults = [platform.vault(), platform.vault(), platform.vault()];
        let sealed = futures::future::join_all(vaults.iter().map(seal)).await;
        for sealed in sealed {
            let opened = platform.vault().open(organization(), endpoint(1), &sealed).await;
            assert_eq!(opened.unwrap(), secret(), "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_warm_function_asks_kms_nothing() {
    let platform = Platform::new();
    let vault = platform.vault();
    let sealed = seal(&vault).await;
    platform.aws.forget_calls();
    vault.open(organization(), endpoint(1), &sealed).await.unwrap();
    seal(&vault).await;
    assert_eq!(platform.aws.calls().len(), 0, "{:?}", platform.aws.calls());
}

/// Runs an event through a failure and a success at this level; none of `hidden` may be in the log, which may be asked
/// for by what it is.
async fn check_log(level: &str, hidden: &[&str]) {
    let logs = Logs::capture(level);
    let platform = Platform::new();
    let receiver = Receiver::answering([Reply::status(500).body("answer_of_the_receiver")]).await;
    let organization = platform.organization().await;
    let caller = platform.with_key(&organization.key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let event = caller.publish("send.email.sent", r#"{"messageId":"data_of_the_event"}"#).await;
    platform.settle().await;
    caller.event(&event).await;
    assert_eq!(receiver.arrived(2).await.len(), 2);
    let text = logs.text();
    assert!(
        text.contains("event routed") && text.contains("attempt ended") && text.contains(&event),
        "{text}"
    );
    for what in hidden {
        let needle = match *what {
            "signing secret" => hook.secret.trim_start_matches("whsec_"),
            "API key" => organization.key.trim_start_matches("dd_live_"),
            text => text,
        };
        let line = text.lines().find(|line| line.contains(needle));
        assert_eq!(line, None, "{what} is in the log at {level}");
    }
}

#[tokio::test]
async fn no_level_of_the_log_shows_a_secret_or_a_key() {
    for level in ["info", "debug", "trace"] {
        check_log(level, &["signing secret", "API key"]).await;
    }
}

#[tokio::test]
async fn the_log_shows_neither_what_was_published_nor_what_was_answered() {
    for level in ["info", "debug"] {
        check_log(level, &["data_of_the_event", "answer_of_the_receiver"]).await;
    }
}

/// Whether a holder of the secret before the rotation can verify: the same HMAC, in the element `v0`.
fn verifies_as_previous(received: &Received, secret: &str) -> bool {
    let signature = received.header("x-dodevwebhook-signature");
    let Some(previous) = signature.split(',').find_map(|element| element.strip_prefix("v0=")) else {
        return false;
    };
    let mut renamed = received.clone();
    let alone = format!("t=0,v1={previous}").parse().unwrap();
    renamed.headers.insert("x-dodevwebhook-signature", alone);
    renamed.verifies(secret)
}

#[tokio::test]
async fn while_a_rotation_s_grace_lasts_both_secrets_verify_and_then_the_new_one() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let hook = caller.subscribe(&receiver.url(), &["*"]).await;
    let path = format!("/v1/webhooks/{}/rotate-secret", hook.id);
    let rotated = caller.post(&path, json!({ "grace_seconds": 60 })).await.expect(200).json();
    let new = rotated["signing_secret"].as_str().unwrap();
    assert_ne!(new, hook.secret);
    caller.publish_any().await;
    platform.settle().await;
    platform.aws.advance(std::time::Duration::from_mins(1));
    caller.publish_any().await;
    platform.settle().await;
    let [within, after] = &receiver.received()[..] else { panic!("{:?}", receiver.received()) };
    assert!(within.verifies(new) && !within.verifies(&hook.secret), "{within:?}");
    assert!(verifies_as_previous(within, &hook.secret) && !verifies_as_previous(within, new), "{within:?}");
    assert!(after.verifies(new), "{after:?}");
    assert!(!after.header("x-dodevwebhook-signature").contains("v0="), "{after:?}");
}

#[tokio::test]
async fn rotations_that_overlap_leave_one_secret_that_its_owner_was_told() {
    for seed in 1..=20 {
        let (platform, receiver) = (Platform::new(), Receiver::start().await);
        let key = platform.organization().await.key;
        let caller = platform.with_key(&key);
        let hook = caller.subscribe(&receiver.url(), &["*"]).await;
        let path = format!("/v1/webhooks/{}/rotate-secret", hook.id);
        platform.aws.interleave(seed);
        let rotations = (0..3).map(|_| caller.post(&path, json!({})));
        let answers = futures::future::join_all(rotations).await;
        caller.publish_any().await;
        platform.settle().await;
        let post = &receiver.arrived(1).await[0];
        let told = answers.iter().filter(|answer| answer.status == 200);
        let told: Vec<_> =
            told.map(|answer| answer.json()["signing_secret"].as_str().unwrap().to_owned()).collect();
        assert!(told.iter().any(|secret| post.verifies(secret)), "seed {seed}");
        assert!(answers.iter().all(|answer| [200, 409].contains(&answer.status.as_u16())), "seed {seed}");
    }
}
