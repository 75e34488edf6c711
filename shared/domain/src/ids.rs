//! One type for each kind of id, so that none can be used in the place of another.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no id of the expected kind. A caller is told the same as for an id that does not exist: 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct NotAnId;

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// An id made at `millis` (Unix milliseconds) with 10 random bytes; ids sort by their time.
            pub fn new(now: crate::Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Reads the id's text form.
            pub fn parse(text: &str) -> Result<Self, NotAnId> {
                let digits = text.strip_prefix($prefix).ok_or(NotAnId)?;
                let canonical = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !canonical {
                    return Err(NotAnId);
                }
                Uuid::try_parse(digits).map(Self).map_err(|_| NotAnId)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl_text_form!($name);
    };
}

macro_rules! impl_text_form {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                Self::parse(&text)
            }
        }
    };
}

prefixed_id!(
    /// An organization: the owner of keys, endpoints and events. No read crosses from one to another.
    OrganizationId,
    "org_"
);
prefixed_id!(
    /// A webhook endpoint.
    EndpointId,
    "whep_"
);
prefixed_id!(
    /// An API key (not its secret text).
    KeyId,
    "key_"
);

/// An event: `evt_` and a UUIDv7.
///
/// The id says where the event is in the log, so that reading one by its id needs no index. The 12 bits after the version are
/// the catalogue code of the event's type. The last 6 bits are the [`Lane`]. That leaves 56 random bits for each millisecond
/// and type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EventId(Uuid);

/// Which of the log's partitions of its type has an event. Live and test events are in different partitions, so that a query
/// for the ones does not read the others. A type has as many shards as its traffic needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Whether its events are live.
    pub livemode: bool,
    /// Below [`Lane::SHARDS`].
    pub shard: u8,
}

impl Lane {
    /// How many shards an id can tell apart.
    pub const SHARDS: u8 = 32;

    const LIVE: u8 = 0b10_0000;
    const MASK: u8 = 0b11_1111;

    fn bits(self) -> u8 {
        let live = if self.livemode { Self::LIVE } else { 0 };
        live | (self.shard % Self::SHARDS)
    }

    fn of(byte: u8) -> Self {
        Self { livemode: byte & Self::LIVE != 0, shard: byte % Self::SHARDS }
    }
}

impl EventId {
    /// The greatest type code that an id can hold.
    pub const MAX_TYPE_CODE: u16 = 0x0fff;

    /// The id of an event of the type with this catalogue code, in this lane of the log, made at `at`.
    pub fn new(at: crate::Timestamp, type_code: u16, lane: Lane, random: [u8; 8]) -> Self {
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        let [code_high, code_low] = (type_code & Self::MAX_TYPE_CODE).to_be_bytes();
        let [r0, r1, r2, r3, r4, r5, r6, r7] = random;
        let last = (r7 & !Lane::MASK) | lane.bits();
        let after_time = [code_high, code_low, r0, r1, r2, r3, r4, r5, r6, last];
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &after_time).into_uuid())
    }

    /// The smallest id that an event created at `at` can have. Ids of earlier events are smaller.
    pub fn first_of(at: crate::Timestamp) -> Self {
        let lowest = Lane { livemode: false, shard: 0 };
        Self::new(at, 0, lowest, [0; 8])
    }

    /// The next greater id. A span that begins there leaves this id out.
    #[must_use]
    pub fn just_after(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_add(1)))
    }

    /// The next smaller id. A span that ends there leaves this id out.
    #[must_use]
    pub fn just_before(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }

    /// Reads the id's text form.
    pub fn parse(text: &str) -> Result<Self, NotAnId> {
        let uuid = text.strip_prefix("evt_").ok_or(NotAnId)?;
        let canonical = uuid.len() == 36 && !uuid.bytes().any(|b| b.is_ascii_uppercase());
        let uuid = Uuid::try_parse(uuid).map_err(|_| NotAnId)?;
        if canonical && uuid.get_version_num() == 7 { Ok(Self(uuid)) } else { Err(NotAnId) }
    }

    /// When the event was created.
    pub fn created_at(self) -> crate::Timestamp {
        let millis = self.0.as_u128() >> 80;
        crate::Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The catalogue code of the event's type.
    pub fn type_code(self) -> u16 {
        let [_, _, _, _, _, _, high, low, ..] = *self.0.as_bytes();
        u16::from_be_bytes([high, low]) & Self::MAX_TYPE_CODE
    }

    /// Which of its type's partitions of the log it is in.
    pub fn lane(self) -> Lane {
        let [.., last] = *self.0.as_bytes();
        Lane::of(last)
    }

    /// The same id in another lane.
    #[must_use]
    pub fn in_lane(self, lane: Lane) -> Self {
        let mut bytes = self.0.into_bytes();
        let [.., last] = &mut bytes;
        *last = (*last & !Lane::MASK) | lane.bits();
        Self(Uuid::from_bytes(bytes))
    }

    /// A number that is spread evenly over ids. Other items choose their shard by it.
    pub fn spread(self) -> u8 {
        let [.., random, _] = *self.0.as_bytes();
        random
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "evt_{}", self.0.hyphenated())
    }
}

impl_text_form!(EventId);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn ids_read_back_what_they_print() {
        let endpoint = EndpointId::new(AT, [7; 10]);
        assert_eq!(EndpointId::parse(&endpoint.to_string()), Ok(endpoint));
        let event = EventId::new(AT, 1023, Lane { livemode: true, shard: 31 }, [0xff; 8]);
        assert_eq!(EventId::parse(&event.to_string()), Ok(event));
    }

    #[test]
    fn an_id_of_another_kind_is_not_one() {
        let key = KeyId::new(AT, [7; 10]).to_string();
        assert_eq!(EndpointId::parse(&key), Err(NotAnId));
        assert_eq!(EndpointId::parse(&key.replace("key_", "whep_").to_uppercase()), Err(NotAnId));
    }

    #[test]
    fn an_event_id_is_a_uuid_v7_that_knows_time_type_and_lane() {
        let lane = Lane { livemode: true, shard: 21 };
        let id = EventId::new(AT, 513, lane, [0xab; 8]);
        let uuid = Uuid::try_parse(id.to_string().trim_start_matches("evt_")).unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
        assert_eq!((id.created_at(), id.type_code(), id.lane()), (AT, 513, lane));
    }

    #[test]
    fn an_id_in_another_lane_differs_in_nothing_else() {
        let [first, second] = [(false, 0), (true, 31)].map(|(livemode, shard)| Lane { livemode, shard });
        let id = |lane| EventId::new(AT, 513, lane, [0xab; 8]);
        assert_eq!((id(first).in_lane(second), id(second).in_lane(first)), (id(second), id(first)));
    }

    #[test]
    fn a_uuid_of_another_version_is_no_event_id() {
        assert_eq!(EventId::parse("evt_a1b2c3d4-e5f6-4890-abcd-ef1234567890"), Err(NotAnId));
        assert_eq!(EventId::parse("evt_"), Err(NotAnId));
        assert_eq!(EventId::parse("evt_ééééééééééééééééééé"), Err(NotAnId));
    }
}
