//! Figures for people: tables for the terminal and for `docs/PERFORMANCE.md`, and plots.

mod docs;
mod plot;
mod table;

use std::path::Path;

use crate::{
    Result,
    results::{Metric, Report},
};

pub use table::terminal;

/// Puts the tables into `docs/PERFORMANCE.md` of the checkout, between its markers, and the plots beside it.
pub fn write_docs(root: &Path, reports: &[Report]) -> Result<()> {
    let docs = root.join("docs");
    let plots = docs.join("performance");
    std::fs::create_dir_all(&plots)?;
    for report in reports {
        std::fs::write(plots.join(format!("{}.svg", report.name)), plot::svg(report)?)?;
    }

    let page = docs.join("PERFORMANCE.md");
    let text = std::fs::read_to_string(&page)?;
    std::fs::write(&page, docs::replace(&text, &docs::section(reports))?)?;
    Ok(())
}

/// How a figure is called in a table.
fn heading(metric: Metric) -> &'static str {
    match metric {
        Metric::CpuMicros => "CPU µs",
        Metric::UserMicros => "in the program",
        Metric::SystemMicros => "in the kernel",
        Metric::WallMicros => "wall µs",
        Metric::Instructions => "1,000 instructions",
        Metric::PeakMebibytes => "peak MiB",
        Metric::NextMillis => "ms to the first `next`",
        Metric::NextCpuMillis => "of CPU",
        Metric::AnsweredMillis => "ms to the first answer",
        Metric::Mebibytes => "MiB",
        Metric::ZippedMebibytes => "zipped MiB",
    }
}

/// The figure that a report is about: the one that is plotted and compared.
fn main_metric(report: &Report) -> Metric {
    match report.name.as_str() {
        "start" => Metric::NextMillis,
        "sizes" => Metric::Mebibytes,
        _ => Metric::CpuMicros,
    }
}
