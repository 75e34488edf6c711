//! An event on the bus: what publishers put there, and what the rule puts into the events queue.

use domain::{
    Invalid, Timestamp,
    audience::Audience,
    catalogue::{Catalogue, EventType},
    event::Event,
    event_data::{CarriedData, EventData},
    ids::{EventId, Lane, OrganizationId},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// The beginning of every source's name. The event's service follows.
const SOURCE_PREFIX: &str = "dodev.";

/// The `detail` of an event on the bus.
///
/// The API writes `eventId` and `carriedData`. A service of the platform that publishes straight to the bus may leave out the
/// id. It may write `data` as plain JSON, if it accepts that the JSON is written anew.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Detail {
    organization_id: OrganizationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_id: Option<EventId>,
    #[serde(default = "live")]
    livemode: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carried_data: Option<CarriedData>,
    #[serde(default)]
    audience: Audience,
}

fn live() -> bool {
    true
}

impl Detail {
    /// The detail of an event that has its id.
    pub fn of(event: &Event, audience: Audience) -> Self {
        Self {
            organization_id: event.organization,
            event_id: Some(event.id),
            livemode: event.livemode,
            data: None,
            carried_data: Some(event.data.carried().clone()),
            audience,
        }
    }
}

/// The source that an event of this type is published under.
#[cfg(any(feature = "bus", test))]
pub(crate) fn source_of(event: &Event) -> String {
    format!("{SOURCE_PREFIX}{}", event.service())
}

/// An event as the rule puts it into the events queue.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    id: String,
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: String,
    detail: Box<RawValue>,
}

/// An event as it came over the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The event.
    pub event: Event,
    /// Whom it is for.
    pub audience: Audience,
    /// Whether its id has its lane. If not, the lane is still to be chosen.
    pub has_lane: bool,
}

/// Why a message from the bus is no event. It stays in the queue until it goes to the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an event of the platform: {cause}")]
pub struct Refused {
    code: &'static str,
    cause: String,
}

impl Refused {
    fn new(code: &'static str, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into() }
    }

    /// Says where JSON cannot be read, and quotes nothing. Serde's own message may quote it, and customers' data stays out of
    /// logs.
    fn unreadable(code: &'static str, what: &str, error: &serde_json::Error) -> Self {
        Self::new(
            code,
            format!("the {what} cannot be read at line {}, column {}", error.line(), error.column()),
        )
    }

    /// Its stable code, which the log shows. This crate's README lists all of them.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::new(invalid.code.text(), invalid.message)
    }
}

impl Envelope {
    /// Reads a message of the events queue.
    pub fn parse(message: &str) -> Result<Self, Refused> {
        serde_json::from_str(message)
            .map_err(|error| Refused::unreadable("envelope_unreadable", "envelope", &error))
    }

    /// Its organization and its type, if it may be for all subscribers. This is for reading ahead and checks nothing.
    pub fn subject(&self) -> Option<(OrganizationId, &str)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Subject {
            organization_id: OrganizationId,
            #[serde(default)]
            audience: Audience,
        }
        let subject: Subject = serde_json::from_str(self.detail.get()).ok()?;
        let addressed = matches!(subject.audience, Audience::Only(_));
        (!addressed).then_some((subject.organization_id, self.detail_type.as_str()))
    }

    /// The event in it, and whom it is for. The same message gives the same event, however often it comes. If the publisher
    /// gave no id, the id follows from the bus's own id of the event. Only its shard in the log is chosen later.
    pub fn event(&self) -> Result<Received, Refused> {
        let detail: Detail = serde_json::from_str(self.detail.get())
            .map_err(|error| Refused::unreadable("detail_unreadable", "detail", &error))?;
        let known = self.event_type()?;

        let livemode = known.livemode().decide(detail.livemode);
        let id = match detail.event_id {
            Some(id) if (id.type_code(), id.lane().livemode) == (known.code(), livemode) => id,
            Some(id) => {
                let cause = format!("{id} is no id of such a {}", self.detail_type);
                return Err(Refused::new("event_id_mismatch", cause));
            }
            None => self.derived_id(known.code(), livemode)?,
        };

        let has_lane = detail.event_id.is_some();
        let data = data_of(detail.data, detail.carried_data)?;
        // The API has checked what it published. Such an event must not be lost because the catalogue changed since.
        if !has_lane {
            known.check(&data).map_err(Invalid::from)?;
        }

        let event = Event {
            id,
            organization: detail.organization_id,
            event_type: self.detail_type.clone(),
            data,
            livemode,
            created_at: id.created_at(),
        };
        Ok(Received { event, audience: detail.audience, has_lane })
    }

    /// Its type, which must belong to the service that its source names.
    fn event_type(&self) -> Result<&'static EventType, Refused> {
        let known = Catalogue::get().find(&self.detail_type).ok_or_else(|| {
            let cause = format!("its type {} is not in the catalogue", self.detail_type);
            Refused::new("event_type_unknown", cause)
        })?;
        if self.source.strip_prefix(SOURCE_PREFIX) == Some(known.service()) {
            return Ok(known);
        }
        let cause = format!("source {} does not publish {}", self.source, self.detail_type);
        Err(Refused::new("source_mismatch", cause))
    }

    fn derived_id(&self, type_code: u16, livemode: bool) -> Result<EventId, Refused> {
        let time = Timestamp::parse(&self.time)
            .ok_or_else(|| Refused::new("time_unreadable", format!("its time {} is none", self.time)))?;
        let digest = Sha256::digest(self.id.as_bytes());
        let random = digest.first_chunk::<8>().copied().unwrap_or_default();
        Ok(EventId::new(time, type_code, Lane { livemode, shard: 0 }, random))
    }
}

/// The event's data. It comes in one of two forms, and the same bounds hold for both.
fn data_of(plain: Option<Box<RawValue>>, carried: Option<CarriedData>) -> Result<EventData, Refused> {
    match (plain, carried) {
        (Some(json), None) => Ok(EventData::from_raw(json)?),
        (None, Some(carried)) => {
            let data = carried.open()?;
            data.check_levels()?;
            Ok(data)
        }
        _ => Err(Refused::new("data_required", "the detail needs either data or carriedData")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn organization() -> OrganizationId {
        OrganizationId::new(AT, [1; 10])
    }

    fn envelope(source: &str, detail_type: &str, detail: &str) -> Envelope {
        let text = format!(
            r#"{{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"{detail_type}","source":"{source}","account":"123456789012","time":"2023-11-14T22:13:20Z","region":"us-east-1","resources":[],"detail":{detail}}}"#
        );
        Envelope::parse(&text).unwrap()
    }

    fn sent(data: &str) -> Event {
        let code = Catalogue::get().find("send.email.sent").unwrap().code();
        Event {
            id: EventId::new(AT, code, Lane { livemode: false, shard: 0 }, [5; 8]),
            organization: organization(),
            event_type: "send.email.sent".into(),
            data: EventData::parse(data).unwrap(),
            livemode: false,
            created_at: AT,
        }
    }

    #[test]
    fn what_the_api_publishes_comes_back_as_it_was() {
        let large = format!(r#"{{"n":1.0,"esc":"\u00e9","x":"{}"}}"#, "y".repeat(5_000));
        for data in [r#"{"n":1.0,  "big":123456789012345678901234567890,"esc":"\u00e9\/"}"#, &large] {
            let event = sent(data);
            let detail = serde_json::to_string(&Detail::of(&event, Audience::Subscribers)).unwrap();
            assert_eq!(
                envelope("dodev.send", "send.email.sent", &detail).event(),
                Ok(Received { event, audience: Audience::Subscribers, has_lane: true })
            );
        }
    }

    #[test]
    fn a_service_may_publish_plain_data_and_redelivery_gives_the_same_event() {
        let detail = format!(r#"{{"organizationId":"{}","data":{{"messageId":"m"}}}}"#, organization());
        let received = envelope("dodev.send", "send.email.sent", &detail).event().unwrap();
        let event = &received.event;
        assert_eq!(
            (event.data.as_json(), event.livemode, event.created_at),
            (r#"{"messageId":"m"}"#, true, AT)
        );
        assert!(!received.has_lane);
        assert_eq!(envelope("dodev.send", "send.email.sent", &detail).event(), Ok(received));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let org = organization();
        let good = format!(r#"{{"organizationId":"{org}","data":{{}}}}"#);
        let wrong_id = EventId::new(AT, 999, Lane { livemode: true, shard: 0 }, [5; 8]);
        let cases = [
            ("dodev.send", "send.email.lost", good.clone(), "not in the catalogue"),
            ("dodev.talk", "send.email.sent", good.clone(), "does not publish"),
            ("dodev.send", "send.email.sent", good.clone(), "data.messageId is required"),
            ("dodev.send", "send.email.sent", "{}".into(), "the detail cannot be read at line 1, column 2"),
            (
                "dodev.send",
                "send.email.sent",
                format!(r#"{{"organizationId":"{org}"}}"#),
                "either data or carriedData",
            ),
            (
                "dodev.send",
                "send.email.sent",
                format!(r#"{{"organizationId":"{org}","data":[]}}"#),
                "JSON object",
            ),
            (
                "dodev.send",
                "send.email.sent",
                format!(r#"{{"organizationId":"{org}","data":{{}},"x":1}}"#),
                "the detail cannot be read",
            ),
            (
                "dodev.send",
                "send.email.sent",
                format!(r#"{{"organizationId":"{org}","data":{{}},"eventId":"{wrong_id}"}}"#),
                "no id of such a",
            ),
        ];
        for (source, detail_type, detail, expected) in cases {
            let refused = envelope(source, detail_type, &detail).event().unwrap_err();
            assert!(refused.to_string().contains(expected), "{refused}");
        }
        assert!(Envelope::parse("not json").is_err());
    }

    #[test]
    fn a_refusal_quotes_nothing_of_what_it_could_not_read() {
        let org = organization();
        for field in [
            r#""carriedData":"{\"to\":\"private@example.com\"}""#,
            r#""livemode":"private@example.com","data":{}"#,
            r#""audience":"private@example.com","data":{}"#,
            r#""private@example.com":1,"data":{}"#,
        ] {
            let detail = format!(r#"{{"organizationId":"{org}",{field}}}"#);
            let refused = envelope("dodev.send", "send.email.sent", &detail).event().unwrap_err();
            assert_eq!(refused.code(), "detail_unreadable");
            assert!(!refused.to_string().contains("private"), "{refused}");
        }
    }

    #[test]
    fn data_that_is_nested_too_deep_is_refused_in_each_form_in_which_it_can_come() {
        let of_levels = |levels: usize| {
            let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
            format!(r#"{{"messageId":"m","pad":"{}","deep":{open}{close}}}"#, "x".repeat(600))
        };
        let forms = |data: &str| {
            let text = CarriedData::Text(data.to_owned());
            let deflated = text.open().unwrap().carried().clone();
            assert!(matches!(deflated, CarriedData::Deflated(_)));
            let carried = [text, deflated].map(|data| serde_json::to_string(&data).unwrap());
            [format!(r#""data":{data}"#)]
                .into_iter()
                .chain(carried.map(|data| format!(r#""carriedData":{data}"#)))
                .map(|field| format!(r#"{{"organizationId":"{}",{field}}}"#, organization()))
                .map(|detail| envelope("dodev.send", "send.email.sent", &detail).event())
                .collect::<Vec<_>>()
        };

        assert!(forms(&of_levels(60)).iter().all(Result::is_ok));
        for levels in [61, 129, 10_000] {
            for refused in forms(&of_levels(levels)) {
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains("at most 60 levels"), "{levels}: {refused}");
            }
        }
    }
}
