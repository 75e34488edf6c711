//! CPU, time, memory and instructions of one delivery, event or request.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::Effort;
use crate::{
    Result,
    numbers::{Spread, float},
    pipeline::{Customer, DATA_BYTES, Pipeline},
    results::{Case, Figures, Metric},
    stage::Stage,
    subject::{Handler, Run, Subject, Work},
};

/// Messages of a batch, as the template has it.
const BATCH: usize = 10;
/// Bytes of a delivery's body: the data and what is around it.
const BODY_BYTES: usize = DATA_BYTES + 150;

/// What a case is made of.
struct Setup {
    name: &'static str,
    function: &'static str,
    handler: Handler,
    feed: Feed,
    endpoints: usize,
    /// Units of one invocation.
    units: usize,
    /// Invocations of a run that do not count, and that do.
    warm: usize,
    measured: usize,
    /// Invocations of the shorter and of the longer run under callgrind.
    profiled: (usize, usize),
    /// POSTs of a run of the bare loops; 0 where they say nothing about the function.
    posts: u64,
}

/// What the function is invoked with.
#[derive(Clone, Copy)]
enum Feed {
    Requests,
    Events,
    Deliveries,
}

/// A batch of ten deliveries to one endpoint that answers at once.
pub(super) async fn deliver(stage: &Stage, effort: Effort) -> Result<Vec<Case>> {
    let setup = Setup {
        name: "",
        function: "deliver",
        handler: Handler::Sqs,
        feed: Feed::Deliveries,
        endpoints: 1,
        units: BATCH,
        warm: 20,
        measured: 100,
        profiled: (5, 15),
        posts: 20_000,
    };
    Ok(vec![measure(stage, effort, &setup).await?])
}

/// A batch of ten events of an organization whose every endpoint matches.
pub(super) async fn fan_out(stage: &Stage, effort: Effort) -> Result<Vec<Case>> {
    let setup = |name, endpoints, warm, measured, profiled| Setup {
        name,
        function: "fan_out",
        handler: Handler::Sqs,
        feed: Feed::Events,
        endpoints,
        units: BATCH,
        warm,
        measured,
        profiled,
        posts: 0,
    };

    let setups = [
        setup("1 endpoint", 1, 20, 100, (5, 15)),
        setup("10 endpoints", 10, 20, 60, (5, 15)),
        setup("1,000 endpoints", 1_000, 1, 3, (1, 2)),
    ];

    let mut cases = Vec::new();
    for setup in setups {
        cases.push(measure(stage, effort, &setup).await?);
    }
    Ok(cases)
}

/// A request that publishes one event.
pub(super) async fn publish(stage: &Stage, effort: Effort) -> Result<Vec<Case>> {
    let setup = Setup {
        name: "",
        function: "api",
        handler: Handler::Http,
        feed: Feed::Requests,
        endpoints: 1,
        units: 1,
        warm: 100,
        measured: 500,
        profiled: (20, 100),
        posts: 0,
    };
    Ok(vec![measure(stage, effort, &setup).await?])
}

async fn measure(stage: &Stage, effort: Effort, setup: &Setup) -> Result<Case> {
    let mut pipeline = Pipeline::start(stage).await?;
    let customer = pipeline.customer(setup.endpoints).await?;
    let mut feeding = Feeding { pipeline, customer, setup };

    let function = Subject::Function(setup.function);
    let calls = function
        .count_calls(stage, &feeding.work(effort.of(setup.warm), effort.of(setup.measured)).await?)
        .await?;
    let subjects = subjects(setup, function, &calls);

    let mut runs: Vec<Vec<PerUnit>> = subjects.iter().map(|_| Vec::new()).collect();
    for _ in 0..effort.rounds {
        let invocations = feeding.work(effort.of(setup.warm), effort.of(setup.measured)).await?;
        for (subject, runs) in subjects.iter().zip(&mut runs) {
            let work = work_of(subject, &invocations, setup.posts / effort.divisor as u64);
            runs.push(run(stage, setup, subject, &work).await?);
        }
    }

    let mut measured = Vec::new();
    for (subject, runs) in subjects.iter().zip(&runs) {
        let mut metrics = metrics(runs);
        if effort.callgrind {
            let instructions = instructions(stage, &mut feeding, subject).await?;
            metrics.insert(Metric::Instructions, Spread::of([instructions]));
        }
        let per_unit = |count: &f64| count / float(setup.units as u64);
        let calls = match subject {
            Subject::Function(_) => {
                calls.iter().map(|(name, count)| (name.clone(), per_unit(count))).collect()
            }
            _ => BTreeMap::new(),
        };
        measured.push(Figures { name: subject.name(), role: subject.role(), metrics, calls });
    }
    Ok(Case { name: setup.name.into(), subjects: measured })
}

/// The function and what it is compared with.
fn subjects(setup: &Setup, function: Subject, calls: &BTreeMap<String, f64>) -> Vec<Subject> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small count")]
    let whole = |count: f64| count.round() as u64;
    let calls = calls.iter().map(|(name, count)| (name.clone(), whole(*count)));
    // What is called less than every other time is not made, so the baseline need not know how.
    let calls = calls.filter(|(_, count)| *count > 0).collect();

    let mut subjects = vec![function, Subject::Calls { like: setup.function, handler: setup.handler, calls }];
    if setup.posts > 0 {
        let posts = |client| Subject::Posts { client, bytes: BODY_BYTES };
        subjects.extend(["hyper", "reqwest"].map(posts));
    }
    subjects
}

fn work_of(subject: &Subject, invocations: &Work, posts: u64) -> Work {
    match subject {
        Subject::Posts { .. } => Work::Posts { warm: posts / 10, measured: posts },
        Subject::Function(_) | Subject::Calls { .. } => invocations.clone(),
    }
}

/// What there was of one unit in one run.
struct PerUnit {
    run: Run,
    units: f64,
}

impl PerUnit {
    fn micros(&self, time: Duration) -> f64 {
        time.as_secs_f64() * 1e6 / self.units
    }
}

async fn run(stage: &Stage, setup: &Setup, subject: &Subject, work: &Work) -> Result<PerUnit> {
    let before = stage.received().await?;
    let run = subject.run(stage, work).await?;
    let arrived = stage.received().await? - before;

    let (units, all) = match work {
        Work::Posts { warm, measured } => (*measured, warm + measured),
        Work::Invocations { warm, measured } => {
            let units = |invocations: usize| (invocations * setup.units) as u64;
            (units(measured.len()), units(warm.len() + measured.len()))
        }
    };
    // A delivery that did not arrive would be the cheapest of all.
    let posts = matches!(subject, Subject::Posts { .. } | Subject::Function("deliver"));
    if posts && arrived != all {
        return Err(format!("{arrived} of {all} deliveries of {} arrived", subject.name()).into());
    }
    Ok(PerUnit { run, units: float(units) })
}

fn metrics(runs: &[PerUnit]) -> BTreeMap<Metric, Spread> {
    let spread = |figure: fn(&PerUnit) -> f64| Spread::of(runs.iter().map(figure));
    BTreeMap::from([
        (Metric::CpuMicros, spread(|it| it.micros(it.run.cpu.total()))),
        (Metric::UserMicros, spread(|it| it.micros(it.run.cpu.user))),
        (Metric::SystemMicros, spread(|it| it.micros(it.run.cpu.system))),
        (Metric::WallMicros, spread(|it| it.micros(it.run.wall))),
        (Metric::PeakMebibytes, spread(|it| float(it.run.peak) / 1024.0)),
    ])
}

/// Instructions of one unit: the difference of two runs that differ in their length alone, so that what starting and warming
/// up take is not in it.
async fn instructions(stage: &Stage, feeding: &mut Feeding<'_>, subject: &Subject) -> Result<f64> {
    let (short, long) = feeding.setup.profiled;
    let units = match subject {
        Subject::Posts { .. } => (long - short) * POSTS_PROFILED,
        Subject::Function(_) | Subject::Calls { .. } => (long - short) * feeding.setup.units,
    };

    let mut counts = Vec::new();
    for invocations in [short, long] {
        let work = match subject {
            Subject::Posts { .. } => {
                Work::Posts { warm: 100, measured: (invocations * POSTS_PROFILED) as u64 }
            }
            Subject::Function(_) | Subject::Calls { .. } => feeding.work(1, invocations).await?,
        };
        counts.push(subject.instructions(stage, &work).await?);
    }
    Ok(float(counts[1].saturating_sub(counts[0])) / float(units as u64))
}

/// POSTs of a bare loop under callgrind for each invocation of a function.
const POSTS_PROFILED: usize = 100;

/// Makes invocations.
struct Feeding<'a> {
    pipeline: Pipeline<'a>,
    customer: Customer,
    setup: &'a Setup,
}

impl Feeding<'_> {
    async fn work(&mut self, warm: usize, measured: usize) -> Result<Work> {
        let mut warm_and_measured = self.invocations(warm + measured).await?;
        let measured = warm_and_measured.split_off(warm);
        Ok(Work::Invocations { warm: warm_and_measured, measured })
    }

    async fn invocations(&mut self, count: usize) -> Result<Vec<Bytes>> {
        let (pipeline, customer, units) = (&mut self.pipeline, &self.customer, self.setup.units);
        match self.setup.feed {
            Feed::Requests => Ok(pipeline.requests(customer, count)),
            Feed::Events => pipeline.events(customer, count, units).await,
            Feed::Deliveries => pipeline.deliveries(customer, count, units).await,
        }
    }
}
