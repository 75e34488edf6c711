//! The one error of this tool: what went wrong, and what to do about it.

use std::fmt;

pub type Result<T> = std::result::Result<T, Failure>;

/// What went wrong, and what the person at the terminal can do about it. No failure is without the second part.
#[derive(Debug)]
pub struct Failure {
    what: String,
    advice: String,
}

impl Failure {
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  What to do: {}", self.what, self.advice)
    }
}

impl std::error::Error for Failure {}

/// Turns an error of a library into a [`Failure`].
pub(crate) trait OrFail<T> {
    fn or_fail(self, what: impl FnOnce() -> String, advice: &str) -> Result<T>;
}

impl<T, E: fmt::Display> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, what: impl FnOnce() -> String, advice: &str) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", what()), advice))
    }
}
