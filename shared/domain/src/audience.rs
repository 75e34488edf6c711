//! Whom an event is for.

use crate::{endpoint::Endpoint, event::Event, ids::EndpointId, platform_event};

/// Which of an organization's endpoints an event is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// Every endpoint that subscribes to its type.
    #[default]
    Subscribers,
    /// The same, except for one: an endpoint is not told that it was paused.
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

impl Audience {
    /// Whether an event of this type, for this audience, is a test: a person tries one endpoint.
    ///
    /// The attempts of a test do not count for the endpoint's health, also when the test is sent again. So nobody pauses an
    /// endpoint by trying it. A service may publish an event of the test's type for all subscribers. Such an event is like any
    /// other.
    pub fn is_test(self, event_type: &str) -> bool {
        matches!(self, Self::Only(_)) && platform_event::is_test(event_type)
    }

    /// Whether a person may have the event sent to an endpoint that it did not match. The endpoint counts as it is now.
    pub fn admits(self, event: &Event, endpoint: &Endpoint) -> Result<(), NotForIt> {
        match self {
            Self::Only(addressed) if addressed == endpoint.id => return Ok(()),
            Self::Only(_) => return Err(NotForIt::ForAnother),
            Self::SubscribersBut(left_out) if left_out == endpoint.id => return Err(NotForIt::AboutIt),
            Self::Subscribers | Self::SubscribersBut(_) => {}
        }
        // Earlier versions logged events without their audience, so all of them seem to be for subscribers. The type and the
        // data still tell a test, and an event about an endpoint.
        if platform_event::is_test(&event.event_type) {
            return Err(NotForIt::ForAnother);
        }
        if platform_event::is_about(event, endpoint.id) {
            return Err(NotForIt::AboutIt);
        }
        let matches = endpoint.settings.enabled_events.match_type(&event.event_type);
        matches.then_some(()).ok_or(NotForIt::NoPatternMatches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Timestamp,
        catalogue::Catalogue,
        endpoint::{Settings, TimeoutSeconds},
        event_data::EventData,
        format::Format,
        ids::{EventId, Lane, OrganizationId},
        metadata::Metadata,
        pattern::Patterns,
        retry::RetryPolicy,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const LANE: Lane = Lane { livemode: true, shard: 0 };

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
            id: EventId::new(NOW, Catalogue::get().find(event_type).unwrap().code(), LANE, [7; 8]),
            organization: OrganizationId::new(NOW, [1; 10]),
            event_type: event_type.into(),
            data: EventData::parse(data).unwrap(),
            livemode: true,
            created_at: NOW,
        }
    }

    #[test]
    fn a_test_is_an_event_of_its_type_for_one_endpoint() {
        let endpoint = EndpointId::new(NOW, [2; 10]);

        assert!(Audience::Only(endpoint).is_test("platform.test"));

        assert!(!Audience::Only(endpoint).is_test("send.email.sent"));
        assert!(!Audience::Subscribers.is_test("platform.test"));
        assert!(!Audience::SubscribersBut(endpoint).is_test("platform.test"));
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
            // For example, it was disabled when the event came. Whom an event is for does not depend on patterns then.
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
            assert_eq!(audience.admits(event, endpoint), expected, "{} {audience:?}", event.event_type);
        }
    }
}
