//! Lists in pages.

use serde_json::{Value, json};
use tests::platform::{Answer, Caller, Platform};

async fn page(caller: &Caller<'_>, limit: usize, cursor: Option<&str>) -> Answer {
    let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
    caller.get(&format!("/v1/webhooks?limit={limit}{cursor}")).await
}

fn ids(page: &Value) -> Vec<String> {
    let endpoints = page["endpoints"].as_array().unwrap();
    endpoints.iter().map(|endpoint| endpoint["id"].as_str().unwrap().to_owned()).collect()
}

/// Creates endpoints, one a second; newest first.
async fn create(platform: &Platform, caller: &Caller<'_>, count: usize) -> Vec<String> {
    let mut created = Vec::new();
    for _ in 0..count {
        created.insert(0, caller.subscribe("https://127.0.0.1/", &["*"]).await.id);
        platform.aws.advance(std::time::Duration::from_secs(1));
    }
    created
}

#[tokio::test]
async fn pages_hold_everything_once_newest_first() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let created = create(&platform, &caller, 5).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    for (items, more) in [(2, true), (2, true), (1, false)] {
        let answered = page(&caller, 2, cursor.as_deref()).await.expect(200).json();
        assert_eq!((ids(&answered).len(), &answered["has_more"]), (items, &json!(more)));
        seen.extend(ids(&answered));
        cursor = answered["next_cursor"].as_str().map(str::to_owned);
    }
    assert_eq!((seen, cursor), (created, None));
}

#[tokio::test]
async fn a_list_that_ends_with_its_page_has_no_more() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let empty = page(&caller, 2, None).await.expect(200).json();
    assert_eq!(empty, json!({ "endpoints": [], "next_cursor": null, "has_more": false }));
    create(&platform, &caller, 2).await;
    let full = page(&caller, 2, None).await.expect(200).json();
    assert_eq!((ids(&full).len(), &full["has_more"], &full["next_cursor"]), (2, &json!(false), &Value::Null));
}

#[tokio::test]
async fn paging_is_stable_while_new_items_arrive() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let created = create(&platform, &caller, 4).await;
    let first = page(&caller, 2, None).await.expect(200).json();
    create(&platform, &caller, 3).await;
    let second = page(&caller, 2, first["next_cursor"].as_str()).await.expect(200).json();
    assert_eq!([ids(&first), ids(&second)].concat(), created);
}

#[tokio::test]
async fn a_tampered_cursor_is_refused_wherever_it_is_changed() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    create(&platform, &caller, 2).await;
    let first = page(&caller, 1, None).await.expect(200).json();
    let cursor = first["next_cursor"].as_str().unwrap();
    page(&caller, 1, Some(cursor)).await.expect(200);
    for position in 0..cursor.len() {
        let mut tampered = cursor.to_owned().into_bytes();
        tampered[position] = if tampered[position] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).unwrap();
        let refused = page(&caller, 1, Some(&tampered)).await.expect(400).json();
        assert_eq!((&refused["param"], &refused["code"]), (&json!("cursor"), &json!("cursor_invalid")));
    }
    for other in [
        "",
        "1",
        "1.",
        ".",
        &cursor[1..],
        &cursor[..cursor.len() - 1],
        &format!("0{cursor}"),
        &format!("%2B{cursor}"),
    ] {
        let refused = page(&caller, 1, Some(other)).await;
        assert_eq!(refused.status, 400, "{other} is taken for {cursor}");
    }
}

#[tokio::test]
async fn another_organization_s_cursor_is_refused() {
    let platform = Platform::new();
    let (one, other) = (platform.organization().await.key, platform.organization().await.key);
    let (one, other) = (platform.with_key(&one), platform.with_key(&other));
    create(&platform, &one, 2).await;
    create(&platform, &other, 2).await;
    let first = page(&one, 1, None).await.expect(200).json();
    let refused = page(&other, 1, first["next_cursor"].as_str()).await.expect(400).json();
    assert_eq!(refused["param"], "cursor");
}

#[tokio::test]
async fn a_list_holds_its_own_organization_s_items_only() {
    let platform = Platform::new();
    let (one, other) = (platform.organization().await.key, platform.organization().await.key);
    let (one, other) = (platform.with_key(&one), platform.with_key(&other));
    let created = create(&platform, &one, 2).await;
    create(&platform, &other, 2).await;
    assert_eq!(ids(&page(&one, 200, None).await.expect(200).json()), created);
}

/// Everything that a list has, read two at a time; `items` and `cursor` find them in a page.
async fn all_of(caller: &Caller<'_>, path: &str, items: &str, cursor: &str) -> Vec<Value> {
    let (mut seen, mut position) = (Vec::new(), String::new());
    for _ in 0..10 {
        let page = caller.get(&format!("{path}?limit=2{position}")).await.expect(200).json();
        let found = page.pointer(items).unwrap().as_array().unwrap().clone();
        assert!(found.len() <= 2, "{page}");
        seen.extend(found);
        match page.pointer(cursor).unwrap().as_str() {
            Some(next) => position = format!("&cursor={next}"),
            None => return seen,
        }
    }
    panic!("{path} has no end");
}

#[tokio::test]
async fn every_list_goes_on_where_its_page_ended() {
    let platform = Platform::new();
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    let mut hooks = create(&platform, &caller, 5).await;
    let orbit = all_of(&caller, "/api/v1/webhooks/", "/data", "/meta/pagination/cursor").await;
    assert_eq!(orbit.iter().map(|it| it["id"].as_str().unwrap()).collect::<Vec<_>>(), hooks);
    for number in 1..=4 {
        let body = json!({ "name": format!("key {number}"), "scopes": ["platform:events:read"] });
        caller.post("/v1/keys", body).await.expect(201);
    }
    let mut names: Vec<_> = all_of(&caller, "/v1/keys", "/keys", "/next_cursor")
        .await
        .iter()
        .map(|it| it["name"].as_str().unwrap().to_owned())
        .filter(|name| name.starts_with("key "))
        .collect();
    names.sort();
    assert_eq!(names, ["key 1", "key 2", "key 3", "key 4"]);
    let event = caller.publish_any().await;
    platform.pump_events().await;
    let path = format!("/v1/events/{event}/deliveries");
    let deliveries = all_of(&caller, &path, "/deliveries", "/next_cursor").await;
    let mut endpoints: Vec<_> =
        deliveries.iter().map(|it| it["endpoint_id"].as_str().unwrap().to_owned()).collect();
    endpoints.sort();
    hooks.sort();
    assert_eq!(endpoints, hooks);
}
