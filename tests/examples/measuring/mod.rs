//! What the measuring programs share: what a piece of work costs, and tables for `docs/PERFORMANCE.md`.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use tests::aws::{Aws, Call, Service};

/// How often a piece of work is run for its median time.
pub(crate) const RUNS: usize = 51;

/// What one run of a piece of work cost.
pub(crate) struct Cost {
    /// Its calls to DynamoDB, of the run with the median number of them.
    pub(crate) calls: Vec<Call>,
    /// The median of all runs.
    pub(crate) time: Duration,
}

impl Cost {
    /// Units of what reads.
    pub(crate) fn read_units(&self) -> f64 {
        read_units(&self.calls)
    }
}

pub(crate) fn reads(call: &Call) -> bool {
    matches!(call.operation.as_str(), "GetItem" | "BatchGetItem" | "Query")
}

pub(crate) fn read_units(calls: &[Call]) -> f64 {
    calls.iter().filter(|call| reads(call)).map(|call| call.capacity).sum()
}

/// Runs `prepare` and then `work`, [`RUNS`] times; what is returned is the last run's, the time is that of `work` alone.
pub(crate) async fn measure<T>(
    aws: &Aws,
    mut prepare: impl AsyncFnMut(),
    mut work: impl AsyncFnMut() -> T,
) -> (T, Cost) {
    let (mut times, mut calls) = (Vec::with_capacity(RUNS), Vec::with_capacity(RUNS));
    loop {
        prepare().await;
        aws.forget_calls();
        let began = Instant::now();
        let value = work().await;
        times.push(began.elapsed());
        calls.push(aws.calls());
        if times.len() == RUNS {
            times.sort_unstable();
            // A run that happened to count events for their shards has a call more.
            calls.sort_by_key(Vec::len);
            let mut calls = calls.swap_remove(RUNS / 2);
            calls.retain(|call| call.service == Service::DynamoDb);
            return (value, Cost { calls, time: times[RUNS / 2] });
        }
    }
}

/// What the times depend on.
pub(crate) fn print_machine() {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    println!("{cores} cores, load average of the last minute {load}; times are medians of {RUNS} runs.\n");
}

/// Prints a Markdown table, numbers to the right.
pub(crate) fn print_table(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("{title}\n");
    println!("| {} |", columns.join(" | "));
    let rules: Vec<_> = (0..columns.len()).map(|column| if column == 0 { "---" } else { "---:" }).collect();
    println!("| {} |", rules.join(" | "));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}

/// A number with its thousands apart.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}
