//! The events that the platform itself publishes.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Timestamp,
    catalogue::{Catalogue, EventType},
    endpoint::Endpoint,
    event::Event,
    event_data::EventData,
    ids::{EndpointId, EventId, Lane, OrganizationId},
    key::KeyRecord,
};

const SERVICE: &str = "platform";
const TEST: &str = "platform.test";

/// Whether this is the event type of tests. An event of this type is a test only if it is for one endpoint: see
/// [`Audience::is_test`](crate::audience::Audience::is_test).
pub fn is_test(event_type: &str) -> bool {
    event_type == TEST
}

/// Whether an event of the platform is about this endpoint. Then it is never sent there.
pub fn is_about(event: &Event, endpoint: EndpointId) -> bool {
    #[derive(Deserialize)]
    struct Subject {
        endpoint_id: EndpointId,
    }
    let is_of_platform = event.service() == SERVICE;
    is_of_platform
        && serde_json::from_str::<Subject>(event.data.as_json())
            .is_ok_and(|subject| subject.endpoint_id == endpoint)
}

/// Something that happened to an organization's endpoints or keys.
#[derive(Debug, Clone, Copy)]
pub enum PlatformEvent<'a> {
    /// A person tries an endpoint.
    Test(EndpointId),
    /// An endpoint was paused, by its failures or by a person.
    WebhookPaused(&'a Endpoint),
    /// A key was created.
    KeyCreated(&'a KeyRecord),
    /// A key was revoked.
    KeyRevoked(&'a KeyRecord),
}

impl PlatformEvent<'_> {
    /// Its type.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Test(_) => TEST,
            Self::WebhookPaused(_) => "platform.webhook.paused",
            Self::KeyCreated(_) => "platform.key.created",
            Self::KeyRevoked(_) => "platform.key.revoked",
        }
    }

    /// An id for it. It is a call of its own, because an event that is published twice must have the same id both times.
    pub fn id(&self, now: Timestamp, random: [u8; 8]) -> EventId {
        let code = Catalogue::get().find(self.event_type()).map_or(0, EventType::code);
        EventId::new(now, code, Lane { livemode: self.livemode(), shard: 0 }, random)
    }

    /// The event with this id.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "small JSON objects, one of each in a test"
    )]
    pub fn event(&self, organization: OrganizationId, id: EventId) -> Event {
        Event {
            id,
            organization,
            event_type: self.event_type().to_owned(),
            data: EventData::parse(&self.data().to_string()).expect("a small JSON object"),
            livemode: self.livemode(),
            created_at: id.created_at(),
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::Test(endpoint) => json!({
                "message": "This is a test webhook event from do.dev",
                "endpoint_id": endpoint,
            }),
            Self::WebhookPaused(endpoint) => json!({
                "endpoint_id": endpoint.id,
                "url": endpoint.settings.url,
                "consecutive_failures": endpoint.health.consecutive_failures,
            }),
            Self::KeyCreated(key) => json!({ "key_id": key.id, "name": key.name, "scopes": key.scopes }),
            Self::KeyRevoked(key) => json!({ "key_id": key.id, "name": key.name }),
        }
    }

    fn livemode(&self) -> bool {
        match self {
            Self::Test(_) => false,
            Self::WebhookPaused(_) => true,
            Self::KeyCreated(key) | Self::KeyRevoked(key) => key.livemode,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        endpoint::{Settings, TimeoutSeconds},
        format::Format,
        ids::KeyId,
        key::KeyName,
        metadata::Metadata,
        pattern::Patterns,
        retry::RetryPolicy,
        scope::Scopes,
    };

    const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn each_is_of_the_catalogue_and_keeps_to_its_schema() {
        let organization = OrganizationId::new(AT, [1; 10]);
        let settings = Settings {
            url: "https://example.com/".into(),
            enabled_events: Patterns::parse(&["*"], "enabled_events").unwrap(),
            description: None,
            is_active: true,
            timeout: TimeoutSeconds::DEFAULT,
            retry_policy: RetryPolicy::new(5, 60, 5.0, 43_200).unwrap(),
            format: Format::dodev(),
            metadata: Metadata::default(),
        };
        let endpoint = Endpoint::new(organization, EndpointId::new(AT, [2; 10]), settings, AT);
        let key = KeyRecord {
            id: KeyId::new(AT, [3; 10]),
            organization,
            name: KeyName::parse("CI").unwrap(),
            scopes: Scopes::all(),
            livemode: true,
            created_at: AT,
        };
        for happened in [
            PlatformEvent::Test(endpoint.id),
            PlatformEvent::WebhookPaused(&endpoint),
            PlatformEvent::KeyCreated(&key),
            PlatformEvent::KeyRevoked(&key),
        ] {
            let event = happened.event(organization, happened.id(AT, [0; 8]));
            let known = Catalogue::get().find(&event.event_type).unwrap();
            assert_eq!(known.check(&event.data), Ok(()), "{}", event.event_type);
            assert_eq!((event.id.type_code(), event.created_at), (known.code(), AT));
        }
    }
}
