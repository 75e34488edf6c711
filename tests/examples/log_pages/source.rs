//! The events of one organization.

use std::time::Duration;

use domain::{
    Timestamp,
    audience::Audience,
    catalogue::{Catalogue, EventType},
    event::{Event, RETENTION},
    event_data::EventData,
    ids::{EndpointId, EventId, Lane, OrganizationId},
};
use storage::LoggedEvent;

/// How often each of do.dev's types occurs, of 100,000 events; what is left is `send.email.sent`.
const MIX: [(&str, u32); 17] = [
    ("send.email.delivered", 28_500),
    ("send.email.opened", 14_000),
    ("telco.lookup.completed", 6_000),
    ("send.email.clicked", 5_000),
    ("voip.call.incoming", 3_200),
    ("telco.search.completed", 3_000),
    ("voip.call.completed", 2_700),
    ("talk.speech.generated", 2_500),
    ("transcribe.session.completed", 2_000),
    ("send.email.bounced", 1_500),
    ("voip.call.missed", 500),
    ("send.suppression.added", 300),
    ("send.email.complained", 50),
    ("platform.key.created", 20),
    ("platform.webhook.paused", 20),
    ("platform.test", 20),
    ("send.domain.verified", 10),
];
pub(crate) const MOST_FREQUENT: &str = "send.email.sent";
/// One of 100,000 events, live, and at least one in all.
pub(crate) const RARE: &str = "platform.key.revoked";
/// Of 100 events, how many are test ones.
const TEST_PERCENT: u64 = 3;

/// Makes events, each of its number, over the 30 days before `now`.
pub(crate) struct Source {
    pub(crate) organization: OrganizationId,
    pub(crate) events: usize,
    pub(crate) shards: u8,
    pub(crate) now: i64,
}

impl Source {
    pub(crate) fn event(&self, number: usize) -> LoggedEvent {
        let mut noise = Noise(u64::try_from(number).unwrap());
        let (event_type, test) = self.type_of(number, &mut noise);
        let frequent = MIX.iter().all(|(name, of)| *name != event_type.name() || *of > 1_000);
        let shard = if frequent && event_type.name() != RARE { noise.below(self.shards.into()) } else { 0 };
        let lane = Lane {
            livemode: event_type.livemode().decide(!test),
            shard: u8::try_from(shard).expect("below the shards"),
        };
        let id = EventId::new(self.created_at(number), event_type.code(), lane, noise.next().to_be_bytes());
        let event = Event {
            id,
            organization: self.organization,
            event_type: event_type.name().to_owned(),
            data: data(event_type, &mut noise),
            livemode: lane.livemode,
            created_at: id.created_at(),
        };
        let matched = vec![EndpointId::new(Timestamp::from_millis(self.now), [7; 10])];
        LoggedEvent::new(event, Audience::Subscribers, matched)
    }

    /// The type, and whether it is a test event.
    fn type_of(&self, number: usize, noise: &mut Noise) -> (&'static EventType, bool) {
        let find = |name| Catalogue::get().find(name).unwrap();
        // In the middle of each 100,000, or of all, so that it is neither the newest nor the oldest.
        if number % 100_000 == 50_000.min(self.events / 2) {
            return (find(RARE), false);
        }
        let test = noise.below(100) < TEST_PERCENT;
        let mut drawn = u32::try_from(noise.below(100_000)).unwrap();
        for (name, of) in MIX {
            if drawn < of {
                return (find(name), test);
            }
            drawn -= of;
        }
        (find(MOST_FREQUENT), test)
    }

    fn created_at(&self, number: usize) -> Timestamp {
        // The oldest hour is left out: it is about to be dropped.
        let span = RETENTION.saturating_sub(Duration::from_hours(1)).as_millis();
        let age = span * u128::try_from(self.events - number).unwrap() / u128::try_from(self.events).unwrap();
        Timestamp::from_millis(self.now - i64::try_from(age).unwrap())
    }
}

/// The type's example and a text, 300 to 1,000 bytes together.
fn data(event_type: &EventType, noise: &mut Noise) -> EventData {
    let example = serde_json::to_string(&event_type.example()).unwrap();
    let fields = example.strip_suffix('}').expect("an object");
    let mut json = format!(r#"{fields},"context":""#);
    let bytes = usize::try_from(300 + noise.below(701)).unwrap();
    while json.len() < bytes - 2 {
        let letter = b"etaoinshrdlu "[usize::try_from(noise.below(13)).unwrap()];
        json.push(char::from(letter));
    }
    let data = EventData::parse(&(json + r#""}"#)).unwrap();
    event_type.check(&data).expect("it is what may be published");
    data
}

/// `SplitMix64`: the same numbers each time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
