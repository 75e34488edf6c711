use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// A fault of the tables: never the caller's. Its text is for logs alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table did not answer, refused the call, or throttled it for longer than the SDK retries.
    #[error("{operation} failed: {cause}")]
    Unavailable {
        /// Which call.
        operation: &'static str,
        /// The service's code and message, or why it was not reached.
        cause: String,
    },
    /// An item does not have the form that this version writes.
    #[error("item {key} cannot be read: {cause}")]
    Corrupt {
        /// Its partition and sort key.
        key: String,
        /// What could not be read.
        cause: String,
    },
    /// Others kept changing the same item, until the tries were used up.
    #[error("gave up changing {key} after repeated conflicts")]
    Contended {
        /// Its partition and sort key.
        key: String,
    },
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
