//! Pausing an endpoint and telling of it.

use domain::{audience::Audience, endpoint::Endpoint, ids::EventId, platform_event::PlatformEvent};
use messaging::Bus;
use runtime::{
    Clock,
    metrics::{self, Metric},
};
use storage::Registry;

use crate::Error;

/// What pausing needs: people pause through [`crate::Application`], and delivery pauses what fails again and again.
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
    /// Pauses an endpoint because a person wants it. The endpoint as it is then, or `None` if it was paused already or is gone.
    pub async fn by_person(&self, endpoint: &Endpoint) -> Result<Option<Endpoint>, Error> {
        let announcement = self.draw_announcement(endpoint)?;
        let paused = self.registry.pause(endpoint.organization, endpoint.id, announcement).await?;

        self.announce_if(paused).await
    }

    /// Pauses an endpoint because of its failures; `endpoint` is as it was when they were counted. The endpoint as it is then, or `None`
    /// if it was paused already, is gone, or got a new start since, in which these failures do not count.
    pub async fn by_failures(&self, endpoint: &Endpoint) -> Result<Option<Endpoint>, Error> {
        let announcement = self.draw_announcement(endpoint)?;
        let (organization, id, generation) = (endpoint.organization, endpoint.id, endpoint.generation);
        let paused = self.registry.pause_failing(organization, id, generation, announcement).await?;

        if paused.is_some() {
            // Before it is announced, which may fail: whoever announces it then does not know that it is news.
            tracing::warn!(endpoint.id = %id, "endpoint paused");
            metrics::measure(self.clock.now(), &[(Metric::EndpointsPaused, 1)]);
        }
        self.announce_if(paused).await
    }

    /// An id for the event that tells of a pause. It is written together with the pause: if this process dies before the event is
    /// published, whoever finds the id publishes it, and it is one event however often that happens.
    fn draw_announcement(&self, endpoint: &Endpoint) -> Result<EventId, Error> {
        Ok(PlatformEvent::WebhookPaused(endpoint).id(self.clock.now(), runtime::random()?))
    }

    async fn announce_if(&self, paused: Option<Endpoint>) -> Result<Option<Endpoint>, Error> {
        if let Some(paused) = &paused {
            self.announce(paused).await?;
        }
        Ok(paused)
    }

    /// Publishes the event that is yet to tell of an endpoint's pause, if there is one.
    pub async fn announce(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let Some(id) = endpoint.pause_announcement else { return Ok(()) };

        let event = PlatformEvent::WebhookPaused(endpoint).event(endpoint.organization, id);
        self.bus.publish(&event, Audience::SubscribersBut(endpoint.id)).await?;

        // Only now: the id is what a later caller would publish the event by.
        self.registry.pause_announced(endpoint.organization, endpoint.id, id).await?;
        Ok(())
    }
}
