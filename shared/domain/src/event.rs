//! Events.

use crate::{
    Timestamp,
    event_data::EventData,
    ids::{EndpointId, EventId, OrganizationId},
};

/// How long the log keeps an event and its deliveries: 30 days.
pub const RETENTION: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// Something that happened at one of the platform's services, as its organization sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The event's id; its creation time and its type's code are part of it.
    pub id: EventId,
    /// The organization that it belongs to.
    pub organization: OrganizationId,
    /// Its type, `send.email.sent`.
    pub event_type: String,
    /// What happened, to the letter.
    pub data: EventData,
    /// False for what a test key published.
    pub livemode: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Which of an organization's endpoints an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// Every endpoint that subscribes to its type.
    #[default]
    Subscribers,
    /// Those, but for one: an endpoint is not told that it was paused.
    SubscribersBut(EndpointId),
    /// One endpoint, whatever it subscribes to: a test.
    Only(EndpointId),
}

impl Event {
    /// The service that published it: its type's first segment.
    pub fn service(&self) -> &str {
        service_of(&self.event_type)
    }

    /// When the log drops it.
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.after(RETENTION)
    }
}

/// The service of an event type: its first segment.
pub fn service_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}
