//! Pausing an endpoint, and telling of it.

use domain::{audience::Audience, endpoint::Endpoint, platform_event::PlatformEvent};

use runtime::metrics::{self, Metric};

use crate::{Deliver, Problem};

/// Pauses an endpoint that failed too often, and announces it; `endpoint` is as it was when that was counted. If it got a new start
/// since, it stays as it is.
pub(crate) async fn pause(deliver: &Deliver, endpoint: &Endpoint) -> Result<(), Problem> {
    let announcement = PlatformEvent::WebhookPaused(endpoint).id(deliver.clock.now(), runtime::random()?);
    let (organization, id, generation) = (endpoint.organization, endpoint.id, endpoint.generation);
    match deliver.registry.pause_failing(organization, id, generation, announcement).await? {
        Some(paused) => {
            tracing::warn!(endpoint.id = %id, "endpoint paused");
            metrics::measure(deliver.clock.now(), &[(Metric::EndpointsPaused, 1)]);
            announce(deliver, &paused).await
        }
        None => Ok(()),
    }
}

/// Publishes the event that is yet to tell of an endpoint's pause, if there is one. Its id was chosen when the endpoint
/// was paused, so that it is one event however often it is published.
pub(crate) async fn announce(deliver: &Deliver, endpoint: &Endpoint) -> Result<(), Problem> {
    let Some(id) = endpoint.pause_announcement else { return Ok(()) };
    let event = PlatformEvent::WebhookPaused(endpoint).event(endpoint.organization, id);
    deliver.bus.publish(&event, Audience::SubscribersBut(endpoint.id)).await?;
    deliver.registry.pause_announced(endpoint.organization, endpoint.id, id).await?;
    Ok(())
}
