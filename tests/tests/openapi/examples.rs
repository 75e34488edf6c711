//! Every example of a request is sent, and its answer checked.

use crate::{
    document::{Operation, operations},
    stage::Stage,
};

#[tokio::test]
async fn every_request_s_example_is_answered_as_documented() {
    let mut sent = 0;
    for operation in operations() {
        for example in operation.request_examples() {
            let stage = Stage::set().await;
            let (path, body) = (stage.path(&operation), stage.example(example));
            let answer = stage.send(&stage.owner(), &operation, &path, &body).await;
            assert!(answer.status.is_success(), "{} {body}: {}", operation.id, answer.text);
            operation.check(&answer);
            sent += 1;
        }
    }
    assert!(sent > 15, "{sent}");
}

#[tokio::test]
async fn what_takes_no_body_answers_as_documented() {
    for operation in operations().into_iter().filter(Operation::body_is_optional) {
        let stage = Stage::set().await;
        let path = stage.path(&operation);
        let answer = stage.owner().send(operation.method.clone(), &path, &[], "").await;
        assert!(answer.status.is_success(), "{}: {}", operation.id, answer.text);
        operation.check(&answer);
    }
}

#[tokio::test]
async fn every_body_has_an_example() {
    for operation in operations().into_iter().filter(|operation| operation.body().is_some()) {
        assert!(!operation.request_examples().is_empty(), "{}", operation.id);
    }
}
