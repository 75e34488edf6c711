//! The stack that a function is measured in: AWS, a receiver, and the functions before it in the pipeline.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};

use crate::{
    Result,
    aws_server::control,
    http,
    process::{How, Process, Program, Server},
    receiver,
    runtime_api::RuntimeApi,
};

/// Events on their way to fan-out.
const EVENTS: &str = "EventsQueue";
/// Deliveries on their way to their receivers.
const DELIVERIES: &str = "DeliveriesQueue";
/// The most events that one request publishes.
const MAX_PUBLISHED: usize = 100;
/// Bytes of each event's data.
pub const DATA_BYTES: usize = 600;
/// Longer than any invocation takes, under callgrind too.
const PATIENCE: Duration = Duration::from_mins(10);
/// Published, and subscribed to by every endpoint.
const EVENT_TYPE: &str = "send.email.sent";

/// Where programs are, and where they may write.
#[derive(Debug, Clone)]
pub struct Folders {
    /// `<function>/bootstrap` for each function.
    pub bootstraps: PathBuf,
    /// `bench_calls` and `bench_post`, the baselines.
    pub baselines: PathBuf,
    /// Logs and profiles.
    pub logs: PathBuf,
}

impl Folders {
    /// A function's program.
    pub fn bootstrap(&self, function: &str) -> PathBuf {
        self.bootstraps.join(function).join("bootstrap")
    }
}

/// AWS and a receiver, each in a process of its own.
#[derive(Debug)]
pub struct Stage {
    /// Where programs are.
    pub folders: Folders,
    aws: Server,
    receiver: Server,
}

/// A function's process, or another that a Runtime API invokes.
#[derive(Debug)]
pub struct Function {
    /// Its process.
    pub process: Process,
    api: RuntimeApi,
}

/// An organization with its endpoints, all at the stage's receiver.
#[derive(Debug)]
pub struct Customer {
    key: String,
}

/// The functions that prepare messages for the one that is measured.
#[derive(Debug)]
pub struct Pipeline<'a> {
    stage: &'a Stage,
    api: Function,
    fan_out: Function,
    published: usize,
}

#[derive(Deserialize)]
struct Environment {
    variables: BTreeMap<String, String>,
    memory: u64,
}

#[derive(Deserialize)]
struct ApiAnswer {
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(default)]
    body: String,
}

impl Stage {
    /// Starts both.
    pub async fn start(folders: Folders) -> Result<Self> {
        let server = |name: &str, path: &Path| Program {
            name: name.into(),
            path: path.into(),
            arguments: vec![name.into()],
            variables: BTreeMap::new(),
        };
        let this = std::env::current_exe()?;
        let aws = Server::start(&server("serve-aws", &this), &folders.logs).await?;
        let receiver = Server::start(&server("serve-receiver", &this), &folders.logs).await?;
        Ok(Self { folders, aws, receiver })
    }

    /// Starts a function with the environment that the template gives it.
    pub async fn function(&self, name: &str, how: How) -> Result<Function> {
        let path = self.folders.bootstrap(name);
        self.start_function(name, name, &path, &BTreeMap::new(), how).await
    }

    /// Starts another program in the environment of the function `like`, with these variables too.
    pub async fn start_function(
        &self,
        name: &str,
        like: &str,
        path: &Path,
        further: &BTreeMap<String, String>,
        how: How,
    ) -> Result<Function> {
        let api = RuntimeApi::start().await?;
        let Environment { mut variables, memory } =
            self.control(control::FUNCTION, json!({ "function": like })).await?;
        let given = [
            ("AWS_ENDPOINT_URL", format!("http://{}", self.aws.address)),
            ("AWS_REGION", "eu-central-1".into()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".into()),
            ("AWS_SECRET_ACCESS_KEY", "secret".into()),
            ("AWS_SESSION_TOKEN", "token".into()),
            ("AWS_LAMBDA_RUNTIME_API", api.address().to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", like.into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory.to_string()),
        ];
        variables.extend(given.map(|(name, value)| (name.to_owned(), value)));
        variables.extend(further.clone());

        let program = Program { name: name.into(), path: path.into(), arguments: Vec::new(), variables };
        let process = Process::start(&program, how, &self.folders.logs)?;
        Ok(Function { process, api })
    }

    /// Where deliveries go.
    pub fn receiver(&self) -> std::net::SocketAddr {
        self.receiver.address
    }

    /// How many deliveries have arrived.
    pub async fn received(&self) -> Result<u64> {
        let count = http::post(self.receiver.address, receiver::COUNT, "").await?;
        Ok(String::from_utf8_lossy(&count).parse()?)
    }

    /// How many AWS calls of each operation there were since this was last asked.
    pub async fn calls(&self) -> Result<BTreeMap<String, u64>> {
        self.control(control::CALLS, json!({})).await
    }

    /// Empties both queues, so that what nobody takes does not pile up in memory, and counts calls from 0 again.
    pub async fn tidy(&self) -> Result<()> {
        for queue in [EVENTS, DELIVERIES] {
            let _: Value = self.control(control::PURGE, json!({ "queue": queue })).await?;
        }
        self.calls().await.map(drop)
    }

    async fn receive(&self, queue: &str, max: usize) -> Result<Bytes> {
        let asked = json!({ "queue": queue, "max": max }).to_string();
        http::post(self.aws.address, control::RECEIVE, asked).await
    }

    async fn control<T: DeserializeOwned>(&self, control: &str, asked: Value) -> Result<T> {
        let answer = http::post(self.aws.address, control, asked.to_string()).await?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

impl Function {
    /// Waits until it asks for its first invocation; how long after its start that was.
    pub async fn first_asked(&mut self) -> Result<Duration> {
        let started = self.process.started();
        let asked = tokio::select! {
            asked = timeout(PATIENCE, self.api.first_asked()) => asked??,
            failure = self.process.ended() => return Err(failure),
        };
        Ok(asked.saturating_duration_since(started))
    }

    /// Invokes it; its response. Errors: it failed or ended.
    pub async fn invoke(&mut self, payload: Bytes) -> Result<Bytes> {
        tokio::select! {
            response = timeout(PATIENCE, self.api.invoke(payload)) => response?,
            failure = self.process.ended() => Err(failure),
        }
    }
}

impl<'a> Pipeline<'a> {
    /// Starts the API function and fan-out.
    pub async fn start(stage: &'a Stage) -> Result<Self> {
        let start = async |name: &str, function: &str| {
            let path = stage.folders.bootstrap(function);
            stage.start_function(name, function, &path, &BTreeMap::new(), How::Plain).await
        };
        let api = start("pipeline-api", "api").await?;
        let fan_out = start("pipeline-fan_out", "fan_out").await?;
        Ok(Self { stage, api, fan_out, published: 0 })
    }

    /// A new organization with so many endpoints, each of which gets every event.
    pub async fn customer(&mut self, endpoints: usize) -> Result<Customer> {
        let made: Value = self.stage.control(control::ORGANIZATION, json!({})).await?;
        let customer = Customer { key: made["key"].as_str().ok_or("an organization has a key")?.to_owned() };

        for number in 0..endpoints {
            let url = format!("http://{}/hooks/{number}", self.stage.receiver.address);
            let body = json!({ "url": url, "enabled_events": [EVENT_TYPE] }).to_string();
            let created = self.api.invoke(customer.request("/v1/webhooks", &body)).await?;
            expect_status(&created, 201)?;
        }
        Ok(customer)
    }

    /// Requests that publish one event each.
    pub fn requests(&mut self, customer: &Customer, count: usize) -> Vec<Bytes> {
        (0..count).map(|_| customer.request("/v1/events", &self.event())).collect()
    }

    /// So many batches of so many events each, as the events queue hands them to fan-out.
    pub async fn events(&mut self, customer: &Customer, batches: usize, of: usize) -> Result<Vec<Bytes>> {
        self.stage.tidy().await?;
        let mut left = batches * of;
        while left > 0 {
            let count = left.min(MAX_PUBLISHED);
            let events: Vec<_> = (0..count).map(|_| self.event()).collect();
            let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
            let published = self.api.invoke(customer.request("/v1/events/batch", &body)).await?;
            expect_all_published(&published, count)?;
            left -= count;
        }
        self.take(EVENTS, batches, of).await
    }

    /// So many batches of so many deliveries each, as the deliveries queue hands them to deliver.
    pub async fn deliveries(&mut self, customer: &Customer, batches: usize, of: usize) -> Result<Vec<Bytes>> {
        for batch in self.events(customer, batches, of).await? {
            expect_no_failures(&self.fan_out.invoke(batch).await?)?;
        }
        self.take(DELIVERIES, batches, of).await
    }

    async fn take(&self, queue: &str, batches: usize, of: usize) -> Result<Vec<Bytes>> {
        let mut taken = Vec::with_capacity(batches);
        for _ in 0..batches {
            let batch = self.stage.receive(queue, of).await?;
            let event: Value = serde_json::from_slice(&batch)?;
            let found = event["Records"].as_array().map_or(0, Vec::len);
            if found != of {
                return Err(format!("{queue} had {found} messages where {of} were expected").into());
            }
            taken.push(batch);
        }
        Ok(taken)
    }

    /// An event with [`DATA_BYTES`] of data: text as services write it, another in each.
    fn event(&mut self) -> String {
        self.published += 1;
        let head =
            format!(r#"{{"messageId":"msg_{:08}","to":["user@example.com"],"subject":""#, self.published);
        let words = "Your order has left our warehouse and should be with you within three days. ";
        let length = DATA_BYTES - head.len() - r#""}"#.len();
        let subject: String = words.chars().cycle().take(length).collect();
        format!(r#"{{"type":"{EVENT_TYPE}","data":{head}{subject}"}}}}"#)
    }
}

impl Customer {
    /// A POST with a JSON body, as an HTTP API hands it to its function (payload format 2.0).
    fn request(&self, path: &str, body: &str) -> Bytes {
        let request = json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": "",
            "headers": {
                "accept": "*/*",
                "authorization": format!("Bearer {}", self.key),
                "content-length": body.len().to_string(),
                "content-type": "application/json",
                "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
                "user-agent": "curl/8.5.0",
                "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
                "x-forwarded-for": "203.0.113.7",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "a1b2c3d4e5",
                "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
                "domainPrefix": "a1b2c3d4e5",
                "http": {
                    "method": "POST",
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": "curl/8.5.0",
                },
                "requestId": "JKJaXmPLvHcESHA=",
                "routeKey": "$default",
                "stage": "$default",
                "time": "21/Nov/2026:15:00:00 +0000",
                "timeEpoch": 1_795_273_200_000_u64,
            },
            "body": body,
            "isBase64Encoded": false,
        });
        request.to_string().into()
    }
}

/// Errors: the HTTP handler answered with another status.
pub fn expect_status(response: &Bytes, status: u16) -> Result<()> {
    let answer: ApiAnswer = serde_json::from_slice(response)?;
    if answer.status == status {
        return Ok(());
    }
    Err(format!("{status} was expected, and it answered {}: {}", answer.status, answer.body).into())
}

/// Errors: not every event of a batch was published.
fn expect_all_published(response: &Bytes, count: usize) -> Result<()> {
    let answer: ApiAnswer = serde_json::from_slice(response)?;
    let body: Value = serde_json::from_str(&answer.body)?;
    let results = body["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let published = results.iter().filter(|result| result["status"] == 202).count();
    if published == count {
        return Ok(());
    }
    Err(format!("{published} of {count} events were published: {} {}", answer.status, answer.body).into())
}

/// Errors: a message of the batch is to come again.
pub fn expect_no_failures(response: &Bytes) -> Result<()> {
    let answer: Value = serde_json::from_slice(response)?;
    match answer["batchItemFailures"].as_array() {
        Some(failures) if failures.is_empty() => Ok(()),
        _ => Err(format!("messages of a batch failed: {answer}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked() {
        assert!(expect_status(&r#"{"statusCode":202,"headers":{}}"#.into(), 202).is_ok());
        let refused = expect_status(&r#"{"statusCode":403,"body":"no"}"#.into(), 202).unwrap_err();
        assert_eq!(refused.to_string(), "202 was expected, and it answered 403: no");

        assert!(expect_no_failures(&r#"{"batchItemFailures":[]}"#.into()).is_ok());
        assert!(expect_no_failures(&r#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#.into()).is_err());
        assert!(expect_no_failures(&"null".into()).is_err());

        let batch = |status: u16| {
            let results = format!(r#"{{\"results\":[{{\"status\":{status}}}]}}"#);
            Bytes::from(format!(r#"{{"statusCode":207,"body":"{results}"}}"#))
        };
        assert!(expect_all_published(&batch(202), 1).is_ok());
        assert!(expect_all_published(&batch(202), 2).is_err());
        assert!(expect_all_published(&batch(400), 1).is_err());
    }
}
