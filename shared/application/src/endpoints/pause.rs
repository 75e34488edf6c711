//! Pausing and unpausing, as people do it.

use std::time::Duration;

use domain::{endpoint::Endpoint, ids::EndpointId};

use crate::{
    Allowed, Application, Error, ManageWebhooks, Pausing,
    idempotency::{self, Settled},
};

/// Deliveries may be held while the unpausing is being written, by a function whose clock differs a little. They count as held
/// before it.
const LEFT_MARGIN: Duration = Duration::from_secs(1);

impl Application {
    /// Pauses an endpoint: nothing is sent to it and everything is held. An endpoint that is paused already stays as it is.
    ///
    /// Errors: [`Error::NotFound`].
    pub async fn pause_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EndpointId,
    ) -> Result<Endpoint, Error> {
        let work = |(), _| async {
            let before = self.find_endpoint(actor.organization, id).await?.endpoint;

            let pausing = Pausing { registry: &self.registry, bus: &self.bus, clock: &self.clock };
            if let Some(paused) = pausing.by_person(&before).await? {
                return Ok(Settled::ForGood(paused));
            }
            // It is gone, or was paused before. Whoever paused it may have died before announcing it.
            let paused = self.find_endpoint(actor.organization, id).await?.endpoint;
            pausing.announce(&paused).await?;
            Ok(Settled::ForGood(paused))
        };
        let ((), endpoint) = self.once(actor, request, Ok(()), work).await?;
        Ok(endpoint)
    }

    /// Unpauses an endpoint and sets its count of failures to 0. With `replay`, what was held is sent. Without `replay`, it
    /// stays held until a person replays it, or unpauses once more with a replay.
    ///
    /// Errors: [`Error::NotFound`].
    pub async fn unpause_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EndpointId,
        replay: bool,
    ) -> Result<Endpoint, Error> {
        let work = |(), _| async { Ok(Settled::ForGood(self.unpause(actor, id, replay).await?)) };
        let ((), endpoint) = self.once(actor, request, Ok(()), work).await?;
        Ok(endpoint)
    }

    async fn unpause(
        &self,
        actor: &Allowed<ManageWebhooks>,
        id: EndpointId,
        replay: bool,
    ) -> Result<Endpoint, Error> {
        let organization = actor.organization;
        let before = self.find_endpoint(organization, id).await?.endpoint;

        if replay && before.may_hold() {
            self.send_after_new_start(&before).await?;
        }
        let left_held_until = (!replay).then(|| self.clock.now().after(LEFT_MARGIN));
        let unpaused = self.registry.unpause(organization, id, left_held_until).await?;
        let unpaused = unpaused.ok_or(Error::NO_SUCH_ENDPOINT)?;

        if replay && before.left_held_until.is_some() {
            // The release above waits only while the endpoint is paused, disabled or failing. Otherwise the release may have
            // looked before this change was written, and left out what was to stay held until now.
            self.queue.release(organization, id).await?;
        }
        Ok(unpaused)
    }
}
