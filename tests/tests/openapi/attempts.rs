//! What attempts can carry is what the document says.

use domain::{
    attempt::{Attempt, Outcome},
    delivery::Status,
    ids::{EndpointId, EventId},
};
use egress::PostError;
use serde_json::{Value, json};

use crate::{
    document::{document, operations},
    stage::Stage,
};

fn codes() -> Vec<Value> {
    PostError::ALL.iter().map(|error| json!(error.code())).collect()
}

#[test]
fn the_error_codes_of_attempts_are_an_enumeration_with_a_meaning_each() {
    let schema = &document()["components"]["schemas"]["AttemptError"];

    assert_eq!(schema["enum"], Value::Array(codes()));
    let description = schema["description"].as_str().unwrap();
    for error in PostError::ALL {
        assert!(description.contains(&format!("`{}`: {error}.", error.code())), "{error:?}: {description}");
    }
}

#[tokio::test]
async fn an_attempt_with_any_outcome_is_as_documented() {
    let stage = Stage::set().await;
    let (event, endpoint) =
        (EventId::parse(&stage.event).unwrap(), EndpointId::parse(&stage.endpoint).unwrap());
    let (log, now) = (stage.platform.log(), stage.platform.aws.clock().now());
    let logged = log.event(stage.organization, event, now).await.unwrap().unwrap().event;
    let mut delivery = domain::delivery::Delivery::pending(&logged, endpoint);
    let outcomes = PostError::ALL.iter().flat_map(|error| {
        let error = error.code().to_owned();
        [Outcome::Error(error.clone()), Outcome::Truncated { status: 200, error }]
    });
    for (outcome, number) in outcomes.chain([Outcome::Status(200)]).zip(1..) {
        let attempt = Attempt { number, at: now, outcome, duration_ms: 1, address: None, answer: None };
        let read = delivery.clone();
        delivery = read.clone().with_attempt(attempt, Status::Failed, None);
        delivery = log.put_delivery(stage.organization, &read, delivery).await.unwrap().unwrap();
    }

    let operation = operations().into_iter().find(|it| it.path == "/v1/events/{id}/deliveries").unwrap();
    let answer = stage.owner().get(&stage.path(&operation)).await;

    operation.check(&answer);
    let attempts = answer.json()["deliveries"][0]["attempts"].as_array().unwrap().clone();
    let pairs: Vec<_> =
        attempts.iter().map(|it| (it["status_code"].clone(), it["error_code"].clone())).collect();
    let mut expected: Vec<_> =
        codes().into_iter().flat_map(|code| [(Value::Null, code.clone()), (json!(200), code)]).collect();
    expected.push((json!(200), Value::Null));
    assert_eq!(pairs, expected);
}
