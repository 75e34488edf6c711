//! API keys: shown once, known afterwards only by their hash.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    ErrorCode, Invalid, Timestamp,
    ids::{KeyId, OrganizationId},
    scope::Scopes,
    text,
};

/// The longest name of a key, in characters.
pub const MAX_NAME_CHARS: usize = 128;

/// The secret text of a key, `dd_live_…` or `dd_test_…`. Neither printed nor stored; wiped from memory when dropped.
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Makes a key of 32 random bytes.
    pub fn new(livemode: bool, random: &[u8; 32]) -> Self {
        let prefix = if livemode { "dd_live_" } else { "dd_test_" };
        Self(Zeroizing::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random))))
    }

    /// Takes what a caller presents, whatever it is. A text that is no key gets a hash that no table has.
    pub fn presented(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of the key. A key has 256 random bits. So nobody can find it by trying, and a plain hash without a salt
    /// is enough.
    pub fn hash(&self) -> KeyHash {
        KeyHash(hex::encode(Sha256::digest(self.0.as_bytes())))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// The SHA-256 of a key's text, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(String);

impl KeyHash {
    /// The hash's hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of a key after its text was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The key's id.
    pub id: KeyId,
    /// Its organization.
    pub organization: OrganizationId,
    /// The name that people gave it.
    pub name: KeyName,
    /// What it allows.
    pub scopes: Scopes,
    /// Whether the events that it publishes are live.
    pub livemode: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A key's name: 1 to [`MAX_NAME_CHARS`] characters, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyName(String);

impl KeyName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        text::check(text, "name")?;
        if text.chars().count() > MAX_NAME_CHARS {
            let message = format!("name must be at most {MAX_NAME_CHARS} characters");
            return Err(Invalid::param("name", ErrorCode::NameTooLong, message));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_its_mode_and_keeps_its_text_out_of_debug() {
        let (live, test) = (ApiKey::new(true, &[1; 32]), ApiKey::new(false, &[1; 32]));
        assert!(live.reveal().starts_with("dd_live_") && test.reveal().starts_with("dd_test_"));
        assert_eq!(format!("{live:?}"), "ApiKey(…)");
    }

    #[test]
    fn the_hash_of_a_presented_key_is_the_hash_of_the_key() {
        let key = ApiKey::new(true, &[9; 32]);
        assert_eq!(ApiKey::presented(key.reveal()).hash(), key.hash());
        assert_ne!(ApiKey::presented("dd_live_").hash(), key.hash());
    }

    #[test]
    fn names_are_bounded_and_fit_to_be_shown() {
        assert_eq!(KeyName::parse(" ").unwrap_err().message, "name must not be blank");
        assert_eq!(KeyName::parse("C\u{202e}I").unwrap_err().code, "character_not_allowed");
        assert!(KeyName::parse(&"é".repeat(MAX_NAME_CHARS)).is_ok());
        assert_eq!(KeyName::parse(&"e".repeat(MAX_NAME_CHARS + 1)).unwrap_err().code, "name_too_long");
    }

    #[test]
    fn a_name_that_was_stored_before_it_was_checked_is_read() {
        assert_eq!(serde_json::from_str::<KeyName>(r#""C\u0007I\n""#).unwrap().as_str(), "C\u{7}I\n");
    }
}
