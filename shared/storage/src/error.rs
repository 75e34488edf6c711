/// A fault of the tables: never the caller's. Its text is for logs alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table did not answer, refused, or throttled for longer than the SDK retries.
    #[error(transparent)]
    Aws(#[from] aws::Fault),
    /// An item is not of the form that this version writes.
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
