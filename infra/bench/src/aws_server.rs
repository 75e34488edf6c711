//! The tests' models of AWS, served to other processes over plain HTTP.
//!
//! The SDK's calls come in as they would at AWS (`AWS_ENDPOINT_URL`). Beside them are the tool's own controls, which stand in
//! for what AWS does around functions and for the operator: an event source mapping that receives and deletes, a new
//! organization, an environment of variables. The account's clock is moved to this machine's at every call, as the functions'
//! own clocks are.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use ::tests::{
    aws::ReceivedMessage,
    platform::{Organization, Platform},
};
use aws_sdk_sqs::config::http::HttpRequest;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::Request;
use runtime::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Result,
    http::{Answer, serve, status, with_body},
};

/// The controls.
pub mod control {
    /// A new organization; answers `id` and `key`.
    pub const ORGANIZATION: &str = "/control/organization";
    /// Takes `queue` and `max`: receives and deletes so many messages, and answers with an SQS event.
    pub const RECEIVE: &str = "/control/receive";
    /// Takes `queue`: empties it.
    pub const PURGE: &str = "/control/purge";
    /// Answers how many calls of each kind there were since it was last asked, and counts from 0 again.
    pub const TAKE_CALLS: &str = "/control/take_calls";
    /// Takes `function`: answers its environment variables and its memory.
    pub const FUNCTION: &str = "/control/function";
}

/// What a deployment for measuring sets, if the function has such a variable: receivers on loopback, room for endpoints, and no
/// endpoint that is slow because the machine is busy.
const OVERRIDES: [(&str, &str); 3] = [
    ("ALLOW_LOOPBACK_ENDPOINTS", "true"),
    ("MAX_ENDPOINTS_PER_ORGANIZATION", "3000"),
    ("SLOW_AFTER_MILLISECONDS", "30000"),
];

/// Serves until the process ends.
pub async fn run(listener: TcpListener) -> Result<()> {
    let account = Arc::new(Account { platform: Platform::new(), address: listener.local_addr()? });
    serve(listener, move |request| {
        let account = Arc::clone(&account);
        async move { account.answer(request).await }
    })
    .await
}

struct Account {
    platform: Platform,
    address: SocketAddr,
}

impl Account {
    async fn answer(&self, request: Request<Bytes>) -> Answer {
        self.platform.aws.clock().move_to(Clock::system().now());
        if request.headers().contains_key("x-amz-target") {
            return self.call(&request).await;
        }

        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |name: &str| asked[name].as_str().unwrap_or_default();
        let answer = match request.uri().path() {
            control::ORGANIZATION => self.organization().await,
            control::RECEIVE => self.receive(text("queue"), &asked["max"]),
            control::PURGE => {
                self.platform.aws.purge(text("queue"));
                json!({})
            }
            control::TAKE_CALLS => self.take_calls(),
            control::FUNCTION => self.function(text("function")),
            _ => return status(404),
        };
        with_body(200, answer.to_string())
    }

    async fn call(&self, request: &Request<Bytes>) -> Answer {
        let mut of_sdk = HttpRequest::new(SdkBody::from(request.body().clone()));
        for name in ["x-amz-target", "authorization"] {
            let value = request.headers().get(name).and_then(|value| value.to_str().ok());
            if let Some(value) = value {
                of_sdk.headers_mut().insert(name, value.to_owned());
            }
        }

        match self.platform.aws.answer(&of_sdk).await {
            Ok(answer) => {
                let body = answer.body().bytes().map(Bytes::copy_from_slice);
                with_body(answer.status().as_u16(), body.unwrap_or_default())
            }
            Err(error) => with_body(500, error.to_string()),
        }
    }

    async fn organization(&self) -> Value {
        let Organization { id, key } = self.platform.organization().await;
        json!({ "id": id.to_string(), "key": key })
    }

    fn receive(&self, queue: &str, max: &Value) -> Value {
        let max = max.as_u64().and_then(|max| usize::try_from(max).ok()).unwrap_or(10);
        let received = self.platform.aws.receive(queue, max);
        for message in &received {
            self.platform.aws.delete(queue, &message.receipt_handle);
        }
        let records: Vec<_> = received.iter().map(|message| record(queue, message)).collect();
        json!({ "Records": records })
    }

    fn take_calls(&self) -> Value {
        let mut counts = BTreeMap::<String, u64>::new();
        for call in self.platform.aws.calls() {
            *counts.entry(call.operation).or_default() += 1;
        }
        self.platform.aws.forget_calls();
        json!(counts)
    }

    fn function(&self, binary: &str) -> Value {
        let template = self.platform.aws.template();
        let (mut variables, memory) = template.function(binary);
        for value in variables.values_mut() {
            // A reference to a queue is its URL, one to the key its ARN.
            if template.queues().contains_key(value) {
                *value = format!("http://{}/123456789012/{value}", self.address);
            } else if value == "SecretsKey" {
                *value = self.platform.aws.kms_key();
            }
        }
        for (name, value) in OVERRIDES {
            variables.entry(name.to_owned()).and_modify(|set| value.clone_into(set));
        }
        json!({ "variables": variables, "memory": memory })
    }
}

/// A message as Lambda hands it to a function
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event>).
fn record(queue: &str, message: &ReceivedMessage) -> Value {
    json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": message.receive_count.to_string(),
            "SentTimestamp": "1800000000000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1800000000001",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:eu-central-1:123456789012:{queue}"),
        "awsRegion": "eu-central-1",
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};

    use super::*;
    use crate::http::post;

    async fn server() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(run(listener));
        address
    }

    async fn ask(address: SocketAddr, control: &str, asked: Value) -> Value {
        serde_json::from_slice(&post(address, control, asked.to_string()).await.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_real_sdk_s_messages_are_received_as_lambda_hands_them_on() {
        let address = server().await;
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(format!("http://{address}"))
            .http_client(aws::config().await.http_client().unwrap())
            .build();
        let client = aws_sdk_sqs::Client::from_conf(config);
        let url = format!("http://{address}/123456789012/DeliveriesQueue");
        client.send_message().queue_url(url).message_body("hello").send().await.unwrap();

        let event = ask(address, control::RECEIVE, json!({ "queue": "DeliveriesQueue", "max": 10 })).await;
        assert_eq!(event["Records"][0]["body"], "hello");
        assert_eq!(event["Records"][0]["attributes"]["ApproximateReceiveCount"], "1");

        let event = ask(address, control::RECEIVE, json!({ "queue": "DeliveriesQueue", "max": 10 })).await;
        assert_eq!(event["Records"], json!([]), "it was deleted");

        assert_eq!(ask(address, control::TAKE_CALLS, json!({})).await, json!({ "SendMessage": 1 }));
        assert_eq!(ask(address, control::TAKE_CALLS, json!({})).await, json!({}), "counted from 0 again");
    }

    #[tokio::test]
    async fn a_function_s_variables_lead_back_here() {
        let address = server().await;
        let function = ask(address, control::FUNCTION, json!({ "function": "deliver" })).await;

        let variables = &function["variables"];
        let queue = format!("http://{address}/123456789012/DeliveriesQueue");
        assert_eq!(variables["DELIVERIES_QUEUE_URL"], queue);
        assert!(variables["SECRETS_KEY_ID"].as_str().unwrap().starts_with("arn:aws:kms:"));
        assert_eq!(variables["ALLOW_LOOPBACK_ENDPOINTS"], "true");
        assert!(variables["MAX_ENDPOINTS_PER_ORGANIZATION"].is_null(), "deliver has no such variable");
    }

    #[tokio::test]
    async fn organizations_are_made_with_a_key() {
        let made = ask(server().await, control::ORGANIZATION, json!({})).await;
        assert!(made["id"].as_str().unwrap().starts_with("org_"));
        assert!(made["key"].as_str().unwrap().starts_with("dd_live_"));
    }
}
