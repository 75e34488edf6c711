//! What an event costs: every call to AWS between a publisher and its receiver, functions warm.

use serde_json::Value;
use tests::{
    aws::{Call, Service},
    platform::Platform,
    receiver::Receiver,
};

/// The calls as text, with what DynamoDB charges for them.
fn bill(calls: &[Call]) -> Vec<String> {
    calls
        .iter()
        .map(|call| match call.service {
            Service::DynamoDb => format!("{} {}", call.operation, call.capacity),
            _ => call.operation.clone(),
        })
        .collect()
}

#[tokio::test]
async fn an_event_for_one_endpoint_makes_these_calls_and_no_others() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    caller.subscribe(&receiver.url(), &["send.*"]).await;
    caller.publish_any().await;
    platform.settle().await;

    platform.aws.forget_calls();
    caller.publish_any().await;
    // Over how many shards the type is spread, a process reads again after 2 seconds only.
    assert_eq!(bill(&platform.aws.calls()), ["GetItem 1", "PutEvents"], "publishing");
    platform.aws.forget_calls();
    platform.pump_events().await;
    // One query for each pattern that can match the type, however many endpoints there are.
    let routing =
        ["Query 1", "Query 1", "Query 1", "Query 1", "BatchGetItem 1", "PutItem 1", "SendMessageBatch"];
    assert_eq!(bill(&platform.aws.calls()), routing, "fan-out");
    platform.aws.forget_calls();
    platform.pump_deliveries().await;
    assert_eq!(bill(&platform.aws.calls()), ["BatchGetItem 1", "PutItem 1"], "delivery");
}

#[tokio::test]
async fn every_read_is_consistent_and_none_filters() {
    let (platform, receiver) = (Platform::new(), Receiver::start().await);
    let key = platform.organization().await.key;
    let caller = platform.with_key(&key);
    caller.subscribe(&receiver.url(), &["send.*"]).await;
    let event = caller.publish_any().await;
    platform.settle().await;
    caller.event(&event).await;
    caller.get("/v1/webhooks").await.expect(200);
    let calls = platform.aws.calls();
    let reads =
        calls.iter().filter(|call| ["GetItem", "Query", "BatchGetItem"].contains(&call.operation.as_str()));
    let mut seen = 0;
    for call in reads {
        let request = match call.operation.as_str() {
            "BatchGetItem" => call.request["RequestItems"].as_object().unwrap().values().next().unwrap(),
            _ => &call.request,
        };
        // An index cannot be read consistently; nothing that decides a delivery reads one.
        assert_eq!(request["ConsistentRead"], true, "{call} {request}");
        assert_eq!(request.get("FilterExpression"), None::<&Value>, "{call} {request}");
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}
