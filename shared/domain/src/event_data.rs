//! An event's `data`, carried to the letter.

use std::{fmt, sync::OnceLock};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{ErrorCode, Invalid, nesting};

/// The largest `data`, in bytes of its JSON text: 200 KiB.
///
/// Any such JSON can be carried. Deflate stores a block as it is when the block does not compress, which costs 5 bytes a block.
/// So data of this size takes at most 267 KiB in base64. Bus and queues take 1 MiB.
pub const MAX_DATA_BYTES: usize = 200 * 1024;

/// How deep `data` may be nested. It is itself the first level; see [`nesting::levels`].
///
/// The payload around it is one level more, and a page of the log is three, which makes 63. Common parsers read 64
/// (`System.Text.Json`) or more.
pub const MAX_DATA_LEVELS: usize = 60;

/// From this size on, `data` is deflated for the bus, the queues and the log. A smaller event takes one write unit anyway.
const DEFLATE_FROM_BYTES: usize = 512;

/// Between speed and size, from 0 to 10: zlib's default.
const DEFLATE_LEVEL: u8 = 6;

/// Characters that JSON may contain unescaped, but that SQS refuses in a message.
const REFUSED_BY_QUEUES: [char; 2] = ['\u{fffe}', '\u{ffff}'];

/// The JSON text of an object, exactly as it was published: key order, number spellings, escapes and white space.
///
/// It is compressed once, where it enters. Its compressed form is kept beside the text, so that bus, queue and log carry the very same
/// bytes.
#[derive(Clone)]
pub struct EventData {
    json: Box<RawValue>,
    carried: OnceLock<CarriedData>,
}

impl Serialize for EventData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl EventData {
    /// Reads a JSON object's text of at most [`MAX_DATA_BYTES`] and [`MAX_DATA_LEVELS`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let json: Box<RawValue> = serde_json::from_str(text).map_err(|_| not_an_object())?;
        Self::from_raw(json)
    }

    /// Takes a JSON value that is an object of at most [`MAX_DATA_BYTES`] and [`MAX_DATA_LEVELS`].
    pub fn from_raw(json: Box<RawValue>) -> Result<Self, Invalid> {
        let data = Self::accepted(json)?;
        data.check_levels()?;
        Ok(data)
    }

    /// Takes a JSON value that was accepted before, perhaps when deeper values were allowed. What is logged stays readable.
    fn accepted(json: Box<RawValue>) -> Result<Self, Invalid> {
        if !json.get().starts_with('{') {
            return Err(not_an_object());
        }
        if json.get().len() > MAX_DATA_BYTES {
            let message = format!("data must be at most {MAX_DATA_BYTES} bytes of JSON");
            return Err(Invalid::param("data", ErrorCode::DataTooLarge, message));
        }
        Ok(Self { json, carried: OnceLock::new() })
    }

    /// Refuses what is nested deeper than [`MAX_DATA_LEVELS`].
    pub fn check_levels(&self) -> Result<(), Invalid> {
        if nesting::levels(self.as_json()) <= MAX_DATA_LEVELS {
            return Ok(());
        }
        let message = format!("data must be nested at most {MAX_DATA_LEVELS} levels deep, itself included");
        Err(Invalid::param("data", ErrorCode::DataTooDeep, message))
    }

    /// The JSON text.
    pub fn as_json(&self) -> &str {
        self.json.get()
    }

    /// The JSON text without the white space between its elements. Every other letter is as it was published.
    pub fn compact(&self) -> Box<RawValue> {
        let (mut in_string, mut escaped) = (false, false);
        let kept = self.as_json().chars().filter(|character| {
            let keep = in_string || !character.is_ascii_whitespace();
            let ends_or_begins = *character == '"' && !escaped;
            escaped = in_string && *character == '\\' && !escaped;
            in_string ^= ends_or_begins;
            keep
        });
        // Taking white space out of JSON leaves JSON.
        RawValue::from_string(kept.collect()).unwrap_or_else(|_| self.json.clone())
    }

    /// The form in which queues and tables carry it: a string, since a JSON value would be written anew on the way.
    pub fn carried(&self) -> &CarriedData {
        self.carried.get_or_init(|| {
            let json = self.as_json();
            if json.len() < DEFLATE_FROM_BYTES && !json.contains(REFUSED_BY_QUEUES) {
                return CarriedData::Text(json.to_owned());
            }
            let deflated = miniz_oxide::deflate::compress_to_vec(json.as_bytes(), DEFLATE_LEVEL);
            CarriedData::Deflated(deflated)
        })
    }
}

impl fmt::Debug for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Customers' data stays out of logs.
        write!(f, "EventData({} bytes)", self.as_json().len())
    }
}

impl PartialEq for EventData {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

impl Eq for EventData {}

fn not_an_object() -> Invalid {
    Invalid::param("data", ErrorCode::DataInvalid, "data must be a JSON object")
}

/// [`EventData`] as it travels: in a JSON string; deflated and in base64 where that is shorter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedData {
    /// The JSON text.
    Text(String),
    /// The JSON text, deflated (RFC 1951). In JSON, this is its base64.
    Deflated(#[serde(with = "base64_text")] Vec<u8>),
}

impl CarriedData {
    /// Back to the text that was published. Its size is checked again, its depth is not: see [`EventData::check_levels`].
    pub fn open(&self) -> Result<EventData, Invalid> {
        let text = match self {
            Self::Text(text) => text,
            Self::Deflated(deflated) => &inflate(deflated)?,
        };
        let data = EventData::accepted(serde_json::from_str(text).map_err(|_| not_an_object())?)?;

        if let Self::Deflated(deflated) = self
            && deflated.len() <= text.len()
        {
            // Whoever deflated it may have done it badly: what is larger than its text is deflated anew where it is carried on.
            let _ = data.carried.set(self.clone());
        }
        Ok(data)
    }
}

fn inflate(deflated: &[u8]) -> Result<String, Invalid> {
    let damaged = || Invalid::param("data", ErrorCode::DataInvalid, "data is not deflated JSON");
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, MAX_DATA_BYTES);
    String::from_utf8(bytes.map_err(|_| damaged())?).map_err(|_| damaged())
}

impl fmt::Debug for CarriedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Deflated(deflated) => write!(f, "Deflated({} bytes)", deflated.len()),
        }
    }
}

mod base64_text {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_is_kept_to_the_letter() {
        let text = r#"{"b":1.0,"a":12345678901234567890123, "esc":"\u00e9\/é","a":null}"#;
        assert_eq!(EventData::parse(text).unwrap().carried().open().unwrap().as_json(), text);
    }

    #[test]
    fn what_was_deflated_is_carried_on_as_it_came_unless_that_is_larger_than_its_text() {
        let text = format!(r#"{{"messageId":"{}"}}"#, "m".repeat(2_000));
        let stored = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 1);
        let came = CarriedData::Deflated(stored);
        assert_eq!(came.open().unwrap().carried(), &came);

        // Blocks that are empty take five bytes each and say nothing.
        let mut padded = b"\x00\x00\x00\xff\xff".repeat(1_000);
        padded.extend(miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 6));
        let opened = CarriedData::Deflated(padded).open().unwrap();
        assert_eq!(opened.as_json(), text);
        let CarriedData::Deflated(anew) = opened.carried() else { panic!("it is long") };
        assert!(anew.len() < text.len());
    }

    #[test]
    fn compact_data_has_lost_white_space_between_elements_and_nothing_else() {
        let compact = |text: &str| EventData::parse(text).unwrap().compact().get().to_owned();
        assert_eq!(compact("{ \"a b\" :\t[ 1.0 ,\r\n\"x  y\" ] }"), r#"{"a b":[1.0,"x  y"]}"#);
        assert_eq!(compact(r#"{"a": "\" \\", "b" : "\\\" "}"#), r#"{"a":"\" \\","b":"\\\" "}"#);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["[]", "null", "\"{}\"", "{", "{}{}", ""] {
            assert_eq!(EventData::parse(text).unwrap_err().code, "data_invalid", "{text}");
        }
    }

    #[test]
    fn the_size_limit_is_exact() {
        let of_size = |bytes: usize| format!(r#"{{"x":"{}"}}"#, "y".repeat(bytes - 8));
        assert!(EventData::parse(&of_size(MAX_DATA_BYTES)).is_ok());
        assert_eq!(EventData::parse(&of_size(MAX_DATA_BYTES + 1)).unwrap_err().code, "data_too_large");
    }

    /// An object of so many levels, the innermost one empty.
    fn of_levels(levels: usize) -> String {
        format!(r"{}{{}}{}", r#"{"k":"#.repeat(levels - 1), "}".repeat(levels - 1))
    }

    #[test]
    fn the_depth_limit_is_exact_and_data_itself_is_the_first_level() {
        for levels in [1, 2, MAX_DATA_LEVELS] {
            assert!(EventData::parse(&of_levels(levels)).is_ok(), "{levels}");
        }
        for levels in [MAX_DATA_LEVELS + 1, 90_000 / 5] {
            let refused = EventData::parse(&of_levels(levels)).unwrap_err();
            assert_eq!(
                (refused.code.text(), refused.param.as_deref()),
                ("data_too_deep", Some("data")),
                "{levels}"
            );
            assert!(refused.message.contains("60"), "{refused}");
        }
        assert!(EventData::parse(&format!(r#"{{"brackets":"{}"}}"#, "[{".repeat(1_000))).is_ok());
    }

    #[test]
    fn what_was_accepted_when_deeper_data_was_stays_readable() {
        for levels in [MAX_DATA_LEVELS + 1, 1_000] {
            let text = of_levels(levels);
            let deflated = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), DEFLATE_LEVEL);
            for carried in [CarriedData::Text(text.clone()), CarriedData::Deflated(deflated)] {
                let data = carried.open().unwrap();
                assert_eq!(data.as_json(), text);
                assert_eq!(data.check_levels().unwrap_err().code, "data_too_deep");
            }
        }
    }

    #[test]
    fn deflated_data_that_is_no_data_is_refused() {
        let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 64 * MAX_DATA_BYTES], 9);
        for deflated in [bomb, b"not deflate".to_vec(), Vec::new()] {
            assert!(CarriedData::Deflated(deflated).open().is_err());
        }
    }

    /// Deflate stores what does not compress as it is. These bytes compress worst, whether or not they are JSON.
    #[test]
    fn nothing_of_the_largest_size_takes_more_than_267_kib_in_base64() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.to_be_bytes()[0]
        })
        .take(MAX_DATA_BYTES)
        .collect();

        let deflated = miniz_oxide::deflate::compress_to_vec(&noise, DEFLATE_LEVEL);
        assert!(deflated.len() > MAX_DATA_BYTES, "{} bytes: it compressed", deflated.len());
        let carried = serde_json::to_string(&CarriedData::Deflated(deflated)).unwrap();
        assert!(carried.len() < 267 * 1024, "{}", carried.len());
    }

    proptest! {
        #[test]
        fn any_object_survives_being_carried(text in "\\PC{0,3000}") {
            let json = serde_json::json!({ "text": text }).to_string();
            let data = EventData::parse(&json).unwrap();
            prop_assert_eq!(data.carried().open().unwrap(), data);
        }
    }
}
