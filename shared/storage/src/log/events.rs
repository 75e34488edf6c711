//! Events. Each is one item, which also lists the endpoints that the event matched.
//!
//! They are partitioned by organization, livemode, event type and shard, and sorted by the event's id, which means by time. All
//! of these but the organization are in the id. So an event is read by its id alone, and a query for a pattern is a merge over
//! the partitions that it names.

use domain::{
    Timestamp,
    audience::Audience,
    catalogue::Catalogue,
    event::Event,
    event_data::CarriedData,
    ids::{EndpointId, EventId, Lane, OrganizationId},
};
use serde::{Deserialize, Serialize};

use super::{Log, mode};
use crate::{
    Error,
    table::{Change, Condition, Key, number, text, texts},
};

/// An event can be sent on request to so many endpoints that it did not match. Their ids take 38 KB of its item. The item also
/// has up to 201 KB of data, and 114 KB for the 3,000 endpoints that the event can match. It may have 400 KB.
pub const MAX_ADDED: u32 = 1_000;

/// An event, with the decisions that were made when it was routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The event.
    pub event: Event,
    /// Whom it was for. Earlier versions did not log this: their events count as for all subscribers.
    pub audience: Audience,
    /// The endpoints that it matched, and was sent to.
    pub matched: Vec<EndpointId>,
    /// The endpoints that subscribed to it, but were disabled. Nothing was sent to them or kept for them.
    pub disabled: Vec<EndpointId>,
    /// The endpoints that it was sent to later, because a person asked for it.
    pub added: Vec<EndpointId>,
}

impl LoggedEvent {
    /// An event that was routed to these endpoints, none of which was disabled.
    pub fn new(event: Event, audience: Audience, matched: Vec<EndpointId>) -> Self {
        Self { event, audience, matched, disabled: Vec::new(), added: Vec::new() }
    }

    /// Every endpoint that it was sent to, in the order of their ids.
    pub fn recipients(&self) -> Vec<EndpointId> {
        let mut recipients: Vec<_> = self.matched.iter().chain(&self.added).copied().collect();
        recipients.sort_unstable();
        recipients.dedup();
        recipients
    }

    /// Whether it is a test of one endpoint. The attempts of a test do not count for the endpoint's health.
    pub fn is_test(&self) -> bool {
        self.audience.is_test(&self.event.event_type)
    }

    /// Whether it was sent to this endpoint.
    pub fn was_sent_to(&self, endpoint: EndpointId) -> bool {
        self.matched.contains(&endpoint) || self.added.contains(&endpoint)
    }
}

/// How adding a recipient to a logged event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is among the event's recipients.
    Added,
    /// The event has [`MAX_ADDED`] added ones.
    TooMany,
    /// The event is gone from the log.
    Gone,
}

/// How logging an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is logged now.
    New,
    /// It was logged before, by the same message or a duplicate. This is what was logged then.
    Before(Box<LoggedEvent>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct EventItem {
    sk: EventId,
    event_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Binary, because base64 would cost a third more write units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deflated: Option<serde_bytes::ByteBuf>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    matched: Vec<EndpointId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    disabled: Vec<EndpointId>,
    #[serde(default, skip_serializing_if = "is_for_subscribers")]
    audience: Audience,
    /// A set. Only [`Log::add_recipient`] writes it.
    #[serde(default, skip_serializing)]
    added: Vec<EndpointId>,
    /// Unix seconds, as DynamoDB's time to live wants it.
    expires_at: i64,
}

fn is_for_subscribers(audience: &Audience) -> bool {
    *audience == Audience::Subscribers
}

pub(super) fn partition(organization: OrganizationId, event_type: &str, lane: Lane) -> String {
    format!("EVENTS#{organization}#{}#{event_type}#{}", mode(lane.livemode), lane.shard)
}

fn key(organization: OrganizationId, event_type: &str, id: EventId) -> Key {
    Key::new(partition(organization, event_type, id.lane()), id.to_string())
}

impl Log {
    /// Logs an event once. If its message comes again, or there is a duplicate, the event is found as it was logged.
    pub async fn put_event(
        &self,
        organization: OrganizationId,
        logged: &LoggedEvent,
    ) -> Result<Stored, Error> {
        let event = &logged.event;
        // This comes first, so that no logged event is in a partition that queries do not know.
        self.know_partition(organization, &event.event_type, event.id.lane()).await?;
        let key = key(organization, &event.event_type, event.id);
        if self.table.put_if(&key, &EventItem::of(logged), Condition::absent()).await? {
            return Ok(Stored::New);
        }
        match self.table.get::<EventItem>(&key).await? {
            Some(item) => Ok(Stored::Before(Box::new(item.into_logged(organization)?))),
            // The database dropped it for its age, between the two calls.
            None => Err(Error::Contended { key: key.to_string() }),
        }
    }

    /// Adds an endpoint to those that a logged event was sent to. Adding it once more changes nothing.
    pub async fn add_recipient(
        &self,
        organization: OrganizationId,
        event: &Event,
        endpoint: EndpointId,
    ) -> Result<Added, Error> {
        let key = key(organization, &event.event_type, event.id);
        let id = endpoint.to_string();
        let change = Change::new("ADD added :endpoints").with(":endpoints", texts([id.clone()]));
        // The first part is there because an update creates the item if there is none, and the database may have dropped this
        // event.
        let condition = Condition::new(
            "attribute_exists(pk) AND \
             (attribute_not_exists(added) OR contains(added, :endpoint) OR size(added) < :most)",
        );
        let condition = condition.with(":endpoint", text(&id)).with(":most", number(MAX_ADDED));
        if self.table.update_if(&key, change, condition).await? {
            return Ok(Added::Added);
        }
        let item = self.table.get::<EventItem>(&key).await?;
        Ok(if item.is_some() { Added::TooMany } else { Added::Gone })
    }

    /// The organization's event with this id, unless the event is older than the log keeps.
    pub async fn event(
        &self,
        organization: OrganizationId,
        id: EventId,
        now: Timestamp,
    ) -> Result<Option<LoggedEvent>, Error> {
        let Some(event_type) = Catalogue::get().by_code(id.type_code()) else {
            return Ok(None);
        };
        let item = self.table.get::<EventItem>(&key(organization, event_type.name(), id)).await?;
        item.filter(|item| item.is_kept(now)).map(|item| item.into_logged(organization)).transpose()
    }
}

impl EventItem {
    fn of(logged: &LoggedEvent) -> Self {
        let event = &logged.event;
        let (text, deflated) = match event.data.carried().clone() {
            CarriedData::Text(text) => (Some(text), None),
            CarriedData::Deflated(bytes) => (None, Some(serde_bytes::ByteBuf::from(bytes))),
        };
        Self {
            sk: event.id,
            event_type: event.event_type.clone(),
            text,
            deflated,
            matched: logged.matched.clone(),
            disabled: logged.disabled.clone(),
            audience: logged.audience,
            added: Vec::new(),
            expires_at: event.expires_at().seconds(),
        }
    }

    pub(super) fn id(&self) -> EventId {
        self.sk
    }

    /// Whether the log still keeps it. The database drops items up to days after their time. Until then they can be read, but
    /// no longer count.
    pub(super) fn is_kept(&self, now: Timestamp) -> bool {
        now.seconds() < self.expires_at
    }

    pub(super) fn into_logged(self, organization: OrganizationId) -> Result<LoggedEvent, Error> {
        let Self { sk: id, event_type, text, deflated, matched, disabled, audience, added, .. } = self;
        let corrupt = |cause: &str| Error::Corrupt { key: id.to_string(), cause: cause.to_owned() };
        let carried = match (text, deflated) {
            (Some(text), _) => CarriedData::Text(text),
            (None, Some(bytes)) => CarriedData::Deflated(bytes.into_vec()),
            (None, None) => return Err(corrupt("it has no data")),
        };
        let data = carried.open().map_err(|invalid| corrupt(&invalid.message))?;
        let (livemode, created_at) = (id.lane().livemode, id.created_at());
        let event = Event { id, organization, event_type, data, livemode, created_at };
        Ok(LoggedEvent { event, audience, matched, disabled, added })
    }
}
