//! Events: publishing them, reading the log, sending them again.

mod publication;
mod publish;
mod read;
mod resend;

pub use publication::NewEvent;
pub use publish::{MAX_BATCH, Published};
pub use read::RoutedEvent;
pub use resend::ResentEvent;
