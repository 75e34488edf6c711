//! What users note on an endpoint for themselves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Invalid, text::Flaw};

/// The most keys, as at Stripe.
pub const MAX_KEYS: usize = 50;
/// The longest key, in characters.
pub const MAX_KEY_CHARS: usize = 40;
/// The longest value, in characters. With the other two bounds an endpoint's item stays far below DynamoDB's 400 KB.
pub const MAX_VALUE_CHARS: usize = 500;

/// Up to [`MAX_KEYS`] strings by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// Checks the bounds and the characters.
    pub fn parse(entries: BTreeMap<String, String>) -> Result<Self, Invalid> {
        let refuse = |message: String| Err(Invalid::param("metadata", ErrorCode::MetadataTooLarge, message));
        if entries.len() > MAX_KEYS {
            return refuse(format!("metadata must have at most {MAX_KEYS} keys"));
        }
        if entries.keys().any(|key| key.is_empty() || key.chars().count() > MAX_KEY_CHARS) {
            return refuse(format!("metadata keys must be 1 to {MAX_KEY_CHARS} characters"));
        }
        if entries.values().any(|value| value.chars().count() > MAX_VALUE_CHARS) {
            return refuse(format!("metadata values must be at most {MAX_VALUE_CHARS} characters"));
        }

        for (key, value) in &entries {
            if let Some(flaw) = Flaw::of(key) {
                return Err(flaw.invalid("metadata", "a key of metadata"));
            }
            if let Some(flaw) = Flaw::of(value) {
                let param = format!("metadata.{key}");
                return Err(flaw.invalid(param.clone(), &param));
            }
        }

        Ok(Self(entries))
    }

    /// The entries by name.
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_are_exact() {
        let with = |keys: usize, key_chars: usize, value_chars: usize| {
            let entry = |n: usize| (format!("{n:0>key_chars$}"), "é".repeat(value_chars));
            Metadata::parse((0..keys).map(entry).collect())
        };
        assert!(with(MAX_KEYS, MAX_KEY_CHARS, MAX_VALUE_CHARS).is_ok());
        assert!(with(MAX_KEYS + 1, 3, 1).is_err());
        assert!(with(1, MAX_KEY_CHARS + 1, 1).is_err());
        assert!(with(1, 1, MAX_VALUE_CHARS + 1).is_err());
        assert!(Metadata::parse([(String::new(), String::new())].into()).is_err());
    }

    #[test]
    fn keys_and_values_are_fit_to_be_shown() {
        let parse = |key: &str, value: &str| Metadata::parse([(key.to_owned(), value.to_owned())].into());
        assert!(parse("team", "growth").is_ok());
        for (key, value, param, message) in [
            ("te\u{7}am", "growth", "metadata", "a key of metadata must be one line"),
            ("\u{202e}team", "growth", "metadata", "a key of metadata must have no"),
            (" ", "growth", "metadata", "a key of metadata must not be blank"),
            ("team", "a\nb", "metadata.team", "metadata.team must be one line"),
            ("team", "\u{2066}a", "metadata.team", "metadata.team must have no"),
            ("team", "\u{a0}", "metadata.team", "metadata.team must not be blank"),
            ("team", "", "metadata.team", "metadata.team must not be blank"),
        ] {
            let refused = parse(key, value).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(param), "{key:?} {value:?}");
            assert!(refused.message.starts_with(message), "{key:?} {value:?}: {refused}");
        }
    }

    #[test]
    fn what_was_stored_before_it_was_checked_is_read() {
        assert!(serde_json::from_str::<Metadata>(r#"{"te\u0007am":"","b":"a\nb"}"#).is_ok());
    }
}
