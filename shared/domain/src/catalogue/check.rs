//! Whether an event's `data` satisfies its type's schema.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::field::{Field, Shape};
use crate::{ErrorCode, Invalid};

/// Why an event's `data` does not satisfy its type's schema. The publisher may read the text: it has only words of the schema,
/// and none of the data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataProblem {
    /// A required field is absent.
    #[error("{path} is required")]
    Missing {
        /// Where it should be, such as `data.messageId`.
        path: String,
    },
    /// A value has the wrong type.
    #[error("{path} must be {expected}")]
    Mismatch {
        /// Where it is, such as `data.to[1]`.
        path: String,
        /// What belongs there, such as `an array of strings`.
        expected: String,
    },
    /// An object has a key with half of a surrogate pair, which no string can hold.
    #[error("{path} has a key that is not valid Unicode")]
    UnreadableKey {
        /// Where the object is, such as `data`.
        path: String,
    },
}

impl DataProblem {
    /// Where the problem is, from `data` on.
    pub fn path(&self) -> &str {
        match self {
            Self::Missing { path } | Self::Mismatch { path, .. } | Self::UnreadableKey { path } => path,
        }
    }

    fn mismatch(path: &str, expected: impl Into<String>) -> Self {
        Self::Mismatch { path: path.to_owned(), expected: expected.into() }
    }
}

impl From<DataProblem> for Invalid {
    fn from(problem: DataProblem) -> Self {
        Self::param(problem.path().to_owned(), ErrorCode::DataBreaksSchema, problem.to_string())
    }
}

/// Checks that the JSON text `value` is an object, that its known fields have their types, and that no required field is
/// missing.
pub(super) fn check_object(fields: &[Field], path: &str, value: &str) -> Result<(), DataProblem> {
    if kind(value) != Kind::Object {
        return Err(DataProblem::mismatch(path, "an object"));
    }
    // The text is valid JSON. So only one thing can still go wrong: a key that cannot be decoded.
    let members: HashMap<String, &RawValue> =
        serde_json::from_str(value).map_err(|_| DataProblem::UnreadableKey { path: path.to_owned() })?;
    for field in fields {
        let path = format!("{path}.{}", field.name);
        match members.get(field.name) {
            Some(value) => field.shape.check(&path, value.get())?,
            None if field.required => return Err(DataProblem::Missing { path }),
            None => {}
        }
    }
    Ok(())
}

impl Shape {
    fn check(&self, path: &str, value: &str) -> Result<(), DataProblem> {
        let fits = match self {
            Self::Text(_) | Self::Time(_) => kind(value) == Kind::Text,
            Self::OneOf(choices) => is_one_of(choices, value),
            Self::Flag(_) => kind(value) == Kind::Flag,
            Self::Count(_) => is_count(value),
            Self::Number(_) => kind(value) == Kind::Number,
            Self::Texts(_) => return check_texts(path, value),
            Self::Object(fields) => return check_object(fields, path, value),
        };
        if fits { Ok(()) } else { Err(DataProblem::mismatch(path, self.expected())) }
    }

    fn expected(&self) -> Cow<'static, str> {
        match self {
            Self::Text(_) | Self::Time(_) => "a string".into(),
            Self::OneOf(choices) => format!("one of {}", choices.join(", ")).into(),
            Self::Texts(_) => "an array of strings".into(),
            Self::Flag(_) => "true or false".into(),
            Self::Count(_) => "a whole number from 0".into(),
            Self::Number(_) => "a number".into(),
            Self::Object(_) => "an object".into(),
        }
    }
}

fn check_texts(path: &str, value: &str) -> Result<(), DataProblem> {
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(value) else {
        return Err(DataProblem::mismatch(path, "an array of strings"));
    };
    match items.iter().position(|item| kind(item.get()) != Kind::Text) {
        Some(index) => Err(DataProblem::mismatch(&format!("{path}[{index}]"), "a string")),
        None => Ok(()),
    }
}

fn is_one_of(choices: &[&str], value: &str) -> bool {
    serde_json::from_str::<Cow<'_, str>>(value).is_ok_and(|text| choices.contains(&text.as_ref()))
}

/// JSON Schema counts `3.0` and `3e0` among the integers.
fn is_count(value: &str) -> bool {
    serde_json::from_str::<f64>(value).is_ok_and(|number| number >= 0.0 && number.fract() == 0.0)
}

#[derive(PartialEq)]
enum Kind {
    Object,
    Array,
    Text,
    Flag,
    Null,
    Number,
}

/// The type of a valid JSON text, which its first character tells.
fn kind(value: &str) -> Kind {
    match value.trim_ascii_start().bytes().next() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b'"') => Kind::Text,
        Some(b't' | b'f') => Kind::Flag,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}
