//! Whatever JSON is published, its letters reach the receiver and the reader.

use proptest::test_runner::TestCaseError;
use tests::{platform::Hook, receiver::Receiver};

use crate::{
    json_text,
    stage::{Stage, TYPE, runner, runtime},
};

/// One published object, looked at wherever it comes out again.
async fn check(stage: &Stage, receiver: &Receiver, hook: &Hook, data: &str) -> Result<(), String> {
    let caller = stage.caller();
    let body = format!(r#"{{ "data" : {data} ,"type":"{TYPE}"}}"#);
    let before = receiver.received().len();
    let published = caller.post_text("/v1/events", &body).await;
    if published.status != 202 {
        return Err(format!("refused: {}", published.text));
    }
    let published = published.json();
    let (id, at) = (published["eventId"].as_str().unwrap(), published["createdAt"].as_i64().unwrap());
    stage.platform.settle().await;
    let event = format!(
        r#"{{"eventId":"{id}","type":"{TYPE}","service":"send","data":{data},"livemode":true,"createdAt":{at}"#
    );
    let received = receiver.received().split_off(before);
    let [post] = &received[..] else { return Err(format!("{} arrived", received.len())) };
    if post.body != format!("{event}}}") {
        return Err(format!("the receiver got {}", post.body));
    }
    if !post.verifies(&hook.secret) {
        return Err("the signature does not verify".into());
    }
    let read = caller.get(&format!("/v1/events/{id}")).await.expect(200).text;
    if !read.starts_with(&event) {
        return Err(format!("read back as {read}"));
    }
    let listed = caller.get(&format!("/v1/events?type={TYPE}&limit=1")).await.expect(200).text;
    if !listed.starts_with(&format!(r#"{{"events":[{event}}}]"#)) {
        return Err(format!("listed as {listed}"));
    }
    // So that the next one is the newest.
    stage.platform.aws.advance(std::time::Duration::from_millis(1));
    Ok(())
}

async fn set() -> (Stage, Receiver, Hook) {
    let (stage, receiver) = (Stage::set().await, Receiver::start().await);
    let hook = stage.caller().subscribe(&receiver.url(), &["send.*"]).await;
    (stage, receiver, hook)
}

#[test]
fn random_json_arrives_byte_for_byte_and_signed() {
    let runtime = runtime();
    let (stage, receiver, hook) = runtime.block_on(set());
    runner(256)
        .run(&json_text::object(), |data| {
            runtime.block_on(check(&stage, &receiver, &hook, &data)).map_err(TestCaseError::fail)
        })
        .unwrap();
}

/// SQS refuses a message with these letters, which JSON allows inside a string.
#[tokio::test]
async fn letters_that_queues_refuse_arrive_too() {
    let (stage, receiver, hook) = set().await;
    for letter in ['\u{fffe}', '\u{ffff}'] {
        let data = format!(r#"{{"messageId":"<{letter}>"}}"#);
        check(&stage, &receiver, &hook, &data).await.unwrap();
    }
}

/// Receivers are handed what was published; which of the two counts is for them to know.
#[tokio::test]
async fn what_is_repeated_inside_data_arrives_with_all_its_forms() {
    let (stage, receiver, hook) = set().await;
    for data in [
        r#"{"messageId":7,"messageId":"m"}"#,
        r#"{"messageId":7,"message\u0049d":"m","x":1,"x":{"y":1,"y":[{"z":1,"z":2}]},"x":1}"#,
        r#"{"messageId":"m","to":"a","t\u006f":["a"]}"#,
        r#"{"":1,"messageId":"m","":2}"#,
    ] {
        check(&stage, &receiver, &hook, data).await.unwrap();
    }
    let last = r#"{"type":"send.email.sent","data":{"messageId":"m","message\u0049d":7}}"#;
    let refused = stage.caller().post_text("/v1/events", last).await.expect(400).json();
    assert_eq!(refused["param"], "data.messageId");
}
