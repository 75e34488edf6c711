//! What each line of a file is: code, comment or blank.
//!
//! A line is code if any token stands on it or goes on across it, as a string of several lines does. Documentation is a
//! token to the parser and a comment to us. What remains is a comment if anything is written there, and blank otherwise.

use proc_macro2::{LineColumn, Span, TokenStream, TokenTree};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Code,
    Comment,
    Blank,
}

/// The lines of `source`, whose tokens are `tokens`.
pub(crate) fn classify(source: &str, tokens: TokenStream) -> Vec<Line> {
    let texts: Vec<_> = source.lines().collect();
    let unmarked = |text: &&str| if text.trim().is_empty() { Line::Blank } else { Line::Comment };

    let mut lines: Vec<_> = texts.iter().map(unmarked).collect();
    mark(tokens, &texts, &mut lines);
    lines
}

fn mark(tokens: TokenStream, texts: &[&str], lines: &mut [Line]) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if !is_documentation(group.span_open(), texts) => {
                mark_span(group.span_open(), lines);
                mark_span(group.span_close(), lines);
                mark(group.stream(), texts, lines);
            }
            TokenTree::Group(_) => {}
            other if is_documentation(other.span(), texts) => {}
            other => mark_span(other.span(), lines),
        }
    }
}

fn mark_span(span: Span, lines: &mut [Line]) {
    // The parser counts lines from 1.
    let (first, last) = (span.start().line, span.end().line);
    for line in lines.iter_mut().take(last).skip(first.saturating_sub(1)) {
        *line = Line::Code;
    }
}

/// True where the token was written as a comment: no other token begins like one.
fn is_documentation(span: Span, texts: &[&str]) -> bool {
    let LineColumn { line, column } = span.start();
    let Some(text) = line.checked_sub(1).and_then(|index| texts.get(index)) else { return false };

    let mut rest = text.chars().skip(column);
    rest.next() == Some('/') && matches!(rest.next(), Some('/' | '*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Line::{Blank, Code, Comment};

    #[track_caller]
    fn lines(source: &str) -> Vec<Line> {
        classify(source, source.parse().unwrap())
    }

    #[test]
    fn code_comments_and_blank_lines_are_told_apart() {
        let source = "//! About.\n\n/// Says.\nfn f() {\n    // why\n    g(); // how\n\n}\n/* a\n b */\n";
        let expected = [Comment, Blank, Comment, Code, Comment, Code, Blank, Code, Comment, Comment];
        assert_eq!(lines(source), expected);
    }

    #[test]
    fn a_string_of_several_lines_is_code() {
        assert_eq!(lines("const S: &str = \"a\n\n// no comment\n\";\n"), [Code; 4]);
    }

    #[test]
    fn a_division_and_a_written_out_documentation_are_code() {
        assert_eq!(lines("#[doc = \"it\"]\nconst N: u8 = 4\n/ 2;\n"), [Code; 3]);
    }

    #[test]
    fn letters_of_several_bytes_move_nothing() {
        assert_eq!(
            lines("const A: (&str, u8) = (\"äöü\", 1);\n/// Ü\nconst B: u8 = 1;\n"),
            [Code, Comment, Code]
        );
    }
}
