//! Reading the event log.

use domain::{
    delivery::{Delivery, Status},
    event::{self, Event},
    ids::{EndpointId, EventId, OrganizationId},
};
use storage::{EventFilter, EventPage, LoggedEvent};

use crate::{Allowed, Application, Error, Page, PageRequest, ReadEvents};

/// An event is shown with the receivers' answers of so many deliveries. More might not fit into a Lambda function's response.
const SHOWN_WITH_ANSWERS: usize = 100;

/// An event and its deliveries.
#[derive(Debug)]
pub struct RoutedEvent {
    /// The event.
    pub event: Event,
    /// Its delivery to each endpoint that it matched, or was sent to later on request.
    pub deliveries: Vec<Delivery>,
    /// Endpoints that subscribed to it but were disabled. Nothing was sent to them or kept for them.
    pub disabled: Vec<EndpointId>,
}

impl Application {
    /// A page of the organization's events of the last 30 days.
    ///
    /// Errors: [`Error::Invalid`] for the cursor.
    pub async fn events(
        &self,
        actor: &Allowed<ReadEvents>,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<Event>, Error> {
        let organization = actor.organization;
        let list = self.open_list(organization, &format!("events/{filter:?}"), &page).await?;
        let (position, now) = (list.position(|text| EventId::parse(text).ok()), self.clock.now());

        let found = self.log.events(organization, &filter, position, list.limit(), now).await?;
        let EventPage { events, has_more } = found;
        let events = events.into_iter().map(|logged| logged.event).collect();
        list.page_of(events, has_more, |event: &Event| event.id.to_string()).await
    }

    /// An event with its deliveries. From the 101st delivery on, the receivers' answers are left out.
    ///
    /// Errors: [`Error::NotFound`], [`Error::EventNotLoggedYet`].
    pub async fn event(&self, actor: &Allowed<ReadEvents>, id: EventId) -> Result<RoutedEvent, Error> {
        let logged = self.find_event(actor.organization, id).await?;

        let mut deliveries = self.deliveries_to(&logged, &logged.recipients()).await?;
        let rest = deliveries.iter_mut().skip(SHOWN_WITH_ANSWERS);
        rest.flat_map(|delivery| &mut delivery.attempts).for_each(|attempt| attempt.answer = None);

        // An endpoint that was disabled may have been added later on request. Then it is among the deliveries.
        let LoggedEvent { event, mut disabled, added, .. } = logged;
        disabled.retain(|endpoint| !added.contains(endpoint));
        Ok(RoutedEvent { event, deliveries, disabled })
    }

    /// A page of an event's deliveries.
    ///
    /// Errors: [`Error::NotFound`], [`Error::EventNotLoggedYet`]; [`Error::Invalid`] for the cursor.
    pub async fn deliveries_of_event(
        &self,
        actor: &Allowed<ReadEvents>,
        id: EventId,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Error> {
        let list = self.open_list(actor.organization, &format!("deliveries/{id}"), &page).await?;
        let logged = self.find_event(actor.organization, id).await?;

        let position = list.position(|text| EndpointId::parse(text).ok());
        let recipients = logged.recipients().into_iter();
        let rest = recipients.filter(|endpoint| position.is_none_or(|position| *endpoint > position));
        let found = rest.take(list.look_ahead()).collect();
        let page = list.page(found, ToString::to_string).await?;

        let deliveries = self.deliveries_to(&logged, &page.items).await?;
        Ok(Page { items: deliveries, next_cursor: page.next_cursor })
    }

    /// An event of the log.
    pub(super) async fn find_event(
        &self,
        organization: OrganizationId,
        id: EventId,
    ) -> Result<LoggedEvent, Error> {
        let now = self.clock.now();
        let logged = self.log.event(organization, id, now).await?;

        let is_awaited = event::may_be_on_its_way(id, now);
        logged.ok_or(if is_awaited { Error::EventNotLoggedYet } else { Error::NO_SUCH_EVENT })
    }

    /// The event's delivery to each of these endpoints. A delivery without a record is pending.
    pub(super) async fn deliveries_to(
        &self,
        logged: &LoggedEvent,
        endpoints: &[EndpointId],
    ) -> Result<Vec<Delivery>, Error> {
        let (event, now) = (&logged.event, self.clock.now());
        let recorded = self.log.deliveries_of_event(event.organization, event.id, endpoints, now).await?;

        let of = |endpoint: &EndpointId| {
            let found = recorded.iter().find(|delivery| delivery.endpoint == *endpoint).cloned();
            found.unwrap_or_else(|| Delivery {
                status: Status::Pending,
                ..Delivery::pending(event, *endpoint)
            })
        };
        Ok(endpoints.iter().map(of).collect())
    }
}
