//! Organizations.

use crate::{ErrorCode, Invalid, text};

/// The longest name of an organization, in characters.
pub const MAX_NAME_CHARS: usize = 128;

/// What people call an organization: 1 to [`MAX_NAME_CHARS`] characters, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationName(String);

impl OrganizationName {
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
    fn a_name_is_bounded_and_fit_to_be_shown() {
        assert_eq!(OrganizationName::parse("Acme").as_ref().map(OrganizationName::as_str), Ok("Acme"));
        assert!(OrganizationName::parse(&"é".repeat(MAX_NAME_CHARS)).is_ok());
        assert_eq!(
            OrganizationName::parse(&"é".repeat(MAX_NAME_CHARS + 1)).unwrap_err().code,
            "name_too_long"
        );
        for (text, code) in
            [("", "text_blank"), ("\u{3164}", "text_blank"), ("Ac\u{202e}me", "character_not_allowed")]
        {
            assert_eq!(OrganizationName::parse(text).unwrap_err().code, code, "{text:?}");
        }
    }
}
