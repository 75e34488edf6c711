//! The types of fields, each with its reader and its schema.

use std::collections::BTreeMap;

use application::endpoints::Grace;
use domain::{
    ErrorCode, Invalid, NotAMoment, Timestamp,
    delivery::Status,
    endpoint::{Description, TimeoutSeconds},
    format::Format,
    key::KeyName,
    metadata::Metadata,
    pattern::{MAX_PATTERNS, Patterns},
    retry::{PolicyChoice, RetryPolicy},
    scope::Scopes,
    secret::GivenSecret,
};
use serde_json::{Number, Value, value::RawValue};
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, Type},
};

use super::{
    Field, ReadFields,
    field::{Schemas, missing},
    fields::Fields,
    request,
};
use crate::schema;

/// Reads a field's JSON as one of JSON's own types.
trait Json: Sized {
    /// What follows in the message "url must be …".
    const EXPECTED: &'static str;

    fn from_json(value: Value) -> Option<Self>;

    fn of(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        let value = serde_json::from_str(json.get()).ok();
        value.and_then(Self::from_json).ok_or_else(|| wrong_type(name, Self::EXPECTED))
    }
}

fn wrong_type(name: &str, expected: &str) -> Invalid {
    Invalid::param(name.to_owned(), ErrorCode::FieldType, format!("{name} must be {expected}"))
}

impl Json for String {
    const EXPECTED: &'static str = "a string";

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Json for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_json(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Json for i64 {
    const EXPECTED: &'static str = "an integer";

    /// JSON Schema counts `3.0` and `3e0` among the integers.
    fn from_json(value: Value) -> Option<Self> {
        value.as_i64().or_else(|| whole(value.as_f64()?))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole numbers of at most 2^53 are exact in both types")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

impl Json for f64 {
    const EXPECTED: &'static str = "a number";

    fn from_json(value: Value) -> Option<Self> {
        value.as_f64()
    }
}

impl Json for Vec<String> {
    const EXPECTED: &'static str = "an array of strings";

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(String::from_json).collect(),
            _ => None,
        }
    }
}

impl Json for BTreeMap<String, String> {
    const EXPECTED: &'static str = "an object of strings";

    fn from_json(value: Value) -> Option<Self> {
        let Value::Object(map) = value else { return None };
        map.into_iter().map(|(key, value)| Some((key, String::from_json(value)?))).collect()
    }
}

fn add<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into(), T::schema()));
    T::schemas(schemas);
}

/// Declares fields that the document has a named schema for.
macro_rules! named_fields {
    ($($(#[$doc:meta])* $type:ty = $schema:ty: |$json:ident, $name:ident| $read:expr;)*) => {
        $(
            $(#[$doc])*
            impl Field for $type {
                fn read($json: &RawValue, $name: &str) -> Result<Self, Invalid> {
                    $read
                }

                fn schema() -> RefOr<Schema> {
                    schema::reference::<$schema>()
                }

                fn schemas(schemas: &mut Schemas) {
                    add::<$schema>(schemas);
                }
            }
        )*
    };
}

/// Declares fields whose schema is written where it is used.
macro_rules! plain_fields {
    ($($(#[$doc:meta])* $type:ty = $schema:expr => |$json:ident, $name:ident| $read:expr;)*) => {
        $(
            $(#[$doc])*
            impl Field for $type {
                fn read($json: &RawValue, $name: &str) -> Result<Self, Invalid> {
                    $read
                }

                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }

                fn schemas(_: &mut Schemas) {}
            }
        )*
    };
}

/// A webhook endpoint's URL, not checked yet.
#[derive(Debug)]
pub(crate) struct Url(pub(crate) String);

/// The name of an event type that may be published, not looked up yet.
#[derive(Debug)]
pub(crate) struct PublishableType(pub(crate) String);

/// An event's data to the letter, not checked yet.
pub(crate) struct RawData(pub(crate) Box<RawValue>);

impl std::fmt::Debug for RawData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Customers' data stays out of logs.
        write!(f, "RawData({} bytes)", self.0.get().len())
    }
}

/// A text that may be an endpoint's id.
#[derive(Debug)]
pub(crate) struct EndpointReference(pub(crate) String);

/// A status of deliveries that can be replayed.
#[derive(Debug)]
pub(crate) struct ReplayableStatus(pub(crate) Status);

/// A number of a retry policy. The policy itself reports a number that is out of its bounds.
#[derive(Debug)]
pub(crate) struct Whole(pub(crate) u32);

named_fields! {
    Url = schema::WebhookUrl: |json, name| String::of(json, name).map(Self);
    GivenSecret = schema::GivenSecret: |json, name| String::of(json, name).map(Self::new);
    PublishableType = schema::PublishableType: |json, name| String::of(json, name).map(Self);
    EndpointReference = schema::EndpointId: |json, name| String::of(json, name).map(Self);
    Description = schema::Description: |json, name| Self::parse(&String::of(json, name)?);
    KeyName = schema::KeyName: |json, name| Self::parse(&String::of(json, name)?);
    &'static Format = schema::FormatName: |json, name| Format::parse(&String::of(json, name)?);
    Metadata = schema::Metadata: |json, name| Self::parse(BTreeMap::of(json, name)?);
    Timestamp = schema::Moment: |json, name| moment(json).map_err(|it| it.invalid(name.to_owned(), ErrorCode::FieldType));
    ReplayableStatus = schema::ReplayableStatus: |json, name| replayable(&String::of(json, name)?);
    PolicyChoice = RetryPolicyInput: |json, name| read_policy(json, name);
}

plain_fields! {
    bool = ObjectBuilder::new().schema_type(Type::Boolean) => |json, name| Self::of(json, name);
    f64 = ObjectBuilder::new().schema_type(Type::Number).format(Some(schema::double())) => |json, name| Json::of(json, name);
    TimeoutSeconds = schema::timeout_seconds() => |json, name| Self::new(i64::of(json, name)?);
    Grace = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(schema::int64()))
        .minimum(Some(0))
        .maximum(Some(Grace::MAX.seconds())) => |json, name| Self::new(i64::of(json, name)?);
    Whole = ObjectBuilder::new().schema_type(Type::Integer).format(Some(schema::int32())) => |json, name| Ok(Self(u32::try_from(i64::of(json, name)?).unwrap_or(u32::MAX)));
}

impl Field for RawData {
    fn read(json: &RawValue, _: &str) -> Result<Self, Invalid> {
        Ok(Self(json.to_owned()))
    }

    fn schema() -> RefOr<Schema> {
        schema::reference::<schema::EventData>()
    }

    fn schemas(schemas: &mut Schemas) {
        add::<schema::EventData>(schemas);
    }

    /// Only null counts as missing: an empty text is no object, and is reported as such.
    fn take(fields: &mut Fields, name: &str) -> Result<Self, Invalid> {
        let json = fields.take(name).filter(|json| json.get() != "null");
        json.map(Self).ok_or_else(|| missing(fields.named(name)))
    }
}

impl Field for Patterns {
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        Self::parse(&Vec::of(json, name)?, name)
    }

    fn schema() -> RefOr<Schema> {
        let items = schema::reference::<schema::Pattern>();
        ArrayBuilder::new().items(items).min_items(Some(1)).max_items(Some(MAX_PATTERNS)).into()
    }

    fn schemas(schemas: &mut Schemas) {
        add::<schema::Pattern>(schemas);
    }
}

impl Field for Scopes {
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        Self::parse(&Vec::of(json, name)?)
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(schema::reference::<schema::ScopeName>()).min_items(Some(1)).into()
    }

    fn schemas(schemas: &mut Schemas) {
        add::<schema::ScopeName>(schemas);
    }
}

request! {
    /// When failed attempts are tried again. Numbers that are not given, or null, are the default's at creation and stay as they
    /// are in a change.
    #[examples()]
    struct RetryPolicyInput {
        /// How many retries follow the first attempt.
        #[with(schema::within(&RetryPolicy::MAX_RETRIES))]
        max_retries: Option<Whole>,
        /// The wait before the first retry, in seconds.
        #[with(schema::within(&RetryPolicy::INITIAL_DELAY_SECONDS))]
        initial_delay_seconds: Option<Whole>,
        /// What each further wait is multiplied by.
        #[with(schema::within(&RetryPolicy::BACKOFF_FACTOR))]
        backoff_factor: Option<f64>,
        /// The longest wait, in seconds.
        #[with(schema::within(&RetryPolicy::MAX_DELAY_SECONDS))]
        max_delay_seconds: Option<Whole>,
    }
}

fn read_policy(json: &RawValue, name: &str) -> Result<PolicyChoice, Invalid> {
    let fields = Fields::nested(json, name).ok_or_else(|| wrong_type(name, "an object"))?;
    let input = RetryPolicyInput::read_all(fields)?;

    let number = |whole: Option<Whole>| whole.map(|Whole(number)| number);
    Ok(PolicyChoice {
        max_retries: number(input.max_retries),
        initial_delay_seconds: number(input.initial_delay_seconds),
        backoff_factor: input.backoff_factor,
        max_delay_seconds: number(input.max_delay_seconds),
    })
}

fn moment(json: &RawValue) -> Result<Timestamp, NotAMoment> {
    match serde_json::from_str(json.get()) {
        Ok(Value::Number(number)) => match i64::from_json(number.clone().into()) {
            Some(whole) => Timestamp::of_request(&whole.to_string()),
            None => Timestamp::of_request(&Number::to_string(&number)),
        },
        // In JSON, milliseconds must be a number, not a text.
        Ok(Value::String(text)) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Timestamp::of_request(&text)
        }
        _ => Err(NotAMoment::Unreadable),
    }
}

fn replayable(name: &str) -> Result<ReplayableStatus, Invalid> {
    match Status::from_name(name) {
        Some(status @ (Status::Failed | Status::Held)) => Ok(ReplayableStatus(status)),
        _ => Err(Invalid::param("status", ErrorCode::StatusInvalid, "status must be failed or held")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Field>(body: &str, name: &'static str) -> Result<T, Invalid> {
        T::take(&mut Fields::parse(body).unwrap(), name)
    }

    #[test]
    fn a_missing_field_is_reported_in_the_seed_s_words() {
        for body in ["", "{}", r#"{"url":null}"#, r#"{"url":""}"#] {
            let refused = read::<Url>(body, "url").unwrap_err();
            assert_eq!(
                (refused.message.as_str(), refused.param.as_deref()),
                ("url is required", Some("url"))
            );
        }
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        for (json, value) in
            [("3", Some(3)), ("3.0", Some(3)), ("-9223372036854775808", Some(i64::MIN)), ("3.5", None)]
        {
            let read = RawValue::from_string(json.into()).ok().and_then(|json| i64::of(&json, "n").ok());
            assert_eq!(read, value, "{json}");
        }
        assert!(read::<Whole>(r#"{"n":18446744073709551615}"#, "n").is_err());
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
            let refused = read::<Timestamp>(&format!(r#"{{"after":{json}}}"#), "after").unwrap_err();
            assert_eq!((refused.code.text(), refused.param.as_deref()), (code, Some("after")), "{json}");
        }
        for json in ["0", "0.0", "100000000001", "1700000000000", "1.7e12", r#""1970-01-01T00:00:01Z""#] {
            assert!(read::<Timestamp>(&format!(r#"{{"after":{json}}}"#), "after").is_ok(), "{json}");
        }
    }

    #[test]
    fn a_wrong_type_and_an_unknown_field_are_named() {
        let refused = read::<Url>(r#"{"url":5}"#, "url").unwrap_err();
        assert_eq!(refused.message, "url must be a string");
        let refused = read::<Patterns>(r#"{"enabled_events":["a",1]}"#, "enabled_events").unwrap_err();
        assert_eq!(refused.message, "enabled_events must be an array of strings");
        let refused = Fields::parse(r#"{"urll":"x"}"#).unwrap().finish().unwrap_err();
        assert_eq!(
            (refused.message.as_str(), refused.param.as_deref()),
            ("Unknown field \"urll\"", Some("urll"))
        );
    }
}
