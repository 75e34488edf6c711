/// A fault of the bus or a queue: never the caller's. Its text is for logs alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It did not answer, refused, or throttled for longer than was tried.
    #[error(transparent)]
    Aws(#[from] aws::Fault),
    /// A message could not be written as JSON.
    #[error("a message could not be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}
