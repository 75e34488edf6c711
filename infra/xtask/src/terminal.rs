//! What the person at the terminal sees.

use std::fmt::Display;
use std::io::Write as _;
use std::time::Instant;

use crate::failure::Result;

/// Prints a line. If the pipe is closed, that is no failure.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Does a step that may take long. It says before what the step is, and afterwards how long it took.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    say(format_args!("         {what} …"));
    let done = work()?;
    say(format_args!("{:6.1} s {what}: done", started.elapsed().as_secs_f64()));
    Ok(done)
}
