//! What the functions log, captured.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter, util::SubscriberInitExt};

/// Captures this thread's log until it is dropped.
#[derive(Debug)]
pub struct Logs {
    lines: Lines,
    _capturing: tracing::subscriber::DefaultGuard,
    _second: tracing::Dispatch,
}

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Starts to capture what a function with this `LOG_LEVEL` would write.
    pub fn capture(level: &str) -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_env_filter(EnvFilter::new(level))
            .with_writer(lines.clone())
            .finish();
        // With a single subscriber, tracing takes what the thread that first meets a log line thinks of it for
        // everybody's opinion, and the other tests' threads listen to nothing.
        let second = tracing::Dispatch::new(tracing_subscriber::registry());
        Self { lines, _capturing: subscriber.set_default(), _second: second }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        let bytes = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("the log is text")
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
