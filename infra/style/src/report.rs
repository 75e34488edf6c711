//! The figures as tables for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    measures::{CrateLines, Length, Measures},
    modules::Cycle,
    numbers::{Share, percentile},
};

const LONGEST_SHOWN: usize = 5;

impl Measures {
    /// For a terminal.
    pub(crate) fn tables(&self) -> String {
        let lengths = [
            ("file", &self.files),
            ("file of tests", &self.test_files),
            ("function", &self.functions),
            ("function of tests", &self.test_functions),
        ];

        let mut text = self.lines_table();
        text.push_str(&lengths_table(&lengths));
        for (what, lengths) in lengths {
            let _ = write!(text, "\nLongest, {what}:\n{}", rows_of(&longest(lengths)));
        }
        text.push_str(&self.cycles_list());
        text.push_str(&self.shares_table());
        text
    }

    pub(crate) fn json(&self) -> Value {
        let crates: Vec<_> = self.crates.iter().map(crate_json).collect();
        let cycles: Vec<_> = self.cycles.iter().map(|(name, cycle)| cycle_json(name, cycle)).collect();
        let handlers: Vec<_> = self
            .handlers
            .iter()
            .map(|handler| json!({ "what": handler.what, "calls": handler.calls }))
            .collect();

        json!({
            "crates": crates,
            "files": lengths_json(&self.files),
            "test_files": lengths_json(&self.test_files),
            "functions": lengths_json(&self.functions),
            "test_functions": lengths_json(&self.test_functions),
            "module_cycles": cycles,
            "handlers_with_one_call": self.handlers_with_one_call().json(),
            "handlers": handlers,
            "blank_lines_in_bodies": self.blank_in_bodies.json(),
            "bodies_of_20_lines_without_break": self.unbroken_bodies.json(),
            "comments_in_bodies": self.comments_in_bodies.json(),
        })
    }

    fn handlers_with_one_call(&self) -> Share {
        let mut share = Share::default();
        self.handlers.iter().for_each(|handler| share.count(handler.calls == 1));
        share
    }

    fn lines_table(&self) -> String {
        let mut all = CrateLines { name: "in all".into(), ..CrateLines::default() };
        for member in &self.crates {
            all.code += member.code;
            all.comment += member.comment;
            all.blank += member.blank;
            all.tests += member.tests;
        }

        let row = |lines: &CrateLines| {
            let numbers = [lines.code, lines.comment, lines.blank, lines.tests].map(|it| it.to_string());
            std::iter::once(lines.name.clone()).chain(numbers).collect()
        };
        let rows: Vec<Vec<_>> = self.crates.iter().chain([&all]).map(row).collect();
        table(&["lines", "code", "comment", "blank", "tests"], &rows)
    }

    fn cycles_list(&self) -> String {
        let mut text = String::from("\nModule cycles:\n");
        if self.cycles.is_empty() {
            text.push_str("  none\n");
        }
        for (name, Cycle { parent, modules, of }) in &self.cycles {
            let (count, names) = (modules.len(), modules.join(", "));
            let _ = writeln!(text, "  {name}, {parent}: {count} of {of} modules: {names}");
        }
        text
    }

    fn shares_table(&self) -> String {
        let none = self.handlers.iter().filter(|handler| handler.calls == 0).count();
        let without_call = Share { part: none, whole: self.handlers.len() };

        let row = |what: &str, share: Share| {
            let of = format!("{} of {}", share.part, share.whole);
            vec![what.to_owned(), of, format!("{:.1} %", share.percent())]
        };
        let rows = [
            row("handlers that make one call", self.handlers_with_one_call()),
            row("handlers that make none", without_call),
            row("blank lines, of those inside bodies", self.blank_in_bodies),
            row("bodies of 20 lines or more without a blank line or a comment", self.unbroken_bodies),
            row("comments inside bodies, of all lines", self.comments_in_bodies),
        ];
        format!("\n{}", table(&["shares, tests apart", "", ""], &rows))
    }
}

fn crate_json(lines: &CrateLines) -> Value {
    let CrateLines { name, code, comment, blank, tests } = lines;
    json!({ "name": name, "code": code, "comment": comment, "blank": blank, "tests": tests })
}

fn cycle_json(name: &str, cycle: &Cycle) -> Value {
    json!({ "crate": name, "parent": cycle.parent, "modules": cycle.modules, "of": cycle.of })
}

fn lengths_json(lengths: &[Length]) -> Value {
    let numbers = lines_of(lengths);
    let longest = longest(lengths);
    let longest: Vec<_> = longest.iter().map(|it| json!({ "lines": it.lines, "what": it.what })).collect();
    json!({
        "count": lengths.len(),
        "median": percentile(&numbers, 50),
        "p95": percentile(&numbers, 95),
        "longest": longest,
    })
}

fn lines_of(lengths: &[Length]) -> Vec<usize> {
    lengths.iter().map(|length| length.lines).collect()
}

fn longest(lengths: &[Length]) -> Vec<Length> {
    let mut sorted = lengths.to_vec();
    sorted.sort_by(|one, other| other.lines.cmp(&one.lines).then_with(|| one.what.cmp(&other.what)));
    sorted.truncate(LONGEST_SHOWN);
    sorted
}

fn lengths_table(lengths: &[(&str, &Vec<Length>)]) -> String {
    let row = |(what, lengths): &(&str, &Vec<Length>)| {
        let numbers = lines_of(lengths);
        let max = numbers.iter().max().copied().unwrap_or(0);
        let figures = [numbers.len(), percentile(&numbers, 50), percentile(&numbers, 95), max];
        std::iter::once((*what).to_owned()).chain(figures.map(|it| it.to_string())).collect()
    };
    let rows: Vec<Vec<_>> = lengths.iter().map(row).collect();
    format!("\n{}", table(&["lines of a", "how many", "median", "p95", "most"], &rows))
}

fn rows_of(lengths: &[Length]) -> String {
    lengths.iter().fold(String::new(), |mut text, length| {
        let _ = writeln!(text, "{:>6}  {}", length.lines, length.what);
        text
    })
}

/// Columns as wide as their widest cell; the first to the left, numbers to the right.
fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let cell_width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::len);
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..header.len()).map(cell_width).collect();

    let line = |cells: &[&str]| {
        let mut text = String::new();
        for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.trim_end().to_owned() + "\n"
    };
    let body: String =
        rows.iter().map(|row| line(&row.iter().map(String::as_str).collect::<Vec<_>>())).collect();
    line(header) + &body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a".to_owned(), "12".to_owned()], vec!["long".to_owned(), "3".to_owned()]];
        assert_eq!(table(&["n", "x"], &rows), "n      x\na     12\nlong   3\n");
    }

    #[test]
    fn the_longest_come_first_and_no_more_than_five() {
        let lengths: Vec<_> = (1..=7).map(|lines| Length { lines, what: format!("f{lines}") }).collect();
        let names: Vec<_> = longest(&lengths).into_iter().map(|it| it.what).collect();
        assert_eq!(names, ["f7", "f6", "f5", "f4", "f3"]);
    }
}
