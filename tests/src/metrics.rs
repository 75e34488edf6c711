//! What the functions measure: lines on standard output, which a test harness keeps for itself.

use std::process::Command;

use serde_json::Value;

/// Runs a test of the calling binary in a process of its own, and sums what was measured of this metric in it.
pub fn measured_by(test: &str, metric: &str) -> u64 {
    let binary = std::env::current_exe().expect("a test is a program");
    let output = Command::new(binary).args(["--exact", test, "--nocapture"]).output();
    let output = output.expect("a program that runs runs twice");
    let lines = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && lines.contains("1 passed"), "{test}: {lines}");

    // The harness writes the test's name before the first line, without a line's end.
    let measured = lines.lines().filter_map(|line| line.get(line.find('{')?..));
    let measured = measured.filter_map(|line| line.parse::<Value>().ok());
    measured.filter_map(|line| line[metric].as_u64()).sum()
}
