//! Request bodies: bounded, JSON by content type, read field by field so that each problem has its name and its words.

mod repeated;

use std::collections::BTreeMap;

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequest, Request},
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use domain::{Invalid, NotAMoment, Timestamp, nesting};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::error::ApiError;

pub(crate) use repeated::repeated_field;

/// The largest body of a call that manages something: 64 KiB, twice what all fields at their bounds take.
const MAX_MANAGEMENT_BYTES: usize = 64 * 1024;

/// The deepest that the body of a call that manages something may be nested; see [`nesting::levels`]. It is below the 128
/// at which `serde_json` gives up and says so of good JSON, and above the 63 of a batch whose events are as deep as they
/// may be, so that no body that is accepted anywhere is deeper.
const MAX_LEVELS: usize = 64;

/// What a text that is no plain UTF-8 may begin with, and its encoding. UTF-32's mark may begin as UTF-16's does, so it
/// is looked for first.
const BYTE_ORDER_MARKS: [(&[u8], &str); 5] = [
    (b"\xef\xbb\xbf", "UTF-8"),
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
];

/// A body of at most `LIMIT` bytes that is JSON by its content type; not parsed yet.
#[derive(Debug)]
pub(crate) struct JsonText<const LIMIT: usize>(pub(crate) String);

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for JsonText<LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read::<LIMIT>(body).await?;

        if !bytes.is_empty() && is_encoded(&parts.headers) {
            return Err(ApiError::UnsupportedContentEncoding);
        }
        if !bytes.is_empty() && !is_json(&parts.headers) {
            return Err(ApiError::UnsupportedMediaType);
        }
        refuse_byte_order_mark(&bytes)?;

        let text = String::from_utf8(bytes);
        text.map(Self).map_err(|_| Invalid::whole("json_malformed", "The body is not UTF-8").into())
    }
}

async fn read<const LIMIT: usize>(body: Body) -> Result<Vec<u8>, ApiError> {
    // A lambda's body is in memory already; the only way to fail is to be too long.
    let bytes = to_bytes(body, LIMIT).await.map_err(|_| ApiError::TooLarge { limit: LIMIT })?;
    Ok(bytes.into())
}

/// Whether the body is compressed or encoded otherwise. A header may be repeated, and each may list several codings; an
/// empty one names none.
fn is_encoded(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(CONTENT_ENCODING).iter();
    let codings = lists.flat_map(|list| list.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    codings.into_iter().any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// JSON has no byte order mark (RFC 8259, 8.1). Nobody sees one in an editor, so it is named: as malformed JSON "at line 1,
/// column 1" it would not be found.
fn refuse_byte_order_mark(bytes: &[u8]) -> Result<(), Invalid> {
    match BYTE_ORDER_MARKS.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        None => Ok(()),
        Some((_, encoding)) => {
            let message = format!(
                "The body begins with a byte order mark, of {encoding}. Send JSON in UTF-8 without a byte order mark"
            );
            Err(Invalid::whole("json_malformed", message))
        }
    }
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
        match repeated::parse(text)? {
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
            Some(value) => T::read(value, self.named(name)).map(Some),
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

    /// Reads the value of the field with this name.
    fn read(value: Value, name: String) -> Result<Self, Invalid> {
        Self::from_json(value).ok_or_else(|| {
            let message = format!("{name} must be {}", Self::EXPECTED);
            Invalid::param(name, "field_type", message)
        })
    }
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
    const EXPECTED: &'static str = NotAMoment::EXPECTED;

    fn from_json(value: Value) -> Option<Self> {
        moment(value).ok()
    }

    fn read(value: Value, name: String) -> Result<Self, Invalid> {
        moment(value).map_err(|problem| problem.invalid(name, "field_type"))
    }
}

fn moment(value: Value) -> Result<Timestamp, NotAMoment> {
    match value {
        Value::Number(number) => match i64::from_json(number.clone().into()) {
            Some(whole) => Timestamp::of_request(&whole.to_string()),
            None => Timestamp::of_request(&number.to_string()),
        },
        // Milliseconds are a number in JSON.
        Value::String(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Timestamp::of_request(&text)
        }
        _ => Err(NotAMoment::Unreadable),
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
            assert_eq!((refused.code, refused.param.as_deref()), ("field_repeated", Some(name)), "{body}");
            assert_eq!(refused.message, format!("Field \"{name}\" is given more than once"));
        }
        // One name at two places is no repetition.
        assert!(Fields::parse(r#"{"a":{"a":{"b":1}},"b":[{"a":1},{"a":1}]}"#).is_ok());
        let long = "x".repeat(1_000);
        let refused = Fields::parse(&format!(r#"{{"{long}":1,"{long}":1}}"#)).unwrap_err();
        assert!(refused.message.len() < 120, "{refused}");
    }

    #[test]
    fn what_is_malformed_is_malformed_whatever_is_repeated_in_it() {
        assert_eq!(Fields::parse(r#"{"a":1,"a":2,}"#).unwrap_err().code, "json_malformed");
    }

    /// `serde_json`'s own values take an object with this name for the JSON in its text.
    #[test]
    fn no_name_of_a_field_has_a_meaning_of_its_own() {
        let refused = fields(r#"{"$serde_json::private::RawValue":"{}"}"#).finish().unwrap_err();
        assert_eq!(refused.code, "field_unknown");
    }

    #[test]
    fn numbers_are_read_as_they_were_before_they_had_a_reader_of_their_own() {
        for (json, value) in
            [("3", Some(3)), ("3.0", Some(3)), ("-9223372036854775808", Some(i64::MIN)), ("3.5", None)]
        {
            let read = fields(&format!(r#"{{"n":{json}}}"#)).optional::<i64>("n");
            assert_eq!(read.ok().flatten(), value, "{json}");
        }
        assert!(fields(r#"{"n":18446744073709551615}"#).optional::<i64>("n").is_err());
        assert!(Fields::parse(r#"{"n":1e999}"#).is_err());
    }

    #[test]
    fn a_time_in_seconds_is_told_from_what_is_no_time() {
        for (json, code) in [
            ("1", "time_in_seconds"),
            ("1700000000", "time_in_seconds"),
            ("1700000000.25", "time_in_seconds"),
            ("1.7e9", "time_in_seconds"),
            ("100000000000", "time_in_seconds"),
            ("-1700000000", "field_type"),
            ("0.5", "field_type"),
            ("1700000000000.5", "field_type"),
            ("true", "field_type"),
            (r#""1700000000""#, "field_type"),
            (r#""1700000000000""#, "field_type"),
        ] {
            let refused =
                fields(&format!(r#"{{"after":{json}}}"#)).required::<Timestamp>("after").unwrap_err();
            assert_eq!((refused.code, refused.param.as_deref()), (code, Some("after")), "{json}");
        }
        for json in ["0", "0.0", "100000000001", "1700000000000", "1.7e12", r#""1970-01-01T00:00:01Z""#] {
            assert!(
                fields(&format!(r#"{{"after":{json}}}"#)).required::<Timestamp>("after").is_ok(),
                "{json}"
            );
        }
    }

    #[test]
    fn content_codings_but_identity_are_recognised_in_lists_and_repeated_headers() {
        let encoded = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            is_encoded(&headers)
        };
        for plain in [&[][..], &[""], &["identity"], &["Identity"], &[" identity , "], &["identity", ""]] {
            assert!(!encoded(plain), "{plain:?}");
        }
        for coded in [
            &["gzip"][..],
            &["GZIP"],
            &["br"],
            &["gzip, identity"],
            &["identity,gzip"],
            &["identity", "deflate"],
            &["", "zstd"],
            &["aes128gcm"],
            &["identity;q=1"],
        ] {
            assert!(encoded(coded), "{coded:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_named_with_its_encoding() {
        let cases: [(&[u8], &str); 6] = [
            (b"\xef\xbb\xbf{}", "UTF-8"),
            (b"\xef\xbb\xbf", "UTF-8"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
            (b"\xfe\xff\0{\0}", "UTF-16"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32"),
            (b"\0\0\xfe\xff\0\0\0{", "UTF-32"),
        ];
        for (bytes, encoding) in cases {
            let refused = refuse_byte_order_mark(bytes).unwrap_err();
            assert!(refused.message.contains(&format!("byte order mark, of {encoding}.")), "{refused}");
        }
        assert!(refuse_byte_order_mark("{\"a\":\"\u{feff}\"}".as_bytes()).is_ok());
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
