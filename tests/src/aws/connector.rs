//! The SDK's HTTP client: from a signed request to its service's model.

use std::io;

use aws_sdk_sqs::config::{
    RuntimeComponents,
    http::{HttpRequest, HttpResponse},
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        result::ConnectorError,
    },
    http::StatusCode,
};
use serde_json::Value;

use super::{Aws, Call, Fault, Service, lock, refusal::Refusal};

/// A service's answer, and what it cost.
pub(super) struct Answer {
    pub(super) body: String,
    pub(super) capacity: f64,
    pub(super) index_capacity: f64,
}

impl From<Value> for Answer {
    fn from(body: Value) -> Self {
        Self { body: body.to_string(), capacity: 0.0, index_capacity: 0.0 }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Aws);

impl HttpClient for Connector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.0.clone();
        HttpConnectorFuture::new(async move { aws.answer(&request).await })
    }
}

impl Aws {
    /// What a service answers to a request of the SDK's; for whoever serves the account to another process, too.
    pub async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").expect("every service here has targets");
        let (service, operation) =
            Service::of_target(target).unwrap_or_else(|| panic!("unknown call {target}"));
        assert!(request.headers().get("authorization").is_some(), "{target} is not signed");
        let body = request.body().bytes().expect("these services' requests are in memory");
        let body: Value = serde_json::from_slice(body).expect("these services speak JSON");
        self.0.faults.let_others_run().await;
        self.0.faults.wait(&body).await;
        let number = self.record(service, operation, &body);
        let apply = |part_only| self.apply(service, operation, &body, part_only, number);
        match self.0.faults.at(number) {
            None => Ok(respond(apply(false))),
            Some(Fault::PartOnly) => Ok(respond(apply(true))),
            Some(Fault::FailBefore | Fault::Outage) => Err(lost()),
            Some(Fault::FailAfter) => {
                drop(apply(false));
                Err(lost())
            }
            Some(Fault::KillBefore) => self.0.faults.kill().await,
            Some(Fault::KillAfter) => {
                drop(apply(false));
                self.0.faults.kill().await
            }
        }
    }

    fn record(&self, service: Service, operation: &str, request: &Value) -> usize {
        let mut calls = lock(&self.0.calls);
        calls.push(Call {
            service,
            operation: operation.to_owned(),
            request: request.clone(),
            capacity: 0.0,
            index_capacity: 0.0,
        });
        calls.len() - 1
    }

    fn apply(
        &self,
        service: Service,
        operation: &str,
        request: &Value,
        part_only: bool,
        number: usize,
    ) -> Result<Answer, Refusal> {
        let account = &*self.0;
        let answer = match service {
            Service::DynamoDb => account.dynamodb.handle(operation, request, part_only),
            Service::Sqs => account.queues.handle(operation, request, part_only).map(Answer::from),
            Service::EventBridge => {
                account.bus.handle(operation, request, part_only, &account.queues).map(Answer::from)
            }
            Service::Kms => account.kms.handle(operation, request).map(Answer::from),
        };
        if let (Ok(answer), Some(call)) = (&answer, lock(&account.calls).get_mut(number)) {
            call.capacity = answer.capacity;
            call.index_capacity = answer.index_capacity;
        }
        answer
    }
}

fn respond(answer: Result<Answer, Refusal>) -> HttpResponse {
    let (status, body) = match answer {
        Ok(answer) => (200, answer.body),
        Err(refusal) => (refusal.status, refusal.body),
    };
    let status = StatusCode::try_from(status).expect("a status code");
    HttpResponse::new(status, body.into())
}

fn lost() -> ConnectorError {
    ConnectorError::io(io::Error::new(io::ErrorKind::ConnectionReset, "an injected fault").into())
}
