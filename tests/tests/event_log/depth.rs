//! How deep `data` may be nested: 60 levels, itself the first, wherever it comes from and in whatever wrapping it goes on.

use domain::{
    audience::Audience,
    event::Event,
    event_data::{CarriedData, MAX_DATA_LEVELS},
    ids::Lane,
    nesting,
};
use serde_json::{Value, json};
use storage::LoggedEvent;
use tests::{
    platform::{EVENTS, EVENTS_DEAD_LETTERS},
    receiver::Receiver,
};

use crate::stage::{Stage, TYPE, event_at};

/// What a parser reads that gives up soonest of the common ones: `System.Text.Json`, by default.
const EVERY_PARSER_READS: usize = 64;

/// Data of so many levels: of arrays, of objects, and of both in turn.
fn of_levels(levels: usize) -> [String; 3] {
    let arrays = ("[".to_owned(), "]".to_owned());
    let objects = (r#"{"[k\"":"#.to_owned(), "}".to_owned());
    [[&arrays, &arrays], [&objects, &objects], [&arrays, &objects]].map(|pair| {
        let kinds = || pair.iter().copied().cycle().take(levels - 1);
        let open: String = kinds().map(|(open, _)| open.as_str()).collect();
        let close: Vec<&str> = kinds().map(|(_, close)| close.as_str()).collect();
        let close: String = close.into_iter().rev().collect();
        // Outside all of it, what looks like more of it and is not.
        let innermost = if open.ends_with(':') { "1" } else { "" };
        let data = format!(r#"{{"messageId":"[[[{{\"[","deep":{open}{innermost}{close}}}"#);
        assert_eq!(nesting::levels(&data), levels);
        data
    })
}

fn publication(data: &str) -> String {
    format!(r#"{{"type":"{TYPE}","data":{data}}}"#)
}

#[tokio::test]
async fn data_of_60_levels_is_carried_in_every_format_and_readable_with_what_is_around_it() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    for format in ["dodev", "orbit", "ekdsend", "standard"] {
        stage.caller().subscribe_with(&receiver.url(), &["*"], json!({ "format": format })).await;
    }

    for data in of_levels(MAX_DATA_LEVELS) {
        let already = receiver.received().len();
        let id = stage.caller().publish(TYPE, &data).await;
        let batch = format!(r#"{{"events":[{}]}}"#, publication(&data));
        let batch = stage.caller().post_text("/v1/events/batch", &batch).await.expect(202).json();
        assert_eq!(batch["results"][0]["status"], 202, "{batch}");
        stage.platform.settle().await;

        let received = receiver.received().split_off(already);
        assert_eq!(received.len(), 8);
        for post in &received {
            assert!(post.body.contains(&data), "{}", post.body);
            assert_eq!(nesting::levels(&post.body), MAX_DATA_LEVELS + 1);
            post.json();
        }
        for path in [format!("/v1/events/{id}"), "/v1/events".to_owned()] {
            let read = stage.caller().get(&path).await.expect(200);
            assert!(read.text.contains(&data), "{path}");
            assert!(nesting::levels(&read.text) < EVERY_PARSER_READS, "{path}");
            read.json();
        }
    }
}

#[tokio::test]
async fn deeper_data_is_refused_with_a_code_of_its_own() {
    let stage = Stage::set().await;
    for levels in [MAX_DATA_LEVELS + 1, 64, 126, 127, 128, 129, 1_000, 20_000] {
        for data in of_levels(levels) {
            let refused =
                stage.caller().post_text("/v1/events", &publication(&data)).await.expect(400).json();
            assert_eq!((&refused["code"], &refused["param"]), (&json!("data_too_deep"), &json!("data")));
            let message = refused["error"].as_str().unwrap();
            assert_eq!(message, "data must be nested at most 60 levels deep, itself included");
        }
    }
    // As deep as 200 KiB allow.
    let deepest = of_levels(90_000)[0].clone();
    let refused = stage.caller().post_text("/v1/events", &publication(&deepest)).await.expect(400).json();
    assert_eq!(refused["code"], "data_too_deep");
    assert_eq!(stage.platform.aws.messages(EVENTS), Vec::<String>::new());
}

#[tokio::test]
async fn of_a_batch_the_event_that_is_too_deep_is_refused_alone() {
    let stage = Stage::set().await;
    let [arrays, objects, both] = of_levels(MAX_DATA_LEVELS + 1).map(|data| publication(&data));
    let (deepest, good) = (publication(&of_levels(90_000)[0]), publication(r#"{"messageId":"m"}"#));
    let body = format!(r#"{{"events":[{good},{arrays},{objects},{both},{deepest},{good}]}}"#);

    let answer = stage.caller().post_text("/v1/events/batch", &body).await.expect(202).json();
    let results = answer["results"].as_array().unwrap();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 400, 400, 400, 400, 202]);
    assert!(results[1..5].iter().all(|result| result["code"] == "data_too_deep"), "{answer}");
    assert_eq!(stage.platform.aws.messages(EVENTS).len(), 2);
}

#[tokio::test]
async fn a_service_s_data_is_held_to_the_same_depth() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    stage.caller().subscribe(&receiver.url(), &["*"]).await;
    let put = async |data: &str| {
        stage.put("dodev.send", TYPE, &stage.detail(data)).await;
        let carried = json!({ "organizationId": stage.organization, "carriedData": { "text": data } });
        stage.put("dodev.send", TYPE, &carried.to_string()).await;
    };

    for data in of_levels(MAX_DATA_LEVELS) {
        put(&data).await;
    }
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (6, 6));

    for data in of_levels(MAX_DATA_LEVELS + 1) {
        put(&data).await;
    }
    stage.platform.settle().await;
    assert_eq!((stage.logged().len(), receiver.received().len()), (6, 6), "nothing deeper is an event");
    assert_eq!(stage.platform.aws.messages(EVENTS_DEAD_LETTERS).len(), 6);
}

/// Deployed tables and queues hold what earlier versions accepted: it must not turn into a 500 or a dead letter.
#[tokio::test]
async fn deeper_data_that_was_logged_before_is_still_read_and_sent_again() {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["*"]).await;
    for (number, data) in of_levels(1_000).into_iter().enumerate() {
        let (now, lane) = (stage.platform.aws.clock().now(), Lane { livemode: true, shard: 0 });
        let random = [u8::try_from(number).unwrap(); 8];
        let template = event_at(stage.organization, TYPE, now, lane, random).event;
        let event = Event { data: CarriedData::Text(data.clone()).open().unwrap(), ..template };
        let id = event.id;
        let matched = vec![domain::ids::EndpointId::parse(&hook.id).unwrap()];
        let logged = LoggedEvent::new(event, Audience::Subscribers, matched);
        stage.platform.log().put_event(stage.organization, &logged).await.unwrap();

        let read = stage.caller().get(&format!("/v1/events/{id}")).await.expect(200);
        assert!(read.text.contains(&data));
        stage
            .caller()
            .post(&format!("/v1/events/{id}/resend"), Value::Object(serde_json::Map::new()))
            .await
            .expect(202);
        stage.platform.settle().await;
        assert!(receiver.received()[number].body.contains(&data));
    }
}
