//! Events.

use std::time::Duration;

use crate::{
    Timestamp,
    catalogue::Catalogue,
    endpoint::Endpoint,
    event_data::EventData,
    ids::{EndpointId, EventId, OrganizationId},
    platform_event,
};

/// How long an event that was accepted may take to be logged, unless something is wrong: 15 minutes. In that time fan-out has
/// received it as often as its queue lets it, and has logged it or left it to the dead-letter queue; and from that age on
/// the template's alarm about waiting events tells the operator of a backlog.
pub const LOGGED_WITHIN: Duration = Duration::from_mins(15);

/// How far ahead of this clock another one may be that gave an event its time.
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

/// Why an event is not for an endpoint that it did not match when it was routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotForIt {
    /// None of the endpoint's patterns matches the event's type.
    NoPatternMatches,
    /// The event is for one endpoint alone, and for another one.
    ForAnother,
    /// The event is about this very endpoint.
    AboutIt,
}

impl Event {
    /// Whether it may be sent to an endpoint that it did not match, as the endpoint is now, when a person asks for that.
    pub fn may_go_to(&self, audience: Audience, endpoint: &Endpoint) -> Result<(), NotForIt> {
        match audience {
            Audience::Only(addressed) if addressed == endpoint.id => return Ok(()),
            Audience::Only(_) => return Err(NotForIt::ForAnother),
            Audience::SubscribersBut(left_out) if left_out == endpoint.id => return Err(NotForIt::AboutIt),
            Audience::Subscribers | Audience::SubscribersBut(_) => {}
        }
        // The audience of what was logged before audiences were is not known, but tests and what is about an endpoint are.
        if platform_event::is_test(&self.event_type) {
            return Err(NotForIt::ForAnother);
        }
        if platform_event::is_about(self, endpoint.id) {
            return Err(NotForIt::AboutIt);
        }
        let matches = endpoint.settings.enabled_events.match_type(&self.event_type);
        matches.then_some(()).ok_or(NotForIt::NoPatternMatches)
    }

    /// The service that published it: its type's first segment.
    pub fn service(&self) -> &str {
        service_of(&self.event_type)
    }

    /// When the log drops it.
    pub fn expires_at(&self) -> Timestamp {
        self.created_at.after(RETENTION)
    }

    /// Whether the log keeps it no longer: then nothing can be recorded about it any more, nor looked up.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at() <= now
    }
}

/// The service of an event type: its first segment.
pub fn service_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or_default()
}

/// Whether an event that has this id and is not in the log may be on its way there. Its id tells its age, and nothing else:
/// another organization's event of a moment ago, or one that never was, may be on its way just as well.
pub fn may_be_on_its_way(id: EventId, now: Timestamp) -> bool {
    let created_at = id.created_at();
    let is_of_the_catalogue = Catalogue::get().by_code(id.type_code()).is_some();
    is_of_the_catalogue && now.since(created_at) <= LOGGED_WITHIN && created_at.since(now) <= CLOCKS_DIFFER
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        endpoint::{Settings, TimeoutSeconds},
        format::Format,
        ids::Lane,
        metadata::Metadata,
        pattern::Patterns,
        retry::RetryPolicy,
    };

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
    fn endpoint(pattern: &str) -> Endpoint {
        let settings = Settings {
            url: "https://example.com/".into(),
            enabled_events: Patterns::parse(&[pattern], "enabled_events").unwrap(),
            description: None,
            is_active: true,
            timeout: TimeoutSeconds::DEFAULT,
            retry_policy: RetryPolicy::new(5, 60, 5.0, 43_200).unwrap(),
            format: Format::dodev(),
            metadata: Metadata::default(),
        };
        Endpoint::new(OrganizationId::new(NOW, [1; 10]), EndpointId::new(NOW, [2; 10]), settings, NOW)
    }

    fn event(event_type: &str, data: &str) -> Event {
        Event {
            id: id_at(NOW.millis(), Catalogue::get().find(event_type).unwrap().code()),
            organization: OrganizationId::new(NOW, [1; 10]),
            event_type: event_type.into(),
            data: EventData::parse(data).unwrap(),
            livemode: true,
            created_at: NOW,
        }
    }

    #[test]
    fn an_event_may_go_to_an_endpoint_that_would_match_it_now() {
        let (all, sent) = (endpoint("*"), event("send.email.sent", r#"{"messageId":"m"}"#));
        let (own, other) = (all.id, EndpointId::new(NOW, [3; 10]));
        let about =
            |id: EndpointId| event("platform.webhook.paused", &format!(r#"{{"endpoint_id":"{id}"}}"#));
        let test = event("platform.test", &format!(r#"{{"endpoint_id":"{own}"}}"#));
        // A publisher's own field has no such meaning.
        let named = event("send.email.sent", &format!(r#"{{"messageId":"m","endpoint_id":"{own}"}}"#));
        let (any, but) = (Audience::Subscribers, Audience::SubscribersBut);

        for (event, audience, endpoint, expected) in [
            (&sent, any, &all, Ok(())),
            (&sent, any, &endpoint("send.email.*"), Ok(())),
            (&sent, any, &endpoint("telco.*"), Err(NotForIt::NoPatternMatches)),
            (&sent, but(other), &all, Ok(())),
            (&sent, but(own), &all, Err(NotForIt::AboutIt)),
            (&sent, Audience::Only(other), &all, Err(NotForIt::ForAnother)),
            // It was disabled when the event came, say. Whom an event is for does not depend on patterns then.
            (&sent, Audience::Only(own), &endpoint("telco.*"), Ok(())),
            (&named, any, &all, Ok(())),
            (&about(own), any, &all, Err(NotForIt::AboutIt)),
            (&about(own), but(own), &all, Err(NotForIt::AboutIt)),
            (&about(other), but(other), &all, Ok(())),
            (&about(other), any, &endpoint("send.*"), Err(NotForIt::NoPatternMatches)),
            (&test, Audience::Only(other), &all, Err(NotForIt::ForAnother)),
            (&test, Audience::Only(own), &all, Ok(())),
            (&test, any, &all, Err(NotForIt::ForAnother)),
        ] {
            assert_eq!(event.may_go_to(audience, endpoint), expected, "{} {audience:?}", event.event_type);
        }
    }
}
