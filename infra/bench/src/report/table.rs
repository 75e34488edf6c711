//! One table for a case: a row for each process, a column for each figure, and one for each baseline.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    numbers::{Spread, short},
    report::{heading, main_metric},
    results::{Case, Figures, Metric, Report, Role},
};

/// A table's cells.
pub(super) struct Table {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
}

/// Everything of a report, for a terminal.
pub fn terminal(report: &Report) -> String {
    let Report { name, unit, commit, measured_at, rounds, machine, .. } = report;
    let mut text = format!(
        "\n{name}, for one {unit}: commit {commit}, {measured_at}, {rounds} rounds, {} cores, load {}\n",
        machine.cores, machine.load
    );
    if report.quick {
        text.push_str("Quick: short runs, for trying the tool only.\n");
    }
    for case in &report.cases {
        if !case.name.is_empty() {
            let _ = writeln!(text, "{}:", case.name);
        }
        text.push_str(&aligned(&of_case(report, case)));
    }
    for note in &report.notes {
        let _ = writeln!(text, "{note}");
    }
    text
}

/// The table of a case.
pub(super) fn of_case(report: &Report, case: &Case) -> Table {
    let metrics: BTreeSet<Metric> = case.subjects.iter().flat_map(|it| it.metrics.keys().copied()).collect();
    let main = main_metric(report);
    let ratios = |case: &Case| case.baselines().map(|it| format!("× {}", it.name)).collect::<Vec<_>>();

    let mut header = vec![report.unit.clone()];
    for metric in &metrics {
        header.push(heading(*metric).into());
        header.extend((*metric == main && report.rounds > 1).then(|| "least–most".into()));
    }
    header.extend(ratios(case));

    let rows = case.subjects.iter().map(|subject| row(report, case, subject, &metrics)).collect();
    Table { header, rows }
}

fn row(report: &Report, case: &Case, subject: &Figures, metrics: &BTreeSet<Metric>) -> Vec<String> {
    let main = main_metric(report);
    let mut row = vec![subject.name.clone()];
    for metric in metrics {
        let spread = subject.metrics.get(metric);
        row.push(spread.map_or_else(|| "–".into(), |spread| figure(*metric, spread.median)));
        if *metric == main && report.rounds > 1 {
            row.push(spread.map_or_else(|| "–".into(), |it| range(*metric, it)));
        }
    }

    let ratio = |baseline: &Figures| {
        let of_function = subject.role == Role::Function;
        let ratio = |metric| subject.ratio_to(baseline, metric).filter(|_| of_function);
        match (ratio(main), ratio(Metric::Instructions)) {
            (Some(main), Some(instructions)) => format!("{} ({})", short(main), short(instructions)),
            (Some(main), None) => short(main),
            (None, _) => String::new(),
        }
    };
    row.extend(case.baselines().map(ratio));
    row
}

fn figure(metric: Metric, number: f64) -> String {
    if metric == Metric::Instructions { short(number / 1e3) } else { short(number) }
}

fn range(metric: Metric, spread: &Spread) -> String {
    format!("{}–{}", figure(metric, spread.min), figure(metric, spread.max))
}

impl Table {
    /// As Markdown has it, numbers to the right.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = |column| if column == 0 { "---".to_owned() } else { "---:".to_owned() };
        let rules: Vec<_> = (0..self.header.len()).map(rule).collect();

        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.header) + &line(&rules) + &rows
    }
}

fn aligned(table: &Table) -> String {
    let lines = || std::iter::once(&table.header).chain(&table.rows);
    let width = |column: usize| lines().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..table.header.len()).map(width).collect();

    let pad = |(column, cell): (usize, &String)| {
        let spaces = " ".repeat(widths[column] - cell.chars().count());
        if column == 0 { format!("  {cell}{spaces}") } else { format!("  {spaces}{cell}") }
    };
    let line = |row: &Vec<String>| row.iter().enumerate().map(pad).collect::<String>() + "\n";
    lines().map(line).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machine::Machine;

    pub(in crate::report) fn report() -> Report {
        let subject = |name: &str, role, cpu: f64| Figures {
            name: name.into(),
            role,
            metrics: BTreeMap::from([
                (Metric::CpuMicros, Spread { median: cpu, min: cpu - 1.0, max: cpu + 1.0 }),
                (Metric::Instructions, Spread::of([cpu * 2_000.0])),
            ]),
            calls: BTreeMap::from([("PutItem".to_owned(), 1.0)]),
        };
        let subjects = vec![subject("deliver", Role::Function, 600.0), subject("loop", Role::Baseline, 20.0)];
        Report {
            name: "deliver".into(),
            unit: "delivery".into(),
            commit: "0123456789ab".into(),
            measured_at: "2026-11-21T15:00:00.000Z".into(),
            machine: Machine { model: "M".into(), cores: 2, kernel: "6".into(), load: "1.5".into() },
            quick: false,
            rounds: 5,
            notes: vec!["a note".into()],
            cases: vec![Case { name: String::new(), subjects }],
        }
    }

    #[test]
    fn ratios_to_baselines_are_columns_of_functions() {
        let report = report();
        let markdown = of_case(&report, &report.cases[0]).markdown();
        let expected = "\
| delivery | CPU µs | least–most | 1,000 instructions | × loop |
| --- | ---: | ---: | ---: | ---: |
| deliver | 600 | 599–601 | 1,200 | 30.0 (30.0) |
| loop | 20.0 | 19.0–21.0 | 40.0 |  |
";
        assert_eq!(markdown, expected);
    }

    #[test]
    fn a_terminal_s_columns_are_aligned() {
        let text = terminal(&report());
        let widths: Vec<_> =
            text.lines().filter(|line| line.starts_with("  ")).map(|it| it.chars().count()).collect();
        assert_eq!(widths.len(), 3);
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        assert!(text.contains("commit 0123456789ab") && text.ends_with("a note\n"), "{text}");
    }

    #[test]
    fn what_was_not_measured_is_said() {
        let mut report = report();
        report.cases[0].subjects[1].metrics.remove(&Metric::Instructions);
        let markdown = of_case(&report, &report.cases[0]).markdown();
        assert!(markdown.ends_with("| loop | 20.0 | 19.0–21.0 | – |  |\n"), "{markdown}");
    }
}
