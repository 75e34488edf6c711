use aws_sdk_sqs::error::{BuildError, ProvideErrorMetadata, SdkError};

/// A fault of the bus or a queue: never the caller's. Its text is for logs alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It did not answer, refused the call, or throttled it until the tries were used up.
    #[error("{operation} failed: {cause}")]
    Unavailable {
        /// Which call.
        operation: &'static str,
        /// The service's code and message, why it was not reached, or the codes of the entries that were refused.
        cause: String,
    },
    /// A message could not be written as JSON.
    #[error("a message could not be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl Error {
    pub(crate) fn unavailable<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug,
    {
        Self::Unavailable { operation, cause: aws::cause(error) }
    }

    pub(crate) fn unbuildable(operation: &'static str, error: &BuildError) -> Self {
        Self::Unavailable { operation, cause: error.to_string() }
    }
}
