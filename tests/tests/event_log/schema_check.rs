//! As much of JSON Schema as the published schemas use; a keyword beyond that fails the test that meets it.

use regex_lite::Regex;
use serde_json::Value;

/// Whether the value satisfies the schema.
pub(crate) fn satisfies(schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().unwrap_or_else(|| panic!("no schema: {schema}"));
    keywords.iter().all(|(keyword, expected)| match keyword.as_str() {
        "$schema" | "title" | "description" | "examples" | "default" | "contentEncoding" => true,
        "type" => is_of_type(value, expected.as_str().unwrap()),
        "const" => value == expected,
        "pattern" => {
            value.as_str().is_none_or(|text| Regex::new(expected.as_str().unwrap()).unwrap().is_match(text))
        }
        "oneOf" => expected.as_array().unwrap().iter().filter(|schema| satisfies(schema, value)).count() == 1,
        "required" => value.as_object().is_none_or(|fields| {
            expected.as_array().unwrap().iter().all(|name| fields.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|fields| {
            let known = expected.as_object().unwrap().iter();
            known
                .filter_map(|(name, schema)| Some((schema, fields.get(name)?)))
                .all(|(schema, it)| satisfies(schema, it))
        }),
        "additionalProperties" => {
            assert_eq!(expected, false, "the check knows no other kind");
            let known = schema["properties"].as_object().unwrap();
            value.as_object().is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
        }
        _ => panic!("the check knows no {keyword}"),
    })
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        _ => panic!("the check knows no type {name}"),
    }
}
