//! Reading `docs/verifying.md`.

use std::{fs, path::Path};

/// The page's text.
pub(crate) fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verifying.md");
    fs::read_to_string(path).unwrap()
}

/// The marks of all samples, such as `dodev Python`, in their order.
pub(crate) fn marks() -> Vec<String> {
    text().lines().filter_map(mark).map(str::to_owned).collect()
}

/// The code block behind the mark.
pub(crate) fn sample(wanted: &str) -> String {
    let text = text();
    let mut lines = text.lines().skip_while(|line| mark(line) != Some(wanted)).skip(1);
    assert!(lines.next().is_some_and(|line| line.starts_with("```")), "no code follows the mark of {wanted}");
    lines.take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect()
}

/// What the page's table says about how a language's sample is checked.
pub(crate) fn checked(language: &str) -> String {
    let text = text();
    let mut table = text.lines().skip_while(|line| *line != "| Language | Checked |");
    let row = table.find_map(|line| line.strip_prefix(&format!("| {language} | ")));
    row.and_then(|row| row.strip_suffix(" |")).unwrap_or_else(|| panic!("no row for {language}")).to_owned()
}

fn mark(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- sample: ")?.strip_suffix(" -->")
}
