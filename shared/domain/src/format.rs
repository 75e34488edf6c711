//! How an event is wrapped, signed and given its headers, as data: one [`Format`] for each system of receivers.
//!
//! Delivery renders the format that an endpoint names. To add a format, add a row to [`Format::ALL`].

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use sha2::Sha256;

use crate::{
    ErrorCode, Invalid, Timestamp,
    event::Event,
    secret::{SecretForm, SigningSecret},
};

/// One way of wrapping and signing.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// The name that users choose it by.
    pub name: &'static str,
    /// How its secrets are written and used as keys.
    pub secret_form: SecretForm,
    envelope: &'static [(&'static str, Part)],
    signed: &'static [Signed],
    encoding: Encoding,
    /// Header names and values; `{id}`, `{timestamp}`, `{current}` and `{previous}` are filled in.
    headers: &'static [(&'static str, &'static str)],
    /// While a rotation's grace lasts, each of these replaces the header of the same name, or is added to the others.
    headers_in_grace: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Id,
    Type,
    Service,
    Data,
    /// Without white space between its elements.
    CompactData,
    Livemode,
    CreatedMillis,
    CreatedRfc3339,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signed {
    Id,
    Timestamp,
    Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Hex,
    Base64,
}

/// The secrets that sign a delivery: the endpoint's own and, while a rotation's grace lasts, the one before it.
#[derive(Debug)]
pub struct SigningSecrets {
    /// The endpoint's secret.
    pub current: SigningSecret,
    /// The secret before the last rotation, within its grace.
    pub previous: Option<SigningSecret>,
}

/// What is POSTed: the exact bytes that the signature covers, and the headers that depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The body.
    pub body: String,
    /// Header names and values. Headers that every delivery has, such as `Content-Type`, are not among them.
    pub headers: Vec<(&'static str, String)>,
}

const DODEV_ENVELOPE: &[(&str, Part)] = &[
    ("eventId", Part::Id),
    ("type", Part::Type),
    ("service", Part::Service),
    ("data", Part::Data),
    ("livemode", Part::Livemode),
    ("createdAt", Part::CreatedMillis),
];

impl Format {
    /// Every format; the first is the default.
    pub const ALL: &'static [Format] = &[
        Format {
            name: "dodev",
            secret_form: SecretForm::Text,
            envelope: DODEV_ENVELOPE,
            signed: &[Signed::Timestamp, Signed::Body],
            encoding: Encoding::Hex,
            headers: &[
                ("X-DoDevWebhook-Id", "{id}"),
                ("X-DoDevWebhook-Timestamp", "{timestamp}"),
                ("X-DoDevWebhook-Signature", "t={timestamp},v1={current}"),
            ],
            // do.dev's own verifier takes everything after the only `v1=`. So the old signature stands before it.
            headers_in_grace: &[("X-DoDevWebhook-Signature", "t={timestamp},v0={previous},v1={current}")],
        },
        Format {
            name: "orbit",
            secret_form: SecretForm::Text,
            envelope: DODEV_ENVELOPE,
            signed: &[Signed::Body],
            encoding: Encoding::Hex,
            headers: &[("X-Devotel-Signature", "{current}")],
            headers_in_grace: &[("X-Devotel-Signature-Previous", "{previous}")],
        },
        Format {
            name: "ekdsend",
            secret_form: SecretForm::Text,
            envelope: &[
                ("id", Part::Id),
                ("type", Part::Type),
                ("created_at", Part::CreatedRfc3339),
                // EKDSend's own verifier parses the body and signs what JSON.stringify writes of it, which has no white space.
                ("data", Part::CompactData),
            ],
            signed: &[Signed::Body],
            encoding: Encoding::Hex,
            headers: &[("X-EKDSend-Signature", "sha256={current}")],
            headers_in_grace: &[("X-EKDSend-Signature-Previous", "sha256={previous}")],
        },
        Format {
            name: "standard",
            secret_form: SecretForm::Base64Key,
            envelope: &[("type", Part::Type), ("timestamp", Part::CreatedRfc3339), ("data", Part::Data)],
            signed: &[Signed::Id, Signed::Timestamp, Signed::Body],
            encoding: Encoding::Base64,
            headers: &[
                ("webhook-id", "{id}"),
                ("webhook-timestamp", "{timestamp}"),
                ("webhook-signature", "v1,{current}"),
            ],
            headers_in_grace: &[("webhook-signature", "v1,{current} v1,{previous}")],
        },
    ];

    /// do.dev's own format.
    pub fn dodev() -> &'static Format {
        &Self::ALL[0]
    }

    /// Devotel Orbit's format.
    pub fn orbit() -> &'static Format {
        &Self::ALL[1]
    }

    /// The format with this name.
    pub fn parse(name: &str) -> Result<&'static Format, Invalid> {
        Self::ALL.iter().find(|format| format.name == name).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|format| format.name).collect();
            Invalid::param(
                "format",
                ErrorCode::FormatUnknown,
                format!("format must be one of {}", known.join(", ")),
            )
        })
    }

    /// Renders and signs one attempt at `now`, whose seconds are the signature's timestamp.
    pub fn render(&self, event: &Event, secrets: &SigningSecrets, now: Timestamp) -> Rendered {
        let body = self.body(event);
        let id = event.id.to_string();
        let timestamp = now.seconds().to_string();
        let sign = |secret: &SigningSecret| self.sign(secret, &id, &timestamp, &body);
        let current = sign(&secrets.current);
        let previous = secrets.previous.as_ref().map(sign);
        let fill = |template: &str| {
            template
                .replace("{id}", &id)
                .replace("{timestamp}", &timestamp)
                .replace("{current}", &current)
                .replace("{previous}", previous.as_deref().unwrap_or_default())
        };
        let headers =
            self.headers(previous.is_some()).map(|(name, template)| (name, fill(template))).collect();
        Rendered { body, headers }
    }

    /// The event in this format's envelope, its `data` to the letter.
    #[expect(clippy::expect_used, reason = "strings, numbers and JSON text always serialize")]
    fn body(&self, event: &Event) -> String {
        serde_json::to_string(&Envelope { parts: self.envelope, event }).expect("an envelope serializes")
    }

    fn sign(&self, secret: &SigningSecret, id: &str, timestamp: &str, body: &str) -> String {
        let key = secret.key(self.secret_form);
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key length");
        for (position, part) in self.signed.iter().enumerate() {
            if position > 0 {
                mac.update(b".");
            }
            mac.update(match part {
                Signed::Id => id.as_bytes(),
                Signed::Timestamp => timestamp.as_bytes(),
                Signed::Body => body.as_bytes(),
            });
        }
        let tag = mac.finalize().into_bytes();
        match self.encoding {
            Encoding::Hex => hex::encode(tag),
            Encoding::Base64 => STANDARD.encode(tag),
        }
    }

    fn headers(&self, in_grace: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
        let replaced = if in_grace { self.headers_in_grace } else { &[] };
        let kept = self.headers.iter().filter(|(name, _)| !replaced.iter().any(|(other, _)| other == name));
        kept.chain(replaced).copied()
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for &'static Format {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Format::parse(&name).map_err(serde::de::Error::custom)
    }
}

struct Envelope<'a> {
    parts: &'static [(&'static str, Part)],
    event: &'a Event,
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.parts.len()))?;
        for (name, part) in self.parts {
            match part {
                Part::Id => map.serialize_entry(name, &self.event.id)?,
                Part::Type => map.serialize_entry(name, &self.event.event_type)?,
                Part::Service => map.serialize_entry(name, self.event.service())?,
                Part::Data => map.serialize_entry(name, &self.event.data)?,
                Part::CompactData => map.serialize_entry(name, &self.event.data.compact())?,
                Part::Livemode => map.serialize_entry(name, &self.event.livemode)?,
                Part::CreatedMillis => map.serialize_entry(name, &self.event.created_at)?,
                Part::CreatedRfc3339 => map.serialize_entry(name, &self.event.created_at.rfc3339())?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event_data::EventData,
        ids::{EventId, Lane, OrganizationId},
    };

    const CREATED: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const ATTEMPTED: Timestamp = Timestamp::from_millis(1_700_000_060_999);

    fn event() -> Event {
        Event {
            id: EventId::new(CREATED, 1, Lane { livemode: false, shard: 0 }, [0; 8]),
            organization: OrganizationId::new(CREATED, [1; 10]),
            event_type: "send.email.sent".into(),
            data: EventData::parse(r#"{"z":1.0, "a":"\u00e9"}"#).unwrap(),
            livemode: true,
            created_at: CREATED,
        }
    }

    fn secret(fill: u8) -> SigningSecret {
        SigningSecret::new(&[fill; 32])
    }

    fn rendered(name: &str, previous: Option<SigningSecret>) -> Rendered {
        Format::parse(name).unwrap().render(
            &event(),
            &SigningSecrets { current: secret(1), previous },
            ATTEMPTED,
        )
    }

    fn header<'a>(rendered: &'a Rendered, name: &str) -> &'a str {
        &rendered.headers.iter().find(|(header, _)| *header == name).unwrap().1
    }

    /// HMAC-SHA256 over `text`, computed without the code under test.
    fn hmac(key: &[u8], text: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    #[test]
    fn each_envelope_has_its_fields_in_order_and_the_data_to_the_letter() {
        let bodies: Vec<_> = Format::ALL.iter().map(|format| format.body(&event())).collect();
        let dodev = r#"{"eventId":"evt_018bcfe5-6800-7001-8000-000000000000","type":"send.email.sent","service":"send","data":{"z":1.0, "a":"\u00e9"},"livemode":true,"createdAt":1700000000000}"#;
        let ekdsend = r#"{"id":"evt_018bcfe5-6800-7001-8000-000000000000","type":"send.email.sent","created_at":"2023-11-14T22:13:20.000Z","data":{"z":1.0,"a":"\u00e9"}}"#;
        let standard = r#"{"type":"send.email.sent","timestamp":"2023-11-14T22:13:20.000Z","data":{"z":1.0, "a":"\u00e9"}}"#;
        assert_eq!(bodies, [dodev, dodev, ekdsend, standard]);
    }

    #[test]
    fn dodev_signs_the_attempt_s_seconds_and_the_body_with_the_whole_secret() {
        let rendered = rendered("dodev", None);
        let expected =
            hex::encode(hmac(secret(1).reveal().as_bytes(), &format!("1700000060.{}", rendered.body)));
        assert_eq!(header(&rendered, "X-DoDevWebhook-Signature"), format!("t=1700000060,v1={expected}"));
        assert_eq!(header(&rendered, "X-DoDevWebhook-Timestamp"), "1700000060");
        assert_eq!(header(&rendered, "X-DoDevWebhook-Id"), event().id.to_string());
    }

    #[test]
    fn while_grace_lasts_dodev_s_verifier_accepts_the_new_secret_and_the_old_one_is_there_too() {
        let rendered = rendered("dodev", Some(secret(2)));
        let signature = header(&rendered, "X-DoDevWebhook-Signature");
        let signed = format!("1700000060.{}", rendered.body);
        let after_v1: Vec<_> = signature.split("v1=").collect();
        assert_eq!(after_v1[1..], [hex::encode(hmac(secret(1).reveal().as_bytes(), &signed))]);
        let old = hex::encode(hmac(secret(2).reveal().as_bytes(), &signed));
        assert!(signature.split(',').any(|element| element == format!("v0={old}")), "{signature}");
    }

    #[test]
    fn orbit_and_ekdsend_sign_the_body_alone() {
        let orbit = rendered("orbit", None);
        let tag = |body: &str| hex::encode(hmac(secret(1).reveal().as_bytes(), body));
        assert_eq!(orbit.headers, [("X-Devotel-Signature", tag(&orbit.body))]);
        let ekdsend = rendered("ekdsend", None);
        assert_eq!(ekdsend.headers, [("X-EKDSend-Signature", format!("sha256={}", tag(&ekdsend.body)))]);
    }

    #[test]
    fn standard_signs_id_time_and_body_with_the_decoded_secrets() {
        let rendered = rendered("standard", Some(secret(2)));
        let signed = format!("{}.1700000060.{}", event().id, rendered.body);
        let tag = |fill: u8| STANDARD.encode(hmac(&[fill; 32], &signed));
        assert_eq!(header(&rendered, "webhook-signature"), format!("v1,{} v1,{}", tag(1), tag(2)));
    }
}
