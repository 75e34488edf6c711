//! The measurements, by name.

mod per_unit;
mod sizes;
mod start;

use std::fmt;

use crate::{
    Result,
    machine::Machine,
    process::has_callgrind,
    results::{Case, Report},
    stage::{Folders, Stage},
};

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// What a delivery costs.
    Deliver,
    /// What routing an event costs.
    FanOut,
    /// What a request to publish costs.
    Publish,
    /// How long a function takes to start.
    Start,
    /// How large the programs are.
    Sizes,
}

impl Name {
    /// Every measurement, in the order in which they are run.
    pub const ALL: [Self; 5] = [Self::Deliver, Self::FanOut, Self::Publish, Self::Start, Self::Sizes];

    /// As it is typed.
    pub fn text(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::FanOut => "fan_out",
            Self::Publish => "publish",
            Self::Start => "start",
            Self::Sizes => "sizes",
        }
    }

    /// The measurement of this name.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let known = Self::ALL.map(Self::text).join(", ");
        let found = Self::ALL.into_iter().find(|name| name.text() == text);
        found.ok_or_else(|| format!("{text} is none of {known}"))
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Deliver => "delivery",
            Self::FanOut => "event",
            Self::Publish => "request",
            Self::Start => "start",
            Self::Sizes => "program",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How much is run.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// How often each subject is run; figures are the medians.
    pub rounds: usize,
    /// What run lengths are divided by.
    pub divisor: usize,
    /// Whether instructions are counted: valgrind is there.
    callgrind: bool,
}

impl Effort {
    /// Five rounds at full length; or, quickly, one of a tenth.
    pub async fn new(quick: bool) -> Self {
        let (rounds, divisor) = if quick { (1, 10) } else { (5, 1) };
        Self { rounds, divisor, callgrind: has_callgrind().await }
    }

    /// A run length.
    pub fn of(self, length: usize) -> usize {
        (length / self.divisor).max(1)
    }

    /// True if runs are short.
    pub fn is_quick(self) -> bool {
        self.divisor > 1
    }
}

/// Runs a measurement.
pub async fn run(name: Name, folders: &Folders, effort: Effort) -> Result<Report> {
    let mut report = Report {
        name: name.text().into(),
        unit: name.unit().into(),
        commit: commit(folders),
        measured_at: runtime::Clock::system().now().rfc3339(),
        machine: Machine::this(),
        quick: effort.is_quick(),
        // A program's size is the same each time.
        rounds: if name == Name::Sizes { 1 } else { effort.rounds },
        notes: Vec::new(),
        cases: cases(name, folders, effort).await?,
    };
    let counts_instructions = matches!(name, Name::Deliver | Name::FanOut | Name::Publish);
    if counts_instructions && !effort.callgrind {
        report.notes.push("valgrind is not installed: instructions were not counted".into());
    }
    Ok(report)
}

async fn cases(name: Name, folders: &Folders, effort: Effort) -> Result<Vec<Case>> {
    let stage = || Stage::start(folders.clone());
    match name {
        Name::Deliver => per_unit::deliver(&stage().await?, effort).await,
        Name::FanOut => per_unit::fan_out(&stage().await?, effort).await,
        Name::Publish => per_unit::publish(&stage().await?, effort).await,
        Name::Start => start::measure(&stage().await?, effort).await,
        // Nothing runs for this one.
        Name::Sizes => sizes::measure(folders),
    }
}

/// What whoever built the functions' programs noted beside them.
fn commit(folders: &Folders) -> String {
    let noted = std::fs::read_to_string(folders.bootstraps.join("commit")).unwrap_or_default();
    let noted = noted.trim();
    if noted.is_empty() { "unknown".into() } else { noted.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_are_known_by_name() {
        for name in Name::ALL {
            assert_eq!(Name::parse(name.text()), Ok(name));
        }
        assert_eq!(Name::parse("x").unwrap_err(), "x is none of deliver, fan_out, publish, start, sizes");
    }
}
