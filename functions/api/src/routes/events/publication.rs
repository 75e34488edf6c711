//! What a publisher sends, read and checked.

use domain::{
    Invalid, Timestamp,
    catalogue::{Catalogue, EventType},
    event::Event,
    event_data::EventData,
    ids::{EventId, Lane},
    key::KeyRecord,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use storage::Arrival;

use crate::{
    body::{malformed, repeated_field},
    error::ApiError,
};

/// A publication as sent. Each field is kept as its JSON text until it is checked, `data` for good.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(rename = "type")]
    event_type: Option<Box<RawValue>>,
    data: Option<Box<RawValue>>,
    livemode: Option<Box<RawValue>>,
}

/// A publication that can become an event.
#[derive(Debug)]
pub(super) struct Publication {
    event_type: &'static EventType,
    data: EventData,
    livemode: bool,
}

impl Publication {
    /// Reads and checks a publication. What a test key publishes is never live.
    pub(super) fn parse(json: &str, key: &KeyRecord) -> Result<Self, ApiError> {
        let sent: Sent = object(json, &["type", "data", "livemode"])?;
        let name: String = required("type", sent.event_type, "a string")?;

        let event_type = Catalogue::get().find(&name).ok_or_else(|| unknown_type(&name))?;
        if event_type.is_reserved() {
            return Err(ApiError::EventTypeReserved);
        }

        let data = EventData::from_raw(sent.data.ok_or_else(|| missing("data"))?)?;
        event_type.check(&data).map_err(Invalid::from)?;

        let live = match sent.livemode {
            None => key.livemode,
            given => required::<bool>("livemode", given, "true or false")? && key.livemode,
        };
        Ok(Self { event_type, data, livemode: event_type.livemode().decide(live) })
    }

    /// It as the log is to take it.
    pub(super) fn arrival(&self, key: &KeyRecord, at: Timestamp, draw: u8) -> Arrival<'_> {
        let (organization, event_type, bytes) =
            (key.organization, self.event_type.name(), self.data.as_json().len());
        Arrival { organization, event_type, livemode: self.livemode, at, bytes, draw }
    }

    /// An id for it, in this lane of the log.
    pub(super) fn id(&self, now: Timestamp, lane: Lane, random: [u8; 8]) -> EventId {
        EventId::new(now, self.event_type.code(), lane, random)
    }

    /// The event with this id.
    pub(super) fn event(self, key: &KeyRecord, id: EventId) -> Event {
        Event {
            id,
            organization: key.organization,
            event_type: self.event_type.name().to_owned(),
            data: self.data,
            livemode: self.livemode,
            created_at: id.created_at(),
        }
    }

    /// Tells publications apart: by type, mode and every letter of the data.
    pub(super) fn digest(&self) -> String {
        digest_of([self.event_type.name(), if self.livemode { "live" } else { "test" }, self.data.as_json()])
    }
}

/// Tells lists of texts apart.
pub(super) fn digest_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.len().to_be_bytes());
        digest.update(text);
    }
    hex::encode(digest.finalize())
}

/// Reads an object of these fields.
pub(super) fn object<'a, T: Deserialize<'a>>(json: &'a str, known: &[&str]) -> Result<T, Invalid> {
    // serde would take an array of the fields' values as well.
    let is_object = json.trim_ascii_start().starts_with('{');
    serde_json::from_str(json).ok().filter(|_| is_object).ok_or_else(|| not_an_object_of(known, json))
}

/// Malformed JSON, or an unknown or repeated field, which serde reports in its own words.
fn not_an_object_of(known: &[&str], json: &str) -> Invalid {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(json) {
        return malformed(&error);
    }
    if let Some(repeated) = repeated_field(json) {
        return repeated;
    }
    match serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(json) {
        Err(_) => Invalid::whole("body_invalid", "The body must be a JSON object"),
        Ok(fields) => match fields.into_keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => {
                let shown: String = name.chars().take(64).collect();
                let message = format!("Unknown field \"{shown}\"");
                Invalid::param(shown, "field_unknown", message)
            }
            None => Invalid::whole("body_invalid", "The body cannot be read"),
        },
    }
}

pub(super) fn required<T: DeserializeOwned>(
    name: &'static str,
    json: Option<Box<RawValue>>,
    expected: &str,
) -> Result<T, Invalid> {
    let json = json.filter(|json| !matches!(json.get(), "null" | "\"\"")).ok_or_else(|| missing(name))?;
    let wrong = |_| Invalid::param(name, "field_type", format!("{name} must be {expected}"));
    serde_json::from_str(json.get()).map_err(wrong)
}

fn missing(name: &'static str) -> Invalid {
    Invalid::param(name, "field_required", format!("{name} is required"))
}

fn unknown_type(event_type: &str) -> Invalid {
    let shown: String = event_type.chars().take(64).collect();
    let nearest = Catalogue::get().nearest_type(&shown);
    let hint = nearest.map(|nearest| format!(". Did you mean \"{nearest}\"?")).unwrap_or_default();
    Invalid::param("type", "event_type_unknown", format!("Unknown event type \"{shown}\"{hint}"))
}
