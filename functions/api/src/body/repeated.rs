//! Objects that name a field twice.
//!
//! serde's own maps keep the last of them and say nothing, so that half of what a caller sent would count for nothing.

use std::{cell::RefCell, collections::HashSet, fmt};

use domain::Invalid;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::malformed;

/// The most characters of a caller's names that an error shows.
const SHOWN_CHARS: usize = 64;

/// Reads JSON, and refuses it if any object in it names a field twice.
pub(super) fn parse(text: &str) -> Result<Value, Invalid> {
    let repeated = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);

    let place = Place { parent: None, segment: Segment::Root, repeated: &repeated };
    let value = place.deserialize(&mut json).map_err(|error| malformed(&error))?;
    json.end().map_err(|error| malformed(&error))?;

    match repeated.into_inner() {
        None => Ok(value),
        Some(path) => Err(field_repeated(&path)),
    }
}

/// Says which field of this object's JSON text, whatever is inside its fields, is given more than once.
pub(crate) fn repeated_field(object: &str) -> Option<Invalid> {
    struct Names;

    impl<'de> Visitor<'de> for Names {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut seen, mut repeated) = (HashSet::new(), None);
            while let Some((name, IgnoredAny)) = map.next_entry::<String, _>()? {
                if repeated.is_none() && seen.contains(&name) {
                    repeated = Some(name);
                } else {
                    seen.insert(name);
                }
            }
            Ok(repeated)
        }
    }

    let repeated = serde_json::Deserializer::from_str(object).deserialize_map(Names).ok()?;
    repeated.map(|name| field_repeated(&name))
}

fn field_repeated(path: &str) -> Invalid {
    let shown: String = path.chars().take(SHOWN_CHARS).collect();
    let message = format!("Field \"{shown}\" is given more than once");
    Invalid::param(shown, "field_repeated", message)
}

/// Where in the body a value stands, and the first field that was found there twice. Finding one does not end the reading:
/// JSON that is malformed further on is reported as such.
#[derive(Clone, Copy)]
struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    segment: Segment<'a>,
    repeated: &'a RefCell<Option<String>>,
}

/// The last step to a value.
#[derive(Clone, Copy)]
enum Segment<'a> {
    Root,
    Field(&'a str),
    Item(usize),
}

/// Names and positions from the outermost object on, such as `retry_policy.max_retries`.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
        }
        let is_outermost = self.parent.is_none_or(|parent| matches!(parent.segment, Segment::Root));
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Field(name) if is_outermost => f.write_str(name),
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Item(index) => write!(f, "[{index}]"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        let of_item = |index| Place { parent: Some(&self), segment: Segment::Item(index), ..self };
        while let Some(value) = items.next_element_seed(of_item(values.len()))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let place = Place { parent: Some(&self), segment: Segment::Field(&name), ..self };
            if values.contains_key(&name) {
                self.repeated.borrow_mut().get_or_insert_with(|| place.to_string());
            }
            let value = fields.next_value_seed(place)?;
            values.insert(name, value);
        }
        Ok(Value::Object(values))
    }
}
