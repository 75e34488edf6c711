//! What a publisher sends, checked.

use domain::{
    ErrorCode, Invalid, Timestamp,
    catalogue::{Catalogue, EventType},
    event::Event,
    event_data::EventData,
    ids::{EventId, Lane},
};
use serde_json::value::RawValue;
use storage::Arrival;

use crate::{Actor, Error};

/// An event that somebody publishes, as it was sent.
pub struct NewEvent {
    /// Its type's name.
    pub event_type: String,
    /// What happened, to the letter.
    pub data: Box<RawValue>,
    /// Whether it is live. The default follows whoever publishes it. What a test actor publishes is never live.
    pub livemode: Option<bool>,
}

impl std::fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Customers' data stays out of logs.
        f.debug_struct("NewEvent").field("event_type", &self.event_type).finish_non_exhaustive()
    }
}

/// An event that can be published.
#[derive(Debug)]
pub(super) struct Publication {
    event_type: &'static EventType,
    data: EventData,
    livemode: bool,
}

impl Publication {
    pub(super) fn check(new: NewEvent, actor: &Actor) -> Result<Self, Error> {
        let name = &new.event_type;
        let event_type = Catalogue::get().find(name).ok_or_else(|| unknown_type(name))?;
        if event_type.is_reserved() {
            return Err(Error::EventTypeReserved);
        }

        let data = EventData::from_raw(new.data)?;
        event_type.check(&data).map_err(Invalid::from)?;

        let live = new.livemode.unwrap_or(true) && actor.livemode;
        Ok(Self { event_type, data, livemode: event_type.livemode().decide(live) })
    }

    /// Its type's name.
    pub(super) fn event_type(&self) -> &'static str {
        self.event_type.name()
    }

    /// What tells it from other events, independent of how the request was written: its type, its mode and every letter of its
    /// data.
    pub(super) fn what(&self) -> [&str; 3] {
        [self.event_type.name(), if self.livemode { "live" } else { "test" }, self.data.as_json()]
    }

    /// What the log needs to know to choose its lane.
    pub(super) fn arrival(&self, actor: &Actor, at: Timestamp, draw: u8) -> Arrival<'_> {
        Arrival {
            organization: actor.organization,
            event_type: self.event_type.name(),
            livemode: self.livemode,
            at,
            bytes: self.data.as_json().len(),
            draw,
        }
    }

    /// An id for it, in this lane of the log.
    pub(super) fn id(&self, now: Timestamp, lane: Lane, random: [u8; 8]) -> EventId {
        EventId::new(now, self.event_type.code(), lane, random)
    }

    /// The event with this id.
    pub(super) fn event(self, actor: &Actor, id: EventId) -> Event {
        Event {
            id,
            organization: actor.organization,
            event_type: self.event_type.name().to_owned(),
            data: self.data,
            livemode: self.livemode,
            created_at: id.created_at(),
        }
    }
}

fn unknown_type(event_type: &str) -> Invalid {
    let shown: String = event_type.chars().take(64).collect();
    let nearest = Catalogue::get().nearest_type(&shown);
    let hint = nearest.map(|nearest| format!(". Did you mean \"{nearest}\"?")).unwrap_or_default();
    let message = format!("Unknown event type \"{shown}\"{hint}");
    Invalid::param("type", ErrorCode::EventTypeUnknown, message)
}
