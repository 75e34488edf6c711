//! Pausing and unpausing, as people do it.

use std::time::Duration;

use domain::{endpoint::Endpoint, ids::EndpointId};

use crate::{
    Allowed, Application, Error, ManageWebhooks, Pausing,
    idempotency::{self, Settled},
};

/// What is held while an unpausing is being written, by a clock that may differ, was held before it.
const LEFT_MARGIN: Duration = Duration::from_secs(1);

impl Application {
    /// Pauses an endpoint: nothing is sent to it and everything is held. One that is paused stays as it is.
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
            // It was paused before, perhaps by somebody whose process died before it told of it.
            pausing.announce(&before).await?;
            Ok(Settled::ForGood(before))
        };
        let ((), endpoint) = self.once(actor, request, Ok(()), work).await?;
        Ok(endpoint)
    }

    /// Unpauses an endpoint and sets its count of failures to 0. With `replay`, what was held is sent. Without, it stays held until a
    /// person replays it or unpauses once more.
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
            // The release above does not wait where nothing is paused, and may have passed over what was left held until now.
            self.queue.release(organization, id).await?;
        }
        Ok(unpaused)
    }
}
