//! The catalogue of event types: what can be published, subscribed to and found in the log.
//!
//! An event type is one entry of data in `dodev.rs`, `ekdsend.rs` or `orbit.rs`. The entry has a list of fields. The type's
//! example, its JSON Schema and the check of what is published all follow from that list, so they cannot disagree. A new type
//! needs no code. After adding one, regenerate `docs/event-types.md` (the test that fails says how).
//!
//! A schema is deliberately lax: fields that it does not name pass, and only what identifies the event's subject is required.
//! For some types the seeds show no data. There, nothing is required, unless similar types show what identifies the subject, or
//! the platform publishes the type itself.

mod check;
mod dodev;
mod ekdsend;
mod field;
mod markdown;
mod nearest;
mod orbit;
mod schema;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde::{Serialize, Serializer};

pub use check::DataProblem;
pub use markdown::markdown;
pub use schema::{Example, Schema};

use field::Field;

use crate::event_data::EventData;

/// One kind of event, such as `send.email.sent`.
///
/// Serializes as an entry of `GET /v1/event-types`.
#[derive(Debug, PartialEq)]
pub struct EventType {
    name: &'static str,
    /// Part of the ids of stored events: never changed, and never given to another type.
    code: u16,
    description: &'static str,
    livemode: LivemodeRule,
    data: &'static [Field],
}

impl EventType {
    /// The dotted name, such as `send.email.sent`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The number that stands for the type inside event ids: from 1 to [`EventId::MAX_TYPE_CODE`](crate::ids::EventId::MAX_TYPE_CODE), the same for ever.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The service that publishes it: the first segment of its name.
    pub fn service(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(service, _)| service)
    }

    /// Whether only the platform itself publishes it, such as `platform.key.revoked`. No key may publish it, whatever its
    /// scopes. Otherwise the key's holder could make receivers believe what never happened.
    pub fn is_reserved(&self) -> bool {
        self.service() == "platform"
    }

    /// What happened, in a phrase for people. Source: the seeds' tables, where they have the type.
    pub fn description(&self) -> &'static str {
        self.description
    }

    /// How the `livemode` of an event of this type is decided.
    pub fn livemode(&self) -> LivemodeRule {
        self.livemode
    }

    /// A plausible `data`, with its fields in the order in which the seeds show them.
    pub fn example(&self) -> Example {
        Example::of(self.data)
    }

    /// The JSON Schema (draft 2020-12) of `data`.
    pub fn schema(&self) -> Schema {
        Schema::of(self.data)
    }

    /// Checks `data` against the type's schema, and names the first field that breaks it.
    ///
    /// It reads only the fields that the schema knows. All other fields may have any depth and any numbers. If a key occurs
    /// twice, the last one counts.
    pub fn check(&self, data: &EventData) -> Result<(), DataProblem> {
        check::check_object(self.data, "data", data.as_json())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Entry {
            r#type: &'static str,
            service: &'static str,
            description: &'static str,
            livemode: LivemodeRule,
            example: Example,
            schema: Schema,
        }
        let entry = Entry {
            r#type: self.name(),
            service: self.service(),
            description: self.description(),
            livemode: self.livemode(),
            example: self.example(),
            schema: self.schema(),
        };
        entry.serialize(serializer)
    }
}

/// How an event's `livemode` is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LivemodeRule {
    /// As the key that published it: true for a live key, false for a test key.
    FollowsKey,
    /// Never live, whoever publishes it.
    AlwaysFalse,
}

impl LivemodeRule {
    /// The `livemode` of an event. `live` is what it would be without the type's rule.
    pub fn decide(self, live: bool) -> bool {
        match self {
            Self::FollowsKey => live,
            Self::AlwaysFalse => false,
        }
    }
}

impl EventType {
    /// What precedes each dot of the name: `send` and `send.email` for `send.email.sent`.
    fn prefixes(&self) -> impl Iterator<Item = &'static str> {
        let name = self.name;
        name.match_indices('.').map(|(dot, _)| &name[..dot])
    }
}

/// All event types, and the patterns that can be made of them.
#[derive(Debug)]
pub struct Catalogue {
    types: Vec<&'static EventType>,
    /// `*`, then `send.*`, `send.email.*` and so on, each once.
    wildcards: Vec<String>,
}

impl Catalogue {
    /// The one catalogue.
    pub fn get() -> &'static Self {
        static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::new);
        &CATALOGUE
    }

    fn new() -> Self {
        let types: Vec<_> = [dodev::TYPES, ekdsend::TYPES, orbit::TYPES].into_iter().flatten().collect();
        let mut wildcards = vec!["*".to_owned()];
        for prefix in types.iter().flat_map(|event_type| event_type.prefixes()) {
            let wildcard = format!("{prefix}.*");
            if !wildcards.contains(&wildcard) {
                wildcards.push(wildcard);
            }
        }
        Self { types, wildcards }
    }

    /// Every event type, grouped by service.
    pub fn iter(&self) -> impl Iterator<Item = &'static EventType> {
        self.types.iter().copied()
    }

    /// The event type of exactly this name.
    pub fn find(&self, name: &str) -> Option<&'static EventType> {
        // A scan: some forty short strings are compared faster than one is hashed and looked up.
        self.iter().find(|event_type| event_type.name == name)
    }

    /// The event type with this code, as found in an event's id.
    pub fn by_code(&self, code: u16) -> Option<&'static EventType> {
        self.iter().find(|event_type| event_type.code == code)
    }

    /// Whether `prefix.*` covers at least one event type; `prefix` comes without the `.*` and has any number of
    /// segments.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.iter().any(|event_type| event_type.prefixes().any(|known| known == prefix))
    }

    /// The exact type or pattern (`*`, `send.*`, `send.email.*`) that is nearest to `typo`, for the error message about an
    /// unknown subscription or filter. `None` only in an empty catalogue.
    pub fn nearest(&self, typo: &str) -> Option<&str> {
        let names = self.iter().map(|event_type| -> &str { event_type.name });
        nearest::nearest(typo, names.chain(self.wildcards.iter().map(String::as_str)))
    }

    /// The event type whose name is nearest to `typo`, for the error message about an unknown type that is published. It is
    /// never a pattern or a reserved type, because these cannot be published. `None` only in an empty catalogue.
    pub fn nearest_type(&self, typo: &str) -> Option<&'static str> {
        let publishable = self.iter().filter(|event_type| !event_type.is_reserved());
        nearest::nearest(typo, publishable.map(EventType::name))
    }
}
