//! Deliveries as a receiver gets them, and what becomes of them on the way.

use domain::{
    Timestamp,
    event::Event,
    event_data::EventData,
    format::{Format, SigningSecrets},
    ids::{EventId, OrganizationId},
    secret::SigningSecret,
};

use crate::program::{Argument, Verdict};

/// When the recorded deliveries were attempted, in Unix seconds.
pub(crate) const ATTEMPTED: i64 = 1_700_000_060;
/// A secret as we make them.
pub(crate) const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
/// Another, which a rotation replaced.
pub(crate) const PREVIOUS: &str = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
/// One that never signed anything.
pub(crate) const FOREIGN: &str = "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";
/// What a JavaScript publisher sends.
pub(crate) const DATA: &str =
    r#"{"message_id":"msg_1","to":"zoë@example.com","parts":2,"cost":0.0075,"tags":[],"reply":null}"#;
/// What another publisher may send, and `JSON.stringify` would not.
pub(crate) const UNUSUAL_DATA: &str = r#"{"b": 1.0, "a": 12345678901234567890,
    "escapes": "\u00e9\/\ud83d\ude80", "text": "naïve 🚀"}"#;

/// The headers and the body of one delivery.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Delivery {
    /// What is sent to an endpoint of this format and secret.
    pub(crate) fn of(format: &str, data: &str, secret: &str) -> Self {
        Self::render(format, data, secret, None)
    }

    /// What is sent while a rotation from [`PREVIOUS`] to [`SECRET`] has its grace.
    pub(crate) fn in_grace(format: &str) -> Self {
        Self::render(format, DATA, SECRET, Some(PREVIOUS))
    }

    fn render(format: &str, data: &str, current: &str, previous: Option<&str>) -> Self {
        let format = Format::parse(format).unwrap();
        let secret = |text: &str| SigningSecret::parse(text, format.secret_form).unwrap();
        let secrets = SigningSecrets { current: secret(current), previous: previous.map(secret) };
        let rendered = format.render(&event(data), &secrets, Timestamp::from_millis(ATTEMPTED * 1000 + 999));
        Self { body: rendered.body.into_bytes(), headers: rendered.headers }
    }

    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
    }

    /// With another value of a header that it has.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        let header = self.headers.iter_mut().find(|(header, _)| *header == name);
        header.unwrap_or_else(|| panic!("no {name} was sent")).1 = value.into();
        self
    }

    /// With a header changed in one place.
    pub(crate) fn with_replaced(self, name: &str, from: &str, to: &str) -> Self {
        let value = self.header(name).unwrap().to_owned();
        assert!(value.contains(from), "{value} has no {from}");
        self.with_header(name, value.replacen(from, to, 1))
    }

    /// Without a header that it has.
    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.header(name).is_some(), "no {name} was sent");
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    /// With one word of the body changed.
    pub(crate) fn with_body(mut self, from: &str, to: &str) -> Self {
        let body = String::from_utf8(self.body).unwrap();
        assert!(body.contains(from), "{body} has no {from}");
        self.body = body.replacen(from, to, 1).into_bytes();
        self
    }
}

fn event(data: &str) -> Event {
    let created = Timestamp::from_millis(1_700_000_000_000);
    Event {
        id: EventId::parse("evt_018bcfe5-6800-7001-8707-070707070707").unwrap(),
        organization: OrganizationId::new(created, [1; 10]),
        event_type: "email.delivered".into(),
        data: EventData::parse(data).unwrap(),
        livemode: true,
        created_at: created,
    }
}

/// A delivery, whoever receives it, and what they must make of it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) delivery: Delivery,
    /// The secret that the receiver holds.
    pub(crate) secret: &'static str,
    /// The receiver's clock, in seconds after the attempt.
    pub(crate) seconds_later: i64,
    pub(crate) expected: Verdict,
}

impl Case {
    /// A delivery that comes in the second of the attempt to a holder of [`SECRET`].
    pub(crate) fn new(name: &'static str, expected: Verdict, delivery: Delivery) -> Self {
        Self { name, delivery, secret: SECRET, seconds_later: 0, expected }
    }

    /// Received by a holder of this secret.
    pub(crate) fn by(self, secret: &'static str) -> Self {
        Self { secret, ..self }
    }

    /// Received this much later.
    pub(crate) fn later(self, seconds: i64) -> Self {
        Self { seconds_later: seconds, ..self }
    }

    pub(crate) fn secret(&self) -> Argument {
        Argument::Text(self.secret.to_owned())
    }

    pub(crate) fn body(&self) -> Argument {
        Argument::Bytes(self.delivery.body.clone())
    }

    pub(crate) fn header(&self, name: &str) -> Argument {
        self.delivery.header(name).into()
    }

    pub(crate) fn now(&self) -> Argument {
        Argument::Number(ATTEMPTED + self.seconds_later)
    }
}

/// Holds what a verifier made of the cases against what it must make of them.
pub(crate) fn assert_verdicts(verifier: &str, cases: &[Case], verdicts: &[Verdict]) {
    assert_eq!(cases.len(), verdicts.len());
    let wrong: Vec<_> = (cases.iter().zip(verdicts))
        .filter(|(case, verdict)| case.expected != **verdict)
        .map(|(case, verdict)| format!("{}: {verdict:?} instead of {:?}", case.name, case.expected))
        .collect();
    assert!(wrong.is_empty(), "{verifier}: {wrong:#?}");
}
