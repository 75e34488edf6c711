//! The bounds on what customers and receivers send us.

/// Longest `url` of an endpoint, in characters.
pub const MAX_URL_CHARS: usize = 2_048;

/// How much of an answer's body is read, in bytes. Then its connection is dropped.
pub const MAX_BODY_READ: usize = 16 * 1024;

/// How much of an answer's body an outcome keeps, in bytes of UTF-8.
pub const MAX_EXCERPT: usize = 1_024;

/// How many header lines an answer may have. Together with the status line they may take 408 KiB. That is hyper's bound, which
/// reqwest does not let us set.
pub const MAX_HEADERS: usize = 100;

/// The longest `Retry-After` value that is kept, in bytes. An HTTP date has 29.
pub const MAX_RETRY_AFTER: usize = 64;
