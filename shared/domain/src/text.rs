//! Texts that people write and other people see: names, descriptions, notes, secrets.
//!
//! They are shown in lists, logs, terminals and dashboards. There, a control character or a changed direction of writing can
//! make one text look like another, and a blank text cannot be seen at all. So such a text must be one line with something to
//! see in it. It is checked when it is given, not when it is read back. What was stored before these rules stays readable.

use std::borrow::Cow;

use crate::{ErrorCode, Invalid};

/// Why a text is not fit to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// There is nothing in it to see.
    Blank,
    /// It has a control character. Line breaks, tabs, and Unicode's separators of lines and paragraphs are among them.
    Control,
    /// It has a character that changes the direction in which the text around it is shown.
    Direction,
}

impl Flaw {
    /// The first flaw of a text, if it has one.
    pub fn of(text: &str) -> Option<Self> {
        if text.chars().any(is_control) {
            return Some(Self::Control);
        }
        if text.chars().any(turns_direction) {
            return Some(Self::Direction);
        }
        text.chars().all(is_unseen).then_some(Self::Blank)
    }

    /// The error for the caller. The message calls the text `subject`, and quotes nothing of it.
    pub fn invalid(self, param: impl Into<Cow<'static, str>>, subject: &str) -> Invalid {
        let (code, rest) = match self {
            Self::Blank => (ErrorCode::TextBlank, "must not be blank"),
            Self::Control => {
                (ErrorCode::CharacterNotAllowed, "must be one line without control characters such as tabs")
            }
            Self::Direction => (
                ErrorCode::CharacterNotAllowed,
                "must have no characters that turn the direction of text, such as U+200F or U+202E",
            ),
        };
        Invalid::param(param, code, format!("{subject} {rest}"))
    }
}

/// Checks a text of the field or parameter `param`.
pub fn check(text: &str, param: &'static str) -> Result<(), Invalid> {
    Flaw::of(text).map_or(Ok(()), |flaw| Err(flaw.invalid(param, param)))
}

/// C0, DEL and C1, and the separators U+2028 and U+2029, which break lines as well.
fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Unicode's `Bidi_Control`: marks, embeddings, overrides and isolates.
fn turns_direction(character: char) -> bool {
    matches!(
        character,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// White space, Unicode's `Default_Ignorable_Code_Point` (of zero width: joiners, fillers, variation selectors, tags), and the
/// empty Braille pattern. Inside a text they may be useful, such as a joiner in an emoji. Alone they show nothing.
fn is_unseen(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fff8}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_passes() {
        for text in [
            "x",
            " Production webhook handler ",
            "Zürich – 東京 – العربية – עברית",
            "👩\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈",
            "می\u{200c}خواهم",
            "soft\u{ad}hyphen",
            "no\u{a0}break",
            "e\u{301}",
            "<b>\\\"'&",
            "\u{fffd}",
        ] {
            assert_eq!(Flaw::of(text), None, "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused_wherever_they_are() {
        let c0_and_del = ('\0'..='\u{1f}').chain(['\u{7f}']);
        let c1_and_separators = ('\u{80}'..='\u{9f}').chain(['\u{2028}', '\u{2029}']);
        for character in c0_and_del.chain(c1_and_separators) {
            for text in [format!("a{character}b"), format!("{character}"), format!("a{character}")] {
                assert_eq!(Flaw::of(&text), Some(Flaw::Control), "{text:?}");
            }
        }
    }

    #[test]
    fn characters_that_turn_the_direction_are_refused_wherever_they_are() {
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter();
        for character in marks.chain('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            for text in [format!("a{character}b"), format!("{character}"), format!("ab{character}")] {
                assert_eq!(Flaw::of(&text), Some(Flaw::Direction), "{text:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_seen_is_blank() {
        let spaces = [" ", "\u{a0}", "\u{1680}", "\u{2003}", "\u{202f}", "\u{205f}", "\u{3000}"];
        let unseen = [
            "\u{ad}",
            "\u{34f}",
            "\u{115f}",
            "\u{17b4}",
            "\u{180e}",
            "\u{200b}",
            "\u{200c}",
            "\u{200d}",
            "\u{2060}",
            "\u{2063}",
            "\u{206a}",
            "\u{2800}",
            "\u{3164}",
            "\u{fe0f}",
            "\u{feff}",
            "\u{ffa0}",
            "\u{1d173}",
            "\u{e0041}",
        ];
        for text in spaces.into_iter().chain(unseen) {
            assert_eq!(Flaw::of(text), Some(Flaw::Blank), "{text:?}");
            assert_eq!(Flaw::of(&format!(" {text}{text}\u{200b}")), Some(Flaw::Blank), "{text:?}");
            assert_eq!(Flaw::of(&format!("{text}x{text}")), None, "{text:?}");
        }
        assert_eq!(Flaw::of(""), Some(Flaw::Blank));
    }

    #[test]
    fn an_error_names_the_field_and_what_is_wrong_and_quotes_nothing() {
        for (text, code, message) in [
            ("\u{200b}", "text_blank", "description must not be blank"),
            (
                "hush\n",
                "character_not_allowed",
                "description must be one line without control characters such as tabs",
            ),
            (
                "hush\u{202e}",
                "character_not_allowed",
                "description must have no characters that turn the direction of text, such as U+200F or U+202E",
            ),
        ] {
            let refused = check(text, "description").unwrap_err();
            assert_eq!((refused.code.text(), refused.param.as_deref()), (code, Some("description")));
            assert_eq!(refused.message, message);
        }
        assert_eq!(check("fine", "description"), Ok(()));
    }
}
