//! Sending an event again.

use domain::{
    ErrorCode, Invalid,
    audience::NotForIt,
    delivery::Purpose,
    endpoint::State,
    ids::{EndpointId, EventId},
};
use messaging::{CarriedEvent, Message};
use storage::{Added, LoggedEvent};

use crate::{
    Allowed, Application, Conflict, Error, ManageWebhooks,
    idempotency::{self, Settled},
};

/// The message about an endpoint that the event was not for. It is the same for another organization's endpoint and for one
/// that does not exist.
const NOT_FOR_IT: &str = "The event was not for this endpoint";

/// An event that is being sent again.
#[derive(Debug)]
pub struct ResentEvent {
    /// The event.
    pub event: EventId,
    /// The endpoints: the one that was named, or all that the event was sent to and that are not disabled.
    pub endpoints: Vec<EndpointId>,
}

impl Application {
    /// Sends an event again, with all its retries: to the endpoint that is named, or to all that it was sent to.
    ///
    /// `only` may name an endpoint that the event never matched, if it matches now. It is a text, because a text that is no id
    /// gets the same answer as an endpoint that the event was not for.
    ///
    /// Errors: [`Error::NotFound`], [`Error::EventNotLoggedYet`]; [`Error::Invalid`] for an endpoint that the event is not for;
    /// conflicts if the endpoint is disabled, if no endpoint is left, or if the event has as many recipients as it may.
    pub async fn resend(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EventId,
        only: Option<String>,
    ) -> Result<ResentEvent, Error> {
        let only = only.as_deref();
        let work = |(), _| async move { Ok(Settled::ForGood(self.send_again(actor, id, only).await?)) };
        let ((), endpoints) = self.once(actor, request, Ok(()), work).await?;
        Ok(ResentEvent { event: id, endpoints })
    }

    async fn send_again(
        &self,
        actor: &Allowed<ManageWebhooks>,
        id: EventId,
        only: Option<&str>,
    ) -> Result<Vec<EndpointId>, Error> {
        let logged = self.find_event(actor.organization, id).await?;
        let endpoints = match only {
            None => self.enabled_recipients(&logged).await?,
            Some(text) => vec![self.make_recipient(&logged, text).await?],
        };
        if endpoints.is_empty() {
            return Err(Conflict::NoEndpointLeft.into());
        }

        let deliveries = self.deliveries_to(&logged, &endpoints).await?;
        let event = CarriedEvent::from(&logged.event);
        let messages: Vec<_> = deliveries
            .iter()
            .map(|delivery| Message::Deliver {
                endpoint: delivery.endpoint,
                event: event.clone(),
                purpose: Purpose::resend(delivery),
            })
            .collect();
        self.queue.send(&messages).await?;
        Ok(endpoints)
    }

    /// The endpoints that an event was sent to, without those that are gone or disabled.
    async fn enabled_recipients(&self, logged: &LoggedEvent) -> Result<Vec<EndpointId>, Error> {
        let organization = logged.event.organization;
        let recipients = logged.recipients().into_iter().map(|endpoint| (organization, endpoint));
        let records = self.registry.endpoints(recipients).await?;

        let enabled = records.into_iter().filter(|record| record.endpoint.state() != State::Disabled);
        Ok(enabled.map(|record| record.endpoint.id).collect())
    }

    /// The endpoint that a person names. If it was not one of the event's recipients, it is one from now on.
    ///
    /// It is added before the message is sent. If the process dies in between, a delivery is shown as pending. The person got
    /// no answer, and sends it again. In the other order, there would be a delivery that nobody is shown.
    async fn make_recipient(&self, logged: &LoggedEvent, text: &str) -> Result<EndpointId, Error> {
        let event = &logged.event;
        let id = EndpointId::parse(text).map_err(|_| not_for_it(NOT_FOR_IT))?;
        let was_sent_to = logged.was_sent_to(id);

        let endpoint = match self.registry.endpoint(event.organization, id).await? {
            Some(record) => record.endpoint,
            None if was_sent_to => return Err(Error::NO_SUCH_ENDPOINT),
            // The same words for another organization's endpoint and for none.
            None => return Err(not_for_it(NOT_FOR_IT).into()),
        };
        if !was_sent_to {
            logged.audience.admits(event, &endpoint).map_err(refusal)?;
        }
        if endpoint.state() == State::Disabled {
            return Err(Conflict::EndpointDisabled.into());
        }
        if was_sent_to {
            return Ok(id);
        }

        match self.log.add_recipient(event.organization, event, id).await? {
            Added::Added => Ok(id),
            Added::TooMany => Err(Conflict::RecipientsLimitReached.into()),
            Added::Gone => Err(Error::NO_SUCH_EVENT),
        }
    }
}

fn refusal(reason: NotForIt) -> Invalid {
    not_for_it(match reason {
        NotForIt::NoPatternMatches => {
            "The event was not for this endpoint, and none of its patterns matches the event's type"
        }
        NotForIt::ForAnother => "The event is for another endpoint alone",
        NotForIt::AboutIt => "The event is about this endpoint, and never sent to it",
    })
}

fn not_for_it(message: &'static str) -> Invalid {
    Invalid::param("endpoint_id", ErrorCode::EndpointNotMatched, message)
}
