//! What waits at an endpoint that gets a new start.

use domain::endpoint::Endpoint;

use crate::{Api, error::ApiError};

/// Sends what waits, held or for its retry, as soon as the endpoint, which was read as `before`, is of its next generation.
///
/// To be called before the change that begins that generation. The messages wait a little for it, so nothing is forgotten if this
/// function dies in between, and nothing is sent if the change never comes.
pub(super) async fn send_after_new_start(api: &Api, before: &Endpoint) -> Result<(), ApiError> {
    let (organization, id) = (before.organization, before.id);

    api.queue.release(organization, id).await?;

    // While an endpoint is disabled, nothing waits for a retry.
    if before.settings.is_active {
        api.queue.retry_waiting(organization, id, before.generation + 1).await?;
    }
    Ok(())
}
