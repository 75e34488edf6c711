//! What a function is measured in: AWS and a receiver around it, and a Runtime API that invokes it.

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
pub(crate) const EVENTS: &str = "EventsQueue";
/// Deliveries on their way to their receivers.
pub(crate) const DELIVERIES: &str = "DeliveriesQueue";
/// Longer than any invocation takes, under callgrind too.
const PATIENCE: Duration = Duration::from_mins(10);

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

#[derive(Deserialize)]
struct Environment {
    variables: BTreeMap<String, String>,
    memory: u64,
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

    /// How many AWS calls of each operation there were since this was last asked. Counts from 0 again.
    pub async fn take_calls(&self) -> Result<BTreeMap<String, u64>> {
        self.control(control::TAKE_CALLS, json!({})).await
    }

    /// Empties both queues, so that what nobody takes does not pile up in memory, and counts calls from 0 again.
    pub async fn tidy(&self) -> Result<()> {
        for queue in [EVENTS, DELIVERIES] {
            let _: Value = self.control(control::PURGE, json!({ "queue": queue })).await?;
        }
        self.take_calls().await.map(drop)
    }

    /// A new organization; its key.
    pub async fn organization(&self) -> Result<String> {
        let made: Value = self.control(control::ORGANIZATION, json!({})).await?;
        Ok(made["key"].as_str().ok_or("an organization has a key")?.to_owned())
    }

    /// Receives and deletes up to `max` messages of a queue: the event that Lambda would hand to its function.
    pub async fn receive(&self, queue: &str, max: usize) -> Result<Bytes> {
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
