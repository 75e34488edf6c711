//! What an endpoint subscribes to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Invalid, catalogue::Catalogue};

/// The most patterns of one endpoint.
pub const MAX_PATTERNS: usize = 100;

/// One entry of `enabled_events`: `*`, `prefix.*` at any depth, or an exact event type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern that covers at least one type of the catalogue. `param` names the field in the error.
    pub fn parse(text: &str, param: &str) -> Result<Self, Invalid> {
        let catalogue = Catalogue::get();
        let known = match text.strip_suffix(".*") {
            _ if text == "*" => true,
            Some(prefix) => !prefix.contains('*') && catalogue.has_prefix(prefix),
            None => catalogue.find(text).is_some(),
        };
        if known { Ok(Self(text.to_owned())) } else { Err(unknown(text, param)) }
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an event of this type matches.
    pub fn matches(&self, event_type: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => event_type.starts_with(prefix),
            None => self.0 == event_type,
        }
    }

    /// Every pattern that can match an event of this type: `*`, each of its prefixes, and the type itself. Their number depends
    /// on the type's depth, and not on the number of endpoints.
    pub fn all_matching(event_type: &str) -> Vec<Pattern> {
        let prefixes =
            event_type.match_indices('.').map(|(dot, _)| Pattern(format!("{}.*", &event_type[..dot])));
        std::iter::once(Pattern("*".into())).chain(prefixes).chain([Pattern(event_type.to_owned())]).collect()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn unknown(text: &str, param: &str) -> Invalid {
    let shown: String = text.chars().take(64).collect();
    let nearest = Catalogue::get().nearest(&shown).unwrap_or("*");
    let message = if text.trim_end_matches(".*").contains('*') && text != "*" {
        format!(
            "\"{shown}\" is not a valid pattern: * may stand only alone or after the last dot. Did you mean \"{nearest}\"?"
        )
    } else {
        format!("\"{shown}\" matches no known event type. Did you mean \"{nearest}\"?")
    };
    Invalid::param(param.to_owned(), ErrorCode::EventTypeUnknown, message)
}

/// An endpoint's patterns: 1 to [`MAX_PATTERNS`], in the order given, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// Reads the patterns of the field named `param`. A pattern that is given twice counts once.
    pub fn parse<S: AsRef<str>>(texts: &[S], param: &str) -> Result<Self, Invalid> {
        if !(1..=MAX_PATTERNS).contains(&texts.len()) {
            let message = format!("{param} must have 1 to {MAX_PATTERNS} patterns");
            return Err(Invalid::param(param.to_owned(), ErrorCode::PatternsCount, message));
        }
        let mut patterns = Vec::with_capacity(texts.len());
        for text in texts {
            let pattern = Pattern::parse(text.as_ref(), param)?;
            if !patterns.contains(&pattern) {
                patterns.push(pattern);
            }
        }
        Ok(Self(patterns))
    }

    /// Whether an event of this type matches any of them.
    pub fn match_type(&self, event_type: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(event_type))
    }

    /// The patterns in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// Whether `pattern` is one of them.
    pub fn contains(&self, pattern: &Pattern) -> bool {
        self.0.contains(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, event_type: &str) -> bool {
        Pattern(pattern.into()).matches(event_type)
    }

    #[test]
    fn a_pattern_matches_below_its_prefix_and_nowhere_else() {
        assert!(matches("*", "send.email.sent"));
        assert!(matches("send.*", "send.email.sent"));
        assert!(matches("send.email.*", "send.email.sent"));
        assert!(matches("send.email.sent", "send.email.sent"));
        for (pattern, event_type) in [
            ("send.email.*", "send.email"),
            ("send.email.*", "send.emails.x"),
            ("send.*", "sender.email.sent"),
            ("send.email.sent", "send.email.sent.again"),
        ] {
            assert!(!matches(pattern, event_type), "{pattern} {event_type}");
        }
    }

    #[test]
    fn the_patterns_that_can_match_a_type_are_those_that_do() {
        let all: Vec<_> = Pattern::all_matching("send.email.sent").iter().map(ToString::to_string).collect();
        assert_eq!(all, ["*", "send.*", "send.email.*", "send.email.sent"]);
        assert!(
            Pattern::all_matching("send.email.sent").iter().all(|pattern| pattern.matches("send.email.sent"))
        );
    }

    #[test]
    fn an_unknown_pattern_is_named_with_the_nearest_known_one() {
        let cases = [
            ("send.emial.sent", "send.email.sent"),
            ("send.emails.*", "send.email.*"),
            ("send.*.sent", "send."),
            ("**", "*"),
            ("", "*"),
            ("send", "send."),
        ];
        for (pattern, nearest) in cases {
            let refused = Pattern::parse(pattern, "enabled_events").unwrap_err();
            assert!(refused.message.starts_with(&format!("\"{pattern}\"")), "{refused}");
            assert!(refused.message.contains(&format!("Did you mean \"{nearest}")), "{refused}");
        }
    }

    #[test]
    fn patterns_are_counted_and_kept_once() {
        let twice = Patterns::parse(&["send.*", "*", "send.*"], "enabled_events").unwrap();
        assert_eq!(twice.iter().map(Pattern::as_str).collect::<Vec<_>>(), ["send.*", "*"]);
        assert!(Patterns::parse::<&str>(&[], "enabled_events").is_err());
        assert!(Patterns::parse(&vec!["*"; MAX_PATTERNS + 1], "enabled_events").is_err());
    }
}
