//! Sending an endpoint's deliveries again.

use domain::{ErrorCode, Invalid, Timestamp, delivery::Status, ids::EndpointId};
use messaging::{Message, Replay, Selection};

use crate::{
    Allowed, Application, Error, ManageWebhooks,
    idempotency::{self, Settled},
};

/// Which of an endpoint's deliveries are sent again.
#[derive(Debug, Clone, Copy)]
pub struct ReplayRequest {
    /// Those of events that were created at this time or later.
    pub after: Timestamp,
    /// Those of events that were created before this time. The default is now.
    pub before: Option<Timestamp>,
    /// Those that failed, or those that are held. The default is both.
    pub status: Option<Status>,
}

impl Application {
    /// Sends deliveries of an endpoint again, in the background. What failed gets all its retries again. What is held keeps
    /// those that it has left.
    ///
    /// Errors: [`Error::NotFound`]; [`Error::Invalid`] for an empty span; a conflict if the endpoint is disabled.
    pub async fn replay(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EndpointId,
        replay: ReplayRequest,
    ) -> Result<(), Error> {
        let organization = actor.organization;
        let after = replay.after;
        let plan = match replay.before.unwrap_or_else(|| self.clock.now()) {
            before if after < before => Ok(before),
            _ => {
                let message = "after must be earlier than before";
                Err(Invalid::param("after", ErrorCode::SpanEmpty, message).into())
            }
        };

        let work = |before, _| async move {
            self.enabled_endpoint(organization, id).await?;

            let statuses = replay.status.map_or(vec![Status::Failed, Status::Held], |status| vec![status]);
            let selections = statuses.into_iter().map(|status| Selection::Status { status, after, before });
            let messages: Vec<_> = selections
                .map(|selection| Replay { organization, endpoint: id, selection, cursor: None })
                .map(Message::Replay)
                .collect();
            self.queue.send(&messages).await?;
            Ok(Settled::ForGood(()))
        };
        let (_, ()) = self.once(actor, request, plan, work).await?;
        Ok(())
    }
}
