//! Trying an endpoint.

use domain::{
    audience::Audience,
    ids::{EndpointId, EventId},
    platform_event::PlatformEvent,
};

use crate::{
    Allowed, Application, Error, ManageWebhooks,
    idempotency::{self, Settled},
};

impl Application {
    /// Sends a test event to this endpoint alone, whatever it subscribes to, and also while it is paused.
    ///
    /// Errors: [`Error::NotFound`]; a conflict if the endpoint is disabled.
    pub async fn test_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EndpointId,
    ) -> Result<EventId, Error> {
        let organization = actor.organization;
        let test = PlatformEvent::Test(id);
        let plan = test.id(self.clock.now(), runtime::random()?);

        let work = |event, _| async move {
            self.enabled_endpoint(organization, id).await?;

            // If it is published twice, it is one event: it has the same id both times.
            self.bus.publish(&test.event(organization, event), Audience::Only(id)).await?;
            Ok(Settled::ForGood(()))
        };
        let (event, ()) = self.once(actor, request, Ok(plan), work).await?;
        Ok(event)
    }
}
