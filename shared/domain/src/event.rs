//! Events.

use std::time::Duration;

use crate::{
    Timestamp,
    catalogue::Catalogue,
    event_data::EventData,
    ids::{EventId, OrganizationId},
};

/// The longest time from an event's acceptance to its log entry, if nothing is wrong: 15 minutes.
///
/// This follows from the defaults of two template parameters. It is not changed where a deployment sets others. By the default
/// of `EventsMaxReceiveCount`, fan-out has then received the event as often as its queue allows. So the event is logged, or in
/// the dead-letter queue. By the default of `DeliveryAgeAlarmSeconds`, an alarm tells the operator when events wait for longer.
pub const LOGGED_WITHIN: Duration = Duration::from_mins(15);

/// How far the clock that gave an event its time may be ahead of ours.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// How long the log keeps an event and its deliveries: 30 days.
pub const RETENTION: Duration = Duration::from_hours(30 * 24);

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

impl Event {
    /// The service that published it: its type's first segment.
    pub fn service(&self) -> &str {
        service_of(&self.event_type)
    }

    /// When the log drops it.
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.after(RETENTION)
    }

    /// Whether the log has dropped it. Then nothing can be looked up or recorded about it.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }
}

/// The service of an event type: its first segment.
pub fn service_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}

/// Whether an event that is not in the log may still be on its way there. Only the age in its id is known. So the answer is
/// also true for a recent event of another organization, and for a recent id that no event has.
pub fn may_be_on_its_way(id: EventId, now: Timestamp) -> bool {
    let created_at = id.created_at();
    let is_of_the_catalogue = Catalogue::get().by_code(id.type_code()).is_some();
    is_of_the_catalogue && now.since(created_at) <= LOGGED_WITHIN && created_at.since(now) <= CLOCKS_DIFFER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Lane;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn id_at(millis: i64, type_code: u16) -> EventId {
        EventId::new(Timestamp::from_millis(millis), type_code, Lane { livemode: true, shard: 0 }, [7; 8])
    }

    #[test]
    fn an_event_is_awaited_while_it_is_young_and_not_from_the_future() {
        let code = Catalogue::get().find("send.email.sent").unwrap().code();
        let millis = |span: Duration| i64::try_from(span.as_millis()).unwrap();
        let (young, ahead) = (millis(LOGGED_WITHIN), millis(CLOCKS_DIFFER));
        for (offset, expected) in [
            (0, true),
            (-1, true),
            (-young, true),
            (-young - 1, false),
            (-millis(RETENTION), false),
            (ahead, true),
            (ahead + 1, false),
            (young, false),
        ] {
            assert_eq!(may_be_on_its_way(id_at(NOW.millis() + offset, code), NOW), expected, "{offset}");
        }
        assert!(!may_be_on_its_way(id_at(NOW.millis(), 0), NOW), "no event has such a type");
        assert!(!may_be_on_its_way(id_at(0, code), NOW));
    }
}
