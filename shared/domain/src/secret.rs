//! Signing secrets.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{ErrorCode, Invalid, Timestamp, text::Flaw};

const PREFIX: &str = "whsec_";

/// A secret that a user brings. Its form depends on the endpoint's format, so it is checked once that is known.
#[derive(Clone)]
pub struct GivenSecret(Zeroizing<String>);

impl GivenSecret {
    /// Takes the text as it was sent.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret, if its text has the form that the format asks for.
    pub fn check(&self, form: SecretForm) -> Result<SigningSecret, Invalid> {
        SigningSecret::parse(&self.0, form)
    }
}

impl fmt::Debug for GivenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenSecret(…)")
    }
}

/// How a secret's text becomes the HMAC's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// The whole text is the key, `whsec_` included.
    Text,
    /// `whsec_` and the base64 of the key.
    Base64Key,
}

/// The secret that an endpoint's deliveries are signed with.
///
/// Never printed; wiped from memory when dropped; returned to users only by creation and rotation.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret(Zeroizing<String>);

impl SigningSecret {
    /// Makes a secret: `whsec_` and the base64 of 32 random bytes, which every format accepts.
    pub fn new(random: &[u8; 32]) -> Self {
        Self(Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(random))))
    }

    /// Reads a secret that a user brings, in the form that the endpoint's format asks for.
    pub fn parse(text: &str, form: SecretForm) -> Result<Self, Invalid> {
        match form {
            SecretForm::Text => Self::check_text(text)?,
            SecretForm::Base64Key => Self::check_base64_key(text)?,
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Takes back a secret that was stored.
    pub fn from_stored(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for signing, sealing and the two answers that show it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key that signatures are computed with.
    pub fn key(&self, form: SecretForm) -> Zeroizing<Vec<u8>> {
        let decoded = match form {
            SecretForm::Text => None,
            SecretForm::Base64Key => self.0.strip_prefix(PREFIX).and_then(|key| STANDARD.decode(key).ok()),
        };
        Zeroizing::new(decoded.unwrap_or_else(|| self.0.as_bytes().to_vec()))
    }

    fn check_text(text: &str) -> Result<(), Invalid> {
        if let Some(flaw) = Flaw::of(text) {
            return Err(flaw.invalid("secret", "secret"));
        }
        let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
        if printable && (16..=256).contains(&text.len()) {
            return Ok(());
        }
        Err(Invalid::param(
            "secret",
            ErrorCode::SecretInvalid,
            "secret must be 16 to 256 printable ASCII characters",
        ))
    }

    fn check_base64_key(text: &str) -> Result<(), Invalid> {
        let bytes =
            text.strip_prefix(PREFIX).and_then(|key| Some(Zeroizing::new(STANDARD.decode(key).ok()?)));
        if bytes.is_some_and(|bytes| (24..=64).contains(&bytes.len())) {
            return Ok(());
        }
        let message = "secret must be whsec_ and the base64 of 24 to 64 bytes for the format \"standard\"";
        Err(Invalid::param("secret", ErrorCode::SecretInvalid, message))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret(…)")
    }
}

/// A signing secret as it is stored: the vault's ciphertext. Nobody can read it without the data key that it names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedSecret(pub String);

/// An endpoint's secrets as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecrets {
    /// The endpoint's secret.
    pub current: SealedSecret,
    /// The secret before the last rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// The secret before the last rotation. It still signs until its grace ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub sealed: SealedSecret,
    /// When it stops signing.
    pub until: Timestamp,
}

impl SealedSecrets {
    /// The previous secret, if its grace still lasts at `now`.
    pub fn previous_at(&self, now: Timestamp) -> Option<&SealedSecret> {
        self.previous.as_ref().filter(|previous| now < previous.until).map(|previous| &previous.sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_secret_suits_every_format_and_stays_out_of_debug() {
        let secret = SigningSecret::new(&[3; 32]);
        for form in [SecretForm::Text, SecretForm::Base64Key] {
            assert_eq!(SigningSecret::parse(secret.reveal(), form).as_ref(), Ok(&secret));
        }
        assert_eq!(format!("{secret:?}"), "SigningSecret(…)");
    }

    #[test]
    fn the_key_is_the_whole_text_or_the_decoded_bytes() {
        let secret = SigningSecret::new(&[3; 32]);
        assert_eq!(*secret.key(SecretForm::Text), secret.reveal().as_bytes());
        assert_eq!(*secret.key(SecretForm::Base64Key), [3; 32]);
    }

    #[test]
    fn secrets_out_of_bounds_are_refused_without_being_quoted() {
        for text in ["short", &"x".repeat(257), "sixteen chars\u{7f}xxxxx", "sixteen chars é xxx"] {
            let refused = SigningSecret::parse(text, SecretForm::Text).unwrap_err();
            assert!(!refused.message.contains(text), "{refused}");
        }
        for text in
            ["whsec_c2hvcnQ=", "c2l4dGVlbiBieXRlcyBvciBtb3JlLCBzdXJlbHk=", "whsec_not base64 at all, no no"]
        {
            assert!(SigningSecret::parse(text, SecretForm::Base64Key).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_of_spaces_or_with_control_characters_is_told_so_without_being_quoted() {
        for (text, message) in [
            (" ".repeat(16), "secret must not be blank"),
            (" ".repeat(300), "secret must not be blank"),
            ("sixteen\tcharacters".into(), "secret must be one line without control characters such as tabs"),
            ("sixteen\ncharacters".into(), "secret must be one line without control characters such as tabs"),
        ] {
            let refused = SigningSecret::parse(&text, SecretForm::Text).unwrap_err();
            assert_eq!((refused.message.as_str(), refused.param.as_deref()), (message, Some("secret")));
        }
        for text in [" ".repeat(16), "\u{202e}".repeat(16), format!("whsec_{}\n", STANDARD.encode([1; 24]))] {
            assert!(SigningSecret::parse(&text, SecretForm::Base64Key).is_err(), "{text:?}");
        }
        assert!(SigningSecret::parse("               x", SecretForm::Text).is_ok());
    }
}
