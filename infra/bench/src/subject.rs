//! What is run and measured: a function, or a baseline that does no more than nobody could do without.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    Result,
    answers::{expect_no_failures, expect_status},
    numbers::float,
    proc::CpuUsed,
    process::{Conversation, How, Process, Program},
    results::Role,
    stage::{Function, Stage},
};

/// Who runs.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A function, as it is deployed.
    Function(&'static str),
    /// A handler of the same kind that makes so many AWS calls of each operation, and does nothing else.
    Calls {
        /// The function in whose place it is.
        like: &'static str,
        /// Whether it handles a batch or a request.
        handler: Handler,
        /// The calls of one invocation.
        calls: BTreeMap<String, u64>,
    },
    /// A loop that signs and POSTs, ten at a time.
    Posts {
        /// `hyper` or `reqwest`.
        client: &'static str,
        /// Bytes of each body.
        bytes: usize,
    },
}

/// What a function handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// A request of an HTTP API.
    Http,
    /// A batch of an SQS queue.
    Sqs,
}

/// What it is given to do. The first part makes it warm and does not count.
#[derive(Debug, Clone)]
pub enum Work {
    /// Invocations, one after the other.
    Invocations {
        /// Those that do not count.
        warm: Vec<Bytes>,
        /// Those that do.
        measured: Vec<Bytes>,
    },
    /// POSTs, ten at a time.
    Posts {
        /// Those that do not count.
        warm: u64,
        /// Those that do.
        measured: u64,
    },
}

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// CPU of its process while it did what was measured.
    pub cpu: CpuUsed,
    /// From each invocation to its answer, added up.
    pub wall: Duration,
    /// The most memory that it had, in KiB.
    pub peak: u64,
}

impl Subject {
    /// For people.
    pub fn name(&self) -> String {
        match self {
            Self::Function(name) => (*name).to_owned(),
            Self::Calls { handler: Handler::Http, .. } => "lambda_http, the same AWS calls".into(),
            Self::Calls { handler: Handler::Sqs, .. } => "lambda_runtime, the same AWS calls".into(),
            Self::Posts { client, .. } => format!("bare POSTs by {client}"),
        }
    }

    /// What it is there for.
    pub fn role(&self) -> Role {
        match self {
            Self::Function(_) => Role::Function,
            Self::Calls { .. } | Self::Posts { .. } => Role::Baseline,
        }
    }

    /// Starts its process, gives it the work, and measures the part of it that counts.
    pub async fn run(&self, stage: &Stage, work: &Work) -> Result<Run> {
        let mut running = self.start(stage, How::Plain).await?;
        running.warm_up(stage, work).await?;

        let before = running.process().cpu()?;
        let wall = running.measured(stage, work).await?;
        let cpu = running.process().cpu()?.since(&before);
        let peak = running.process().peak_memory()?;
        stage.tidy().await?;
        Ok(Run { cpu, wall, peak })
    }

    /// The instructions of its whole process for this work, starting and warming up included.
    pub async fn instructions(&self, stage: &Stage, work: &Work) -> Result<u64> {
        let mut running = self.start(stage, How::Callgrind).await?;
        running.warm_up(stage, work).await?;
        running.measured(stage, work).await?;
        stage.tidy().await?;
        running.into_process().instructions().await
    }

    /// Starts its process, gives it the work, and counts the AWS calls of each operation that one warm invocation makes, on average.
    pub async fn count_calls(&self, stage: &Stage, work: &Work) -> Result<BTreeMap<String, f64>> {
        let mut running = self.start(stage, How::Plain).await?;
        running.warm_up(stage, work).await?;
        stage.take_calls().await?;

        let Work::Invocations { measured, .. } = work else { return Ok(BTreeMap::new()) };
        let mut sums = BTreeMap::<String, u64>::new();
        for payload in measured {
            running.invoke(payload).await?;
            for (operation, count) in stage.take_calls().await? {
                *sums.entry(operation).or_default() += count;
            }
            stage.tidy().await?;
        }
        let invocations = float(measured.len() as u64);
        Ok(sums.into_iter().map(|(operation, sum)| (operation, float(sum) / invocations)).collect())
    }

    /// Starts it and waits until it takes work.
    pub async fn start(&self, stage: &Stage, how: How) -> Result<Running> {
        let (handler, mut function) = match self {
            Self::Posts { client, bytes } => return start_posts(stage, client, *bytes, how),
            Self::Function(name) => (self.handler(), stage.function(name, how).await?),
            Self::Calls { like, handler, calls } => {
                (*handler, start_calls(stage, like, *handler, calls, how).await?)
            }
        };
        function.first_asked().await?;
        Ok(Running::Function(handler, function))
    }

    fn handler(&self) -> Handler {
        if matches!(self, Self::Function("api")) { Handler::Http } else { Handler::Sqs }
    }
}

async fn start_calls(
    stage: &Stage,
    like: &str,
    handler: Handler,
    calls: &BTreeMap<String, u64>,
    how: How,
) -> Result<Function> {
    let handler = match handler {
        Handler::Http => "http",
        Handler::Sqs => "sqs",
    };
    // The names of the table and the bus are the logical ids of the template, as they are in the functions' own environments;
    // not every function has them all.
    let further = [
        ("BENCH_CALLS", serde_json::to_string(calls)?),
        ("BENCH_HANDLER", handler.into()),
        ("LOG_TABLE", "LogTable".into()),
        ("EVENT_BUS", "EventBus".into()),
    ];
    let further = further.map(|(name, value)| (name.to_owned(), value)).into();

    let path = stage.folders.baselines.join("bench_calls");
    stage.start_function(&format!("{like}-calls"), like, &path, &further, how).await
}

fn start_posts(stage: &Stage, client: &str, bytes: usize, how: How) -> Result<Running> {
    let address = stage.receiver().to_string();
    let arguments = ["--client", client, "--address", &address, "--bytes", &bytes.to_string()];
    let program = Program {
        name: format!("post-{client}"),
        path: stage.folders.baselines.join("bench_post"),
        arguments: arguments.map(str::to_owned).into(),
        variables: BTreeMap::new(),
    };
    Ok(Running::Posts(Conversation::start(&program, how, &stage.folders.logs)?))
}

/// A subject's process.
#[derive(Debug)]
pub enum Running {
    /// One that is invoked, and what it handles.
    Function(Handler, Function),
    /// One that is told how many POSTs to make.
    Posts(Conversation),
}

impl Running {
    fn process(&self) -> &Process {
        match self {
            Self::Function(_, function) => &function.process,
            Self::Posts(conversation) => &conversation.process,
        }
    }

    fn into_process(self) -> Process {
        match self {
            Self::Function(_, function) => function.process,
            Self::Posts(conversation) => conversation.process,
        }
    }

    async fn warm_up(&mut self, stage: &Stage, work: &Work) -> Result<()> {
        match work {
            Work::Invocations { warm, .. } => self.invoke_all(stage, warm).await.map(drop),
            Work::Posts { warm, .. } => self.post(*warm).await.map(drop),
        }
    }

    async fn measured(&mut self, stage: &Stage, work: &Work) -> Result<Duration> {
        match work {
            Work::Invocations { measured, .. } => self.invoke_all(stage, measured).await,
            Work::Posts { measured, .. } => self.post(*measured).await,
        }
    }

    async fn invoke_all(&mut self, stage: &Stage, payloads: &[Bytes]) -> Result<Duration> {
        let mut wall = Duration::ZERO;
        for payload in payloads {
            wall += self.invoke(payload).await?;
            // Its process does nothing meanwhile.
            stage.tidy().await?;
        }
        Ok(wall)
    }

    /// One invocation, and how long it took. Errors: it failed, in whole or in part.
    pub async fn invoke(&mut self, payload: &Bytes) -> Result<Duration> {
        let Self::Function(handler, function) = self else { return Err("nobody to invoke".into()) };
        let began = Instant::now();
        let response = function.invoke(payload.clone()).await?;
        let took = began.elapsed();

        match handler {
            Handler::Http => expect_status(&response, 202)?,
            Handler::Sqs => expect_no_failures(&response)?,
        }
        Ok(took)
    }

    async fn post(&mut self, count: u64) -> Result<Duration> {
        let Self::Posts(conversation) = self else { return Err("nobody who posts".into()) };
        let began = Instant::now();
        let answer = conversation.ask(&count.to_string()).await?;
        if answer != "done" {
            return Err(format!("it answered {answer}").into());
        }
        Ok(began.elapsed())
    }
}
