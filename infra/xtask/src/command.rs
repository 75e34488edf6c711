//! Running other programs.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, OrFail as _, Result};
use crate::terminal::say;

const CHECK_EVERY: Duration = Duration::from_millis(50);
const SHOW_LIFE_EVERY: Duration = Duration::from_secs(10);
const LINES_SHOWN_ON_FAILURE: usize = 25;

/// Runs a command whose output matters only if it fails. The output goes to the file `log`. If the command fails, the end of
/// that file is part of the failure.
pub(crate) fn run_logged(command: &mut Command, what: &str, log: &Path, advice: &str) -> Result<()> {
    let output = create(log)?;
    let errors = output.try_clone().or_fail(|| format!("cannot write {}", log.display()), ADVICE_FILES)?;
    let mut child = spawn(command.stdin(Stdio::null()).stdout(output).stderr(errors), what, advice)?;
    let status = wait_showing_life(&mut child, what)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("{what}: {status}. The end of {}:\n{}", log.display(), end_of(log)), advice))
}

/// Runs a command that writes to the terminal itself.
pub(crate) fn run_shown(command: &mut Command, what: &str, advice: &str) -> Result<()> {
    let status = spawn(command, what, advice)?.wait().or_fail(|| what.to_owned(), "try again")?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{what}: {status}"), advice)) }
}

/// Runs a command and returns what it writes to its standard output.
pub(crate) fn output_of(command: &mut Command, what: &str, advice: &str) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .or_fail(|| format!("{what}: cannot run {}", program(command)), advice)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{what}: {}\n{}", output.status, last_lines(&errors)), advice))
}

pub(crate) const ADVICE_FILES: &str =
    "make room on the disk, and make sure that the folder .local of this checkout is yours to write";

/// Creates a file and the folders that lead to it.
pub(crate) fn create(path: &Path) -> Result<File> {
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| File::create(path))
        .or_fail(|| format!("cannot write {}", path.display()), ADVICE_FILES)
}

/// The last lines of a log, as many as help on a terminal.
pub(crate) fn end_of(log: &Path) -> String {
    last_lines(&String::from_utf8_lossy(&fs::read(log).unwrap_or_default()))
}

fn spawn(command: &mut Command, what: &str, advice: &str) -> Result<Child> {
    let program = program(command);
    command.spawn().or_fail(|| format!("{what}: cannot run {program}"), advice)
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn wait_showing_life(child: &mut Child, what: &str) -> Result<ExitStatus> {
    let started = Instant::now();
    let mut shown = started;
    loop {
        if let Some(status) = child.try_wait().or_fail(|| what.to_owned(), "try again")? {
            return Ok(status);
        }
        if shown.elapsed() >= SHOW_LIFE_EVERY {
            shown = Instant::now();
            say(format_args!("{:6.0} s {what}: still at it", started.elapsed().as_secs_f64()));
        }
        thread::sleep(CHECK_EVERY);
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN_ON_FAILURE)..]
        .iter()
        .map(|line| format!("  | {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_log() {
        let log = std::env::temp_dir().join(format!("xtask-{}.log", std::process::id()));
        let failure = run_logged(Command::new("sh").args(["-c", "echo why; exit 3"]), "it", &log, "do that")
            .unwrap_err();
        let shown = failure.to_string();
        assert!(shown.contains("  | why") && shown.contains("exit status: 3"), "{shown}");
        assert!(shown.ends_with("What to do: do that"), "{shown}");
        fs::remove_file(log).unwrap();
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = output_of(&mut Command::new("no-such-program"), "it", "install it").unwrap_err();
        assert!(failure.to_string().contains("cannot run no-such-program"), "{failure}");
    }
}
