//! A list of fields, written as an example and as a JSON Schema.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::field::{Field, Shape};

/// An example of an event's `data`; serializes as that object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Example(&'static [Field]);

impl Example {
    pub(super) fn of(fields: &'static [Field]) -> Self {
        Self(fields)
    }
}

impl Serialize for Example {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|field| (field.name, ExampleValue(&field.shape))))
    }
}

struct ExampleValue(&'static Shape);

impl Serialize for ExampleValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Shape::Text(text) | Shape::Time(text) => text.serialize(serializer),
            Shape::OneOf(choices) => choices.first().serialize(serializer),
            Shape::Texts(texts) => texts.serialize(serializer),
            Shape::Flag(flag) => flag.serialize(serializer),
            Shape::Count(count) => count.serialize(serializer),
            Shape::Number(number) => number.serialize(serializer),
            Shape::Object(fields) => Example(fields).serialize(serializer),
        }
    }
}

/// The JSON Schema (draft 2020-12) of an event's `data`; serializes as that schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schema(&'static [Field]);

impl Schema {
    pub(super) fn of(fields: &'static [Field]) -> Self {
        Self(fields)
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut schema = serializer.serialize_map(None)?;
        schema.serialize_entry("$schema", "https://json-schema.org/draft/2020-12/schema")?;
        object_keywords(self.0, &mut schema)?;
        schema.end()
    }
}

struct ShapeSchema(&'static Shape);

impl Serialize for ShapeSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut schema = serializer.serialize_map(None)?;

        match self.0 {
            Shape::Text(_) => schema.serialize_entry("type", "string")?,
            Shape::Time(_) => {
                schema.serialize_entry("type", "string")?;
                schema.serialize_entry("format", "date-time")?;
            }
            Shape::OneOf(choices) => schema.serialize_entry("enum", choices)?,
            Shape::Texts(_) => {
                schema.serialize_entry("type", "array")?;
                schema.serialize_entry("items", &ShapeSchema(&Shape::Text("")))?;
            }
            Shape::Flag(_) => schema.serialize_entry("type", "boolean")?,
            Shape::Count(_) => {
                schema.serialize_entry("type", "integer")?;
                schema.serialize_entry("minimum", &0)?;
            }
            Shape::Number(_) => schema.serialize_entry("type", "number")?,
            Shape::Object(fields) => object_keywords(fields, &mut schema)?,
        }

        schema.end()
    }
}

fn object_keywords<M: SerializeMap>(fields: &'static [Field], schema: &mut M) -> Result<(), M::Error> {
    schema.serialize_entry("type", "object")?;
    schema.serialize_entry("properties", &Properties(fields))?;
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    schema.serialize_entry("required", &required)?;
    schema.serialize_entry("additionalProperties", &true)
}

struct Properties(&'static [Field]);

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|field| (field.name, ShapeSchema(&field.shape))))
    }
}
