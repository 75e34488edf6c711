use std::process::{Command, Stdio};

use crate::cargo::cargo;
use crate::command::run_shown;
use crate::failure::Result;
use crate::functions::{PREBUILT, Programs};
use crate::paths;
use crate::python::{Tools, without_aws_settings};
use crate::stack::{SHARED_STACK, Stack, StackOptions};
use crate::terminal::{say, step};

const ADVICE: &str =
    "read the failed tests above; run one alone with: cargo xtask test --filter <part of its name>";

/// Runs every test of the workspace. The tests that need a deployed stack share one, which is started for them on a port of its
/// own.
pub fn test(filter: Option<&str>, extra: &[String]) -> Result<()> {
    let folder = paths::test_stack();
    let tools = Tools::prepare()?;
    let programs = step("cargo build of the functions and all tests", || {
        Programs::build_with_tests(&folder.join("build"))
    })?;
    let stack = Stack::start_with(&StackOptions::scratch("dodev-test", &folder), &tools, programs.clone())?;
    say(format_args!("         tests against {}", stack.env().base_url()));
    let arguments = || filter.into_iter().map(str::to_owned).chain(extra.iter().cloned());
    let run = |subcommand: &[&str]| {
        let mut cargo = without_aws_settings(cargo());
        cargo
            .args(subcommand)
            .arg("--workspace")
            .args(arguments())
            .env(PREBUILT, programs.folder())
            .env(SHARED_STACK, folder.join("stack.env"));
        run_shown(&mut cargo, &format!("cargo {}", subcommand.join(" ")), ADVICE)
    };
    if !has_nextest() {
        return run(&["test"]);
    }
    run(&["nextest", "run"])?;
    // nextest does not run the examples in documentation.
    if filter.is_none() && extra.is_empty() { run(&["test", "--doc", "--quiet"]) } else { Ok(()) }
}

fn has_nextest() -> bool {
    Command::new("cargo")
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
