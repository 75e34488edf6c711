//! What waits when an endpoint gets a new start.

use domain::endpoint::Endpoint;

use crate::{Application, Error};

impl Application {
    /// Sends what waits, held or for its retry, as soon as the endpoint has its next generation. `before` is the endpoint as it
    /// was read.
    ///
    /// Call this before the change that begins that generation. The messages wait a little for the change. So nothing is
    /// forgotten if this process dies in between, and nothing is sent if the change never comes.
    pub(super) async fn send_after_new_start(&self, before: &Endpoint) -> Result<(), Error> {
        let (organization, id) = (before.organization, before.id);

        self.queue.release(organization, id).await?;

        // While an endpoint is disabled, nothing waits for a retry.
        if before.settings.is_active {
            self.queue.retry_waiting(organization, id, before.generation + 1).await?;
        }
        Ok(())
    }
}
