//! Receivers' bytes, made safe to show.

use crate::MAX_EXCERPT;

/// The start of these bytes, as text of at most [`MAX_EXCERPT`] bytes. Characters that could mislead a reader or a terminal
/// become `U+FFFD`. Line breaks and tabs stay.
pub(crate) fn displayable(bytes: &[u8]) -> String {
    // A character has at most 4 bytes, so what is further on cannot be part of the excerpt. With these 4 bytes more, the cut
    // does not split a character that would then count as invalid.
    let start = &bytes[..bytes.len().min(MAX_EXCERPT + 4)];
    let mut excerpt = String::with_capacity(start.len().min(MAX_EXCERPT));
    for c in String::from_utf8_lossy(start).chars() {
        let c = if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER };
        if excerpt.len() + c.len_utf8() > MAX_EXCERPT {
            break;
        }
        excerpt.push(c);
    }
    excerpt
}

fn is_harmless(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Marks, embeddings, overrides and isolates of the writing direction; line and paragraph separators.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        _ => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_it_is() {
        assert_eq!(displayable("Zoë:\n\t{\"ok\": \"日本\"}".as_bytes()), "Zoë:\n\t{\"ok\": \"日本\"}");
    }

    #[test]
    fn controls_escapes_and_direction_overrides_are_replaced() {
        assert_eq!(
            displayable(b"a\x1b[31m\x00\r\x7f\xc2\x9b"),
            "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(displayable("a\u{202e}b\u{2066}".as_bytes()), "a\u{fffd}b\u{fffd}");
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        assert_eq!(displayable(b"a\xff\xfeb\xe6\x97"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }

    #[test]
    fn the_cut_falls_between_characters() {
        let body = format!("x{}", "é".repeat(MAX_EXCERPT));
        let excerpt = displayable(body.as_bytes());
        assert_eq!(excerpt.len(), MAX_EXCERPT - 1);
        assert!(excerpt.ends_with('é'));
        assert!(!excerpt.contains('\u{fffd}'));
    }

    #[test]
    fn replacements_count_with_their_own_length() {
        assert!(displayable(&[0; 4096]).len() <= MAX_EXCERPT);
        assert!(displayable(&[0xff; 4096]).len() <= MAX_EXCERPT);
    }
}
