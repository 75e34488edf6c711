//! What was measured, as it is kept.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Result, machine::Machine, numbers::Spread};

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `deliver`, `fan_out` …
    pub name: String,
    /// What the figures are for one of.
    pub unit: String,
    /// The commit whose programs were measured.
    pub commit: String,
    /// When, as RFC 3339.
    pub measured_at: String,
    /// Where.
    pub machine: Machine,
    /// Runs were short: the figures are for trying the tool only.
    pub quick: bool,
    /// How often each was run.
    pub rounds: usize,
    /// What was not measured, and why.
    pub notes: Vec<String>,
    /// The function and its baselines, for each case.
    pub cases: Vec<Case>,
}

/// A function and its baselines, run in turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// What tells it from the others, such as `10 endpoints`; empty if it is the only one.
    pub name: String,
    /// Of those that ran, functions first.
    pub subjects: Vec<Figures>,
}

/// What was measured of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// For people.
    pub name: String,
    /// Whether it is what is measured, or what it is compared with.
    pub role: Role,
    /// Each figure, of all rounds.
    pub metrics: BTreeMap<Metric, Spread>,
    /// How many AWS calls of each operation one unit took; empty where nobody counted.
    pub calls: BTreeMap<String, f64>,
}

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One of the functions.
    Function,
    /// What nobody could do without.
    Baseline,
}

/// What is measured. Times and instructions are those of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Microseconds of CPU, in the program and in the kernel.
    CpuMicros,
    /// Those in the program.
    UserMicros,
    /// Those in the kernel.
    SystemMicros,
    /// Microseconds from the invocation to its answer, divided by the units in it.
    WallMicros,
    /// Instructions in the program, as callgrind counts them.
    Instructions,
    /// The most memory that the process had resident, in MiB.
    PeakMebibytes,
    /// Milliseconds from `exec` to the first request for an invocation.
    NextMillis,
    /// Milliseconds of CPU until then.
    NextCpuMillis,
    /// Milliseconds from `exec` to the answer to the first invocation, which waited for it.
    AnsweredMillis,
    /// The program's size in MiB.
    Mebibytes,
    /// Its size in MiB in a ZIP file, as it is uploaded.
    ZippedMebibytes,
}

impl Figures {
    /// The median of a figure, if it was measured.
    pub fn median(&self, metric: Metric) -> Option<f64> {
        self.metrics.get(&metric).map(|spread| spread.median)
    }

    /// Its median as a multiple of another's; `None` if either was not measured, or the other one is 0.
    pub fn ratio_to(&self, other: &Self, metric: Metric) -> Option<f64> {
        let (own, other) = (self.median(metric)?, other.median(metric)?);
        (other > 0.0).then(|| own / other)
    }
}

impl Case {
    /// What the functions are compared with.
    pub fn baselines(&self) -> impl Iterator<Item = &Figures> {
        self.subjects.iter().filter(|figures| figures.role == Role::Baseline)
    }
}

impl Report {
    /// Where the report of this name is kept.
    pub fn path(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{name}.json"))
    }

    /// Writes it, in place of an earlier one of its name.
    pub fn write(&self, folder: &Path) -> Result<()> {
        Ok(fs::write(Self::path(folder, &self.name), serde_json::to_string_pretty(self)? + "\n")?)
    }

    /// Reads the report of this name; `None` if there is none.
    pub fn read(folder: &Path, name: &str) -> Result<Option<Self>> {
        let path = Self::path(folder, name);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path)?;
        serde_json::from_str(&text).map(Some).map_err(|error| format!("{}: {error}", path.display()).into())
    }
}
