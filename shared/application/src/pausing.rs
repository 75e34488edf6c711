//! Pausing an endpoint and announcing it.

use domain::{audience::Audience, endpoint::Endpoint, ids::EventId, platform_event::PlatformEvent};
use messaging::Bus;
use runtime::{
    Clock,
    metrics::{self, Metric},
};
use storage::Registry;

use crate::Error;

/// What pausing needs. People pause through [`crate::Application`]. `deliver` pauses an endpoint that fails again and again.
#[derive(Debug, Clone, Copy)]
pub struct Pausing<'a> {
    /// Where endpoints are.
    pub registry: &'a Registry,
    /// Where pauses are announced.
    pub bus: &'a Bus,
    /// The time.
    pub clock: &'a Clock,
}

impl Pausing<'_> {
    /// Pauses an endpoint because a person wants it. Returns the paused endpoint, or `None` if it was paused already or is
    /// gone.
    pub(crate) async fn by_person(&self, endpoint: &Endpoint) -> Result<Option<Endpoint>, Error> {
        let announcement = self.draw_announcement(endpoint)?;
        let paused = self.registry.pause(endpoint.organization, endpoint.id, announcement).await?;

        self.announce_if(paused).await
    }

    /// Pauses an endpoint because of its failures. `endpoint` is as it was when they were counted. Returns the paused endpoint.
    /// `None` if it was paused already, is gone, or got a new start since: then these failures do not count.
    pub async fn by_failures(&self, endpoint: &Endpoint) -> Result<Option<Endpoint>, Error> {
        let announcement = self.draw_announcement(endpoint)?;
        let (organization, id, generation) = (endpoint.organization, endpoint.id, endpoint.generation);
        let paused = self.registry.pause_failing(organization, id, generation, announcement).await?;

        if paused.is_some() {
            // This comes before the announcement, which may fail. Whoever then announces it cannot know that the pause is new.
            tracing::warn!(endpoint.id = %id, "endpoint paused");
            metrics::measure(self.clock.now(), &[(Metric::EndpointsPaused, 1)]);
        }
        self.announce_if(paused).await
    }

    /// Draws an id for the event that announces a pause. It is written together with the pause. If this process dies before it
    /// publishes the event, whoever finds the id publishes it. It is one event, however often that happens.
    fn draw_announcement(&self, endpoint: &Endpoint) -> Result<EventId, Error> {
        Ok(PlatformEvent::WebhookPaused(endpoint).id(self.clock.now(), runtime::random()?))
    }

    async fn announce_if(&self, paused: Option<Endpoint>) -> Result<Option<Endpoint>, Error> {
        if let Some(paused) = &paused {
            self.announce(paused).await?;
        }
        Ok(paused)
    }

    /// Publishes the event that announces an endpoint's pause, if it was not published yet.
    pub async fn announce(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let Some(id) = endpoint.pause_announcement else { return Ok(()) };

        let event = PlatformEvent::WebhookPaused(endpoint).event(endpoint.organization, id);
        self.bus.publish(&event, Audience::SubscribersBut(endpoint.id)).await?;

        // Only after publishing: until then, a later caller needs the id to publish the event.
        self.registry.pause_announced(endpoint.organization, endpoint.id, id).await?;
        Ok(())
    }
}
