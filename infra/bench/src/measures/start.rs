//! How long a function takes from `exec` to its first request for work, and to the answer to it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::Effort;
use crate::{
    Result,
    numbers::Spread,
    pipeline::Pipeline,
    process::How,
    results::{Case, Figures, Metric},
    stage::Stage,
    subject::{Handler, Running, Subject},
};

/// Starts of each program, for a round.
const STARTS: usize = 6;

/// One start.
struct Start {
    next: Duration,
    next_cpu: Duration,
    answered: Duration,
}

pub(super) async fn measure(stage: &Stage, effort: Effort) -> Result<Vec<Case>> {
    let mut pipeline = Pipeline::start(stage).await?;
    let customer = pipeline.customer(1).await?;
    let count = effort.of(STARTS * effort.rounds);

    let requests = pipeline.requests(&customer, count);
    let events = pipeline.events(&customer, count, 1).await?;
    let deliveries = pipeline.deliveries(&customer, count, 1).await?;
    let none = Subject::Calls { like: "api", handler: Handler::Http, calls: BTreeMap::new() };
    let subjects = [
        ("api", Subject::Function("api"), requests.clone()),
        ("fan_out", Subject::Function("fan_out"), events),
        ("deliver", Subject::Function("deliver"), deliveries),
        ("lambda_http with AWS clients, no calls", none, requests),
    ];

    let mut starts: Vec<Vec<Start>> = subjects.iter().map(|_| Vec::new()).collect();
    for number in 0..count {
        for ((_, subject, payloads), starts) in subjects.iter().zip(&mut starts) {
            starts.push(start(stage, subject, &payloads[number]).await?);
        }
    }

    let figures = subjects.iter().zip(starts).map(|((name, subject, _), starts)| Figures {
        name: (*name).into(),
        role: subject.role(),
        metrics: metrics(&starts),
        calls: BTreeMap::new(),
    });
    Ok(vec![Case { name: String::new(), subjects: figures.collect() }])
}

async fn start(stage: &Stage, subject: &Subject, payload: &Bytes) -> Result<Start> {
    let mut running = subject.start(stage, How::Plain).await?;
    let Running::Function(_, function) = &mut running else {
        return Err("only what is invoked starts".into());
    };
    let next = function.first_asked().await?;
    let next_cpu = function.process.cpu()?.since(&crate::proc::Cpu::default()).total();

    // What this program takes between the two is not the function's.
    let invocation = running.invoke(payload).await?;
    stage.tidy().await?;
    Ok(Start { next, next_cpu, answered: next + invocation })
}

fn metrics(starts: &[Start]) -> BTreeMap<Metric, Spread> {
    let spread =
        |time: fn(&Start) -> Duration| Spread::of(starts.iter().map(|start| time(start).as_secs_f64() * 1e3));
    BTreeMap::from([
        (Metric::NextMillis, spread(|start| start.next)),
        (Metric::NextCpuMillis, spread(|start| start.next_cpu)),
        (Metric::AnsweredMillis, spread(|start| start.answered)),
    ])
}
