//! Pausing an endpoint and telling of it.

use domain::{audience::Audience, endpoint::Endpoint, platform_event::PlatformEvent};
use messaging::Bus;
use runtime::Clock;
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
    /// Pauses an endpoint and tells the organization's other endpoints of it. The endpoint as it is then, or `None` if it was paused
    /// already or is gone.
    pub async fn pause(&self, endpoint: &Endpoint) -> Result<Option<Endpoint>, Error> {
        // The event's id is written together with the pause. If this process dies before it is published, whoever finds the id
        // publishes it, and it is one event however often that happens.
        let announcement = PlatformEvent::WebhookPaused(endpoint).id(self.clock.now(), runtime::random()?);
        let paused = self.registry.pause(endpoint.organization, endpoint.id, announcement).await?;

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
