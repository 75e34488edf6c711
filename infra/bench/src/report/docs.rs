//! The section of `docs/PERFORMANCE.md` that is written by the tool.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{Result, numbers::short, report::table::of_case, results::Report};

const BEGIN: &str = "<!-- Written by cargo xtask bench --write-docs. -->\n";
const END: &str = "<!-- The end of what is written. -->\n";

/// The page with this section in place of the one between its markers.
pub(super) fn replace(page: &str, section: &str) -> Result<String> {
    let (before, rest) =
        page.split_once(BEGIN).ok_or("docs/PERFORMANCE.md has no marker where figures begin")?;
    let (_, after) = rest.split_once(END).ok_or("docs/PERFORMANCE.md has no marker where figures end")?;
    Ok(format!("{before}{BEGIN}{section}{END}{after}"))
}

/// Tables and plots of these reports, under a heading that names what was measured.
pub(super) fn section(reports: &[Report]) -> String {
    let commits: BTreeSet<_> = reports.iter().map(|report| report.commit.as_str()).collect();
    let commits = commits.into_iter().map(|commit| format!("`{commit}`")).collect::<Vec<_>>().join(", ");
    let mut text = format!("\n### Measured at commit {commits}\n\n");

    for report in reports {
        let _ = write!(text, "**{}**, for one {}. {}\n\n", report.name, report.unit, circumstances(report));
        for case in &report.cases {
            if !case.name.is_empty() {
                let _ = write!(text, "{}:\n\n", case.name);
            }
            let _ = writeln!(text, "{}", of_case(report, case).markdown());
            let calls = calls(case);
            if !calls.is_empty() {
                let _ = write!(text, "AWS calls of one {}: {calls}.\n\n", report.unit);
            }
        }
        for note in &report.notes {
            let _ = write!(text, "{note}.\n\n");
        }
        let _ = write!(text, "![{0}](performance/{0}.svg)\n\n", report.name);
    }
    text
}

fn circumstances(report: &Report) -> String {
    let Report { commit, machine, measured_at, rounds, quick, .. } = report;
    let day = measured_at.split('T').next().unwrap_or_default();
    let quick = if *quick { " Quick: short runs, for trying the tool only." } else { "" };
    format!(
        "Commit `{commit}`, {day}, {} with {} cores, Linux {}, load average {} at its beginning, {rounds} rounds.{quick}",
        machine.model, machine.cores, machine.kernel, machine.load
    )
}

fn calls(case: &crate::results::Case) -> String {
    let counted = case.subjects.iter().flat_map(|subject| &subject.calls);
    counted.map(|(name, count)| format!("{} {name}", short(*count))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::tests::report;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = format!("# Before\n{BEGIN}old\n{END}\nAfter\n");
        assert_eq!(replace(&page, "new\n").unwrap(), format!("# Before\n{BEGIN}new\n{END}\nAfter\n"));
        assert!(replace("# Before\n", "new\n").is_err());
        assert!(replace(&format!("# Before\n{BEGIN}"), "new\n").is_err());
    }

    #[test]
    fn the_heading_names_what_was_measured() {
        let section = section(&[report()]);
        assert!(section.starts_with("\n### Measured at commit `0123456789ab`\n"), "{section}");
        assert!(section.contains("2026-11-21, M with 2 cores"), "{section}");
        assert!(section.contains("| deliver | 600 |"), "{section}");
        assert!(section.contains("AWS calls of one delivery: 1.00 PutItem, 1.00 PutItem."), "{section}");
        assert!(section.contains("![deliver](performance/deliver.svg)"), "{section}");
    }

    #[test]
    fn the_project_s_page_has_its_markers() {
        let page = include_str!("../../../../docs/PERFORMANCE.md");
        assert!(replace(page, "").is_ok());
    }
}
