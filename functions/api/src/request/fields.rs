//! The fields of a JSON object, taken one by one.

use std::fmt;

use domain::{ErrorCode, Invalid, nesting};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::repeated::{self, malformed};

/// How deep the body of a call that manages something may be nested; see [`nesting::levels`]. It must be below 128, where
/// `serde_json` gives up and calls good JSON malformed. It must be above 63, which is the depth of a batch whose events are as
/// deep as they may be. So no body that is accepted anywhere is deeper.
const MAX_LEVELS: usize = 64;

/// The most characters of a caller's names that an error shows.
const SHOWN_CHARS: usize = 64;

/// The fields of a JSON object, taken one by one. Each is kept as its JSON text until it is read.
pub(crate) struct Fields {
    /// The fields, in the order in which they were sent.
    entries: Vec<(String, Box<RawValue>)>,
    /// What errors put before each name: nothing, or the parent's name and a dot.
    prefix: String,
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Secrets and customers' data stay out of logs.
        write!(f, "Fields({})", self.entries.len())
    }
}

impl Fields {
    /// Reads a JSON object. No field in it, nor in any object inside it, may be given twice. An empty body counts as an empty
    /// object.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self { entries: Vec::new(), prefix: String::new() });
        }
        if nesting::levels(text) > MAX_LEVELS {
            return Err(too_deep(text));
        }
        repeated::check(text)?;

        Self::parse_outermost(text)
    }

    /// Reads a JSON object, and looks only at its own fields. What is inside them is kept to the letter.
    pub(crate) fn parse_outermost(text: &str) -> Result<Self, Invalid> {
        let Ok(Entries(entries)) = serde_json::from_str(text) else {
            return Err(no_object(text));
        };
        let mut names: Vec<_> = entries.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(repeated::field_repeated(pair[0]));
        }
        Ok(Self { entries, prefix: String::new() })
    }

    /// The fields of the object in the field named `name`. `None` if that field has no object.
    pub(super) fn nested(json: &RawValue, name: &str) -> Option<Self> {
        let Entries(entries) = serde_json::from_str(json.get()).ok()?;
        Some(Self { entries, prefix: format!("{name}.") })
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(other, _)| other == name)
    }

    /// Takes a field as it was sent.
    pub(super) fn take(&mut self, name: &str) -> Option<Box<RawValue>> {
        let position = self.entries.iter().position(|(other, _)| other == name)?;
        Some(self.entries.swap_remove(position).1)
    }

    /// What errors call a field.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Refuses fields that nobody took.
    pub(super) fn finish(mut self) -> Result<(), Invalid> {
        self.entries.sort_unstable_by(|(name, _), (other, _)| name.cmp(other));
        match self.entries.first() {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(SHOWN_CHARS).collect();
                let shown = self.named(&shown);
                let message = format!("Unknown field \"{shown}\"");
                Err(Invalid::param(shown, ErrorCode::FieldUnknown, message))
            }
        }
    }
}

/// The error for a text that is no object. It says whether the text is JSON at all.
fn no_object(text: &str) -> Invalid {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => malformed(&error),
        Ok(_) => Invalid::whole(ErrorCode::BodyInvalid, "The body must be a JSON object"),
    }
}

/// The error for a text that is nested too deep. It says whether the text is JSON at all. Reading `IgnoredAny` needs no
/// recursion.
fn too_deep(text: &str) -> Invalid {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => malformed(&error),
        Ok(_) => {
            let message = format!("The body must be nested at most {MAX_LEVELS} levels deep");
            Invalid::whole(ErrorCode::BodyTooDeep, message)
        }
    }
}

/// An object's fields. A field that is given twice is there twice.
struct Entries(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = fields.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        json.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_json_is_reported_with_its_position() {
        assert_eq!(Fields::parse("{\n \"a\": }").unwrap_err().message, "Malformed JSON at line 2, column 7");
        assert_eq!(Fields::parse("[]").unwrap_err().message, "The body must be a JSON object");
    }

    #[test]
    fn a_body_is_as_deep_as_the_bound_and_no_deeper() {
        let nested =
            |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(Fields::parse(&nested(MAX_LEVELS)).is_ok());
        for levels in [MAX_LEVELS + 1, 127, 128, 129, 30_000, 90_000] {
            let refused = Fields::parse(&nested(levels)).unwrap_err();
            assert_eq!(
                (refused.code.text(), refused.message.as_str()),
                ("body_too_deep", "The body must be nested at most 64 levels deep"),
                "{levels}"
            );
        }
        // A text that is no JSON gets an error with a position, however many brackets it has.
        for text in ["[".repeat(90_000), nested(200).replace("]}", "]")] {
            assert_eq!(Fields::parse(&text).unwrap_err().code, "json_malformed");
        }
        assert!(Fields::parse(&format!(r#"{{"a":"{}"}}"#, "[".repeat(1_000))).is_ok());
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused_and_named_wherever_it_is() {
        for (body, name) in [
            (r#"{"url":"a","b":1,"url":"b"}"#, "url"),
            (r#"{"url":null,"url":null}"#, "url"),
            (r#"{"url":1,"u\u0072l":2}"#, "url"),
            (r#"{"retry_policy":{"max_retries":1,"max_retries":2}}"#, "retry_policy.max_retries"),
            (r#"{"metadata":{"a":"1","a":"2"}}"#, "metadata.a"),
            (r#"{"list":[{},{"a":[{"b":1,"b":1}]}]}"#, "list[1].a[0].b"),
            (r#"{"a":{"b":1,"b":1},"a":1}"#, "a.b"),
            (r#"{"":1,"":1}"#, ""),
        ] {
            let refused = Fields::parse(body).unwrap_err();
            assert_eq!(
                (refused.code.text(), refused.param.as_deref()),
                ("field_repeated", Some(name)),
                "{body}"
            );
            assert_eq!(refused.message, format!("Field \"{name}\" is given more than once"));
        }
        // The same name in two objects is no repetition.
        assert!(Fields::parse(r#"{"a":{"a":{"b":1}},"b":[{"a":1},{"a":1}]}"#).is_ok());
        let long = "x".repeat(1_000);
        let refused = Fields::parse(&format!(r#"{{"{long}":1,"{long}":1}}"#)).unwrap_err();
        assert!(refused.message.len() < 120, "{refused}");
    }

    #[test]
    fn what_is_malformed_is_malformed_whatever_is_repeated_in_it() {
        assert_eq!(Fields::parse(r#"{"a":1,"a":2,}"#).unwrap_err().code, "json_malformed");
    }

    #[test]
    fn no_name_of_a_field_has_a_meaning_of_its_own() {
        let refused =
            Fields::parse(r#"{"$serde_json::private::RawValue":"{}"}"#).unwrap().finish().unwrap_err();
        assert_eq!(refused.code, "field_unknown");
    }
}
