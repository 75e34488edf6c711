//! Request bodies: bounded, JSON by content type, read field by field so that each problem has its name and its words.

use std::collections::BTreeMap;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use domain::{Invalid, Timestamp, nesting};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The largest body of a call that manages something: 64 KiB, twice what all fields at their bounds take.
const MAX_MANAGEMENT_BYTES: usize = 64 * 1024;

/// The deepest that the body of a call that manages something may be nested; see [`nesting::levels`]. It is below the 128
/// at which `serde_json` gives up and says so of good JSON, and above the 63 of a batch whose events are as deep as they
/// may be, so that no body that is accepted anywhere is deeper.
const MAX_LEVELS: usize = 64;

/// A body of at most `LIMIT` bytes that is JSON by its content type; not parsed yet.
#[derive(Debug)]
pub(crate) struct JsonText<const LIMIT: usize>(pub(crate) String);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for JsonText<LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read::<LIMIT>(body).await?;
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let text = String::from_utf8(bytes);
        text.map(Self).map_err(|_| Invalid::whole("json_malformed", "The body is not UTF-8").into())
    }
}

async fn read<const LIMIT: usize>(body: Body) -> Result<Vec<u8>, ApiError> {
    // A lambda's body is in memory already; the only way to fail is to be too long.
    let bytes = to_bytes(body, LIMIT).await.map_err(|_| ApiError::TooLarge { limit: LIMIT })?;
    Ok(bytes.into())
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Says where JSON is malformed, in words of ours.
pub(crate) fn malformed(error: &serde_json::Error) -> Invalid {
    let message = format!("Malformed JSON at line {}, column {}", error.line(), error.column());
    Invalid::whole("json_malformed", message)
}

/// Says of a text with too many brackets whether it is JSON at all. `IgnoredAny` is read without a call for each level.
fn too_deep(text: &str) -> Invalid {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => malformed(&error),
        Ok(_) => {
            let message = format!("The body must be nested at most {MAX_LEVELS} levels deep");
            Invalid::whole("body_too_deep", message)
        }
    }
}

/// The fields of a JSON object, taken one by one.
#[derive(Debug)]
pub(crate) struct Fields {
    map: Map<String, Value>,
    /// What stands before each name in errors: empty, or the parent's name and a dot.
    prefix: &'static str,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let JsonText(text) = JsonText::<MAX_MANAGEMENT_BYTES>::from_request(request, state).await?;
        Ok(Self::parse(&text)?)
    }
}

impl Fields {
    /// Reads a JSON object; an empty body counts as an empty one.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self { map: Map::new(), prefix: "" });
        }
        if nesting::levels(text) > MAX_LEVELS {
            return Err(too_deep(text));
        }
        match serde_json::from_str(text).map_err(|error| malformed(&error))? {
            Value::Object(map) => Ok(Self { map, prefix: "" }),
            _ => Err(Invalid::whole("body_invalid", "The body must be a JSON object")),
        }
    }

    /// The fields of an object inside another.
    pub(crate) fn nested(map: Map<String, Value>, prefix: &'static str) -> Self {
        Self { map, prefix }
    }

    /// A field that must be there; null and an empty text count as missing.
    pub(crate) fn required<T: FromJson>(&mut self, name: &'static str) -> Result<T, Invalid> {
        let named = self.named(name);
        let missing = || Invalid::param(named.clone(), "field_required", format!("{named} is required"));
        match self.map.get(name) {
            None | Some(Value::Null) => Err(missing()),
            Some(Value::String(text)) if text.is_empty() => Err(missing()),
            Some(_) => self.optional(name)?.ok_or_else(missing),
        }
    }

    /// A field that may be missing or null.
    pub(crate) fn optional<T: FromJson>(&mut self, name: &'static str) -> Result<Option<T>, Invalid> {
        match self.map.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::from_json(value).map(Some).ok_or_else(|| {
                let message = format!("{} must be {}", self.named(name), T::EXPECTED);
                Invalid::param(self.named(name), "field_type", message)
            }),
        }
    }

    /// Whether the field is there, null included: in a change, null clears.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Refuses null where it says nothing.
    pub(crate) fn refuse_null(&self, names: &[&'static str]) -> Result<(), Invalid> {
        match names.iter().find(|name| self.map.get(**name) == Some(&Value::Null)) {
            None => Ok(()),
            Some(name) => Err(Invalid::param(*name, "field_type", format!("{name} must not be null"))),
        }
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Invalid> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(name) => {
                let shown: String = name.chars().take(64).collect();
                let shown = format!("{}{shown}", self.prefix);
                let message = format!("Unknown field \"{shown}\"");
                Err(Invalid::param(shown, "field_unknown", message))
            }
        }
    }

    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// What a JSON value can be read as.
pub(crate) trait FromJson: Sized {
    /// The words for it in "url must be …".
    const EXPECTED: &'static str;

    fn from_json(value: Value) -> Option<Self>;
}

impl FromJson for String {
    const EXPECTED: &'static str = "a string";

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl FromJson for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_json(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromJson for i64 {
    const EXPECTED: &'static str = "an integer";

    /// JSON Schema counts `3.0` and `3e0` among the integers.
    fn from_json(value: Value) -> Option<Self> {
        value.as_i64().or_else(|| whole(value.as_f64()?))
    }
}

impl FromJson for f64 {
    const EXPECTED: &'static str = "a number";

    fn from_json(value: Value) -> Option<Self> {
        value.as_f64()
    }
}

impl FromJson for Timestamp {
    const EXPECTED: &'static str = "Unix milliseconds or RFC 3339";

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Number(_) => Timestamp::parse(&i64::from_json(value)?.to_string()),
            // Milliseconds are a number in JSON.
            Value::String(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) => Timestamp::parse(&text),
            _ => None,
        }
    }
}

impl FromJson for Vec<String> {
    const EXPECTED: &'static str = "an array of strings";

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(String::from_json).collect(),
            _ => None,
        }
    }
}

impl FromJson for BTreeMap<String, String> {
    const EXPECTED: &'static str = "an object of strings";

    fn from_json(value: Value) -> Option<Self> {
        let entries = Map::from_json(value)?.into_iter();
        entries.map(|(key, value)| Some((key, String::from_json(value)?))).collect()
    }
}

impl FromJson for Map<String, Value> {
    const EXPECTED: &'static str = "an object";

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole numbers of at most 2^53 are exact in both types")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        Fields::parse(text).unwrap()
    }

    #[test]
    fn a_missing_field_is_reported_in_the_seed_s_words() {
        for body in ["", "{}", r#"{"url":null}"#, r#"{"url":""}"#] {
            let refused = fields(body).required::<String>("url").unwrap_err();
            assert_eq!(
                (refused.message.as_str(), refused.param.as_deref()),
                ("url is required", Some("url"))
            );
        }
    }

    #[test]
    fn a_wrong_type_and_an_unknown_field_are_named() {
        let refused = fields(r#"{"url":5}"#).required::<String>("url").unwrap_err();
        assert_eq!(refused.message, "url must be a string");
        let refused =
            fields(r#"{"enabled_events":["a",1]}"#).required::<Vec<String>>("enabled_events").unwrap_err();
        assert_eq!(refused.message, "enabled_events must be an array of strings");
        let refused = fields(r#"{"urll":"x"}"#).finish().unwrap_err();
        assert_eq!(
            (refused.message.as_str(), refused.param.as_deref()),
            ("Unknown field \"urll\"", Some("urll"))
        );
    }

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
                (refused.code, refused.message.as_str()),
                ("body_too_deep", "The body must be nested at most 64 levels deep"),
                "{levels}"
            );
        }
        // What is no JSON is told its position, however many brackets it has.
        for text in ["[".repeat(90_000), nested(200).replace("]}", "]")] {
            assert_eq!(Fields::parse(&text).unwrap_err().code, "json_malformed");
        }
        assert!(Fields::parse(&format!(r#"{{"a":"{}"}}"#, "[".repeat(1_000))).is_ok());
    }

    #[test]
    fn content_types_of_json_are_recognised() {
        let is =
            |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, value.parse().unwrap())]));
        assert!(
            is("application/json")
                && is("Application/JSON; charset=utf-8")
                && is("application/cloudevents+json")
        );
        assert!(!is("text/plain") && !is("application/x-www-form-urlencoded") && !is_json(&HeaderMap::new()));
    }
}
