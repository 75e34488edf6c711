//! Cursors of the event log: good for the list, the organization and the filter that they came from.

use domain::ids::Lane;

use crate::stage::{Stage, TYPE, event_at, logged};

const FILTER: &str = "limit=1&type=send.*&livemode=true&order=desc&service=send";

async fn with_events() -> (Stage, String) {
    let stage = Stage::set().await;
    for number in 0..3 {
        let (at, lane) = (stage.platform.aws.clock().now(), Lane { livemode: true, shard: 0 });
        let event = event_at(stage.organization, TYPE, at, lane, [number; 8]);
        stage.platform.log().put_event(stage.organization, &event).await.unwrap();
    }
    assert_eq!(logged(&stage.platform, stage.organization).len(), 3);
    let page = stage.caller().get(&format!("/v1/events?{FILTER}")).await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    stage.caller().get(&format!("/v1/events?{FILTER}&cursor={cursor}")).await.expect(200);
    (stage, cursor)
}

#[tokio::test]
async fn a_cursor_is_good_for_its_filter_alone() {
    let (stage, cursor) = with_events().await;
    let without = ["limit=1", "&type=send.*", "&livemode=true", "&order=desc", "&service=send"];
    let mut others: Vec<_> = without[1..].iter().map(|part| FILTER.replace(part, "")).collect();
    others.retain(|other| *other != FILTER.replace("&order=desc", ""));
    others.extend([
        FILTER.replace("send.*", "send.email.*"),
        FILTER.replace("true", "false"),
        FILTER.replace("desc", "asc"),
        format!("{FILTER}&after=0"),
        format!("{FILTER}&before=1900000000000"),
    ]);
    for other in others {
        let refused =
            stage.caller().get(&format!("/v1/events?{other}&cursor={cursor}")).await.expect(400).json();
        assert_eq!((&refused["param"], &refused["code"]), (&"cursor".into(), &"cursor_invalid".into()));
    }
    // The page's size, and what is said in other words, are no other filter.
    for same in [FILTER.replace("limit=1", "limit=2"), FILTER.replace("&order=desc", "")] {
        stage.caller().get(&format!("/v1/events?{same}&cursor={cursor}")).await.expect(200);
    }
}

#[tokio::test]
async fn a_cursor_is_good_for_its_organization_alone() {
    let (stage, cursor) = with_events().await;
    let stranger = stage.platform.organization().await.key;
    let path = format!("/v1/events?{FILTER}&cursor={cursor}");
    let refused = stage.platform.with_key(&stranger).get(&path).await.expect(400).json();
    assert_eq!(refused["code"], "cursor_invalid");
}

#[tokio::test]
async fn a_cursor_is_good_for_its_list_alone() {
    let (stage, cursor) = with_events().await;
    let id = stage.caller().publish_any().await;
    stage.platform.settle().await;
    for list in [format!("/v1/events/{id}/deliveries"), "/v1/webhooks".to_owned()] {
        let refused = stage.caller().get(&format!("{list}?cursor={cursor}")).await.expect(400).json();
        assert_eq!(refused["code"], "cursor_invalid", "{list}");
    }
}

#[tokio::test]
async fn a_changed_cursor_is_refused_wherever_it_is_changed() {
    let (stage, cursor) = with_events().await;
    for position in 0..cursor.len() {
        let mut changed = cursor.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let refused = stage.caller().get(&format!("/v1/events?{FILTER}&cursor={changed}")).await;
        assert_eq!(refused.expect(400).json()["code"], "cursor_invalid", "changed at {position}");
    }
    for cut in [&cursor[1..], &cursor[..cursor.len() - 1], "", "evt_0", "%00"] {
        stage.caller().get(&format!("/v1/events?{FILTER}&cursor={cut}")).await.expect(400);
    }
}

/// A cursor outlives the functions' processes and the event that it stands at.
#[tokio::test]
async fn a_cursor_survives_a_restart() {
    let (stage, cursor) = with_events().await;
    stage.platform.restart();
    stage.caller().get(&format!("/v1/events?{FILTER}&cursor={cursor}")).await.expect(200);
}
