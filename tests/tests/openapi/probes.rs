//! Values to try: of every type, and at and beyond every bound that the contract has.

use serde_json::{Map, Value, json};

use crate::document::resolve;

/// Values for a field with this schema: all of the types that the schema names, and one of each other type.
pub(crate) fn values_for(schema: &'static Value) -> Vec<Value> {
    let own = types(schema);
    let mut seen = Vec::new();
    let wanted = values().into_iter().filter(|value| {
        let kind = kind(value);
        let first = !seen.contains(&kind);
        seen.push(kind);
        first || own.contains(&kind)
    });
    wanted.collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The types that a schema names, `integer` as `number`.
fn types(schema: &'static Value) -> Vec<&'static str> {
    let schema = resolve(schema);
    let choices = ["oneOf", "anyOf"].into_iter().filter_map(|word| schema[word].as_array()).flatten();
    let named = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    let named = named.map(|name| if name == "integer" { "number" } else { name });
    choices.flat_map(types).chain(named).collect()
}

/// Values of every type.
fn values() -> Vec<Value> {
    let mut values =
        vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!([[]]), json!([null])];
    values.extend(numbers().into_iter().map(Value::from));
    values.extend([json!(1.5), json!(10.0), json!(2.5), json!(-0.5), json!(0.5), json!(1e3), json!(1e300)]);
    values.extend(texts().into_iter().map(Value::from));
    values.extend([json!(["*"]), json!(["send.*"]), json!(["nope.*"]), json!([""]), json!([1])]);
    values.extend([json!(vec!["*"; 100]), json!(vec!["*"; 101])]);
    values.extend([json!(["platform:events:read"]), json!(["platform:all"])]);
    values.extend([json!({ "a": "b" }), json!({ "a": 1 }), json!({ "a": null }), json!({ "": "b" })]);
    values.extend([
        json!({ "a": "" }),
        json!({ "a": "\u{200b}" }),
        json!({ "a": "b\nc" }),
        json!({ "a\n": "b" }),
    ]);
    values.extend([json!({ "a": "\u{202e}b" }), json!({ "\u{202e}a": "b" }), json!({ " ": "b" })]);
    values.extend([
        strings(50, 1, 1),
        strings(51, 1, 1),
        strings(1, 40, 500),
        strings(1, 41, 1),
        strings(1, 1, 501),
    ]);
    values
}

/// Texts for a field, a parameter or a header.
pub(crate) fn texts() -> Vec<String> {
    let mut texts: Vec<_> = [
        "",
        " ",
        "x",
        "é",
        "null",
        "true",
        "false",
        "TRUE",
        "*",
        "send.*",
        "send.email.sent",
        "send.email",
        "nope",
        "dodev",
        "standard",
        "pending",
        "held",
        "failed",
        "asc",
        "desc",
        "https://example.com/",
        "http://example.com/",
        "0",
        "1",
        "25",
        "200",
        "201",
        "-1",
        "1.5",
        "1700000000",
        "1700000000.5",
        "100000000000",
        "100000000001",
        "1700000000000",
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20.5+01:00",
        "2023-11-14",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "10000-01-01T00:00:00Z",
        "253402300800000",
        "platform:webhooks:read",
        "whep_abc123",
        "two\nlines",
        "a\ttab",
        "bell\u{7}",
        "\u{7f}del",
        "\u{85}c1",
        "a\u{2028}b",
        "\u{202e}turned",
        "a\u{2066}b",
        "a\u{61c}b",
        "a\u{200f}",
        "\u{a0}",
        "\u{3000}\u{3000}",
        "\u{200b}",
        "\u{feff}\u{ad}",
        "\u{2800}",
        "\u{3164}",
        "a\u{200b}b",
        "👩\u{200d}👧",
    ]
    .map(str::to_owned)
    .into();
    texts.extend([" ".repeat(16), format!("{} x", " ".repeat(14)), format!("{}\t", "x".repeat(16))]);
    for length in [15, 16, 128, 129, 255, 256, 257, 500, 501, 2_049] {
        texts.push("x".repeat(length));
    }
    texts.push("é".repeat(16));
    texts.push("😀".repeat(500));
    texts.push(format!("https://example.com/{}", "x".repeat(2_028)));
    texts.push(format!("https://example.com/{}", "x".repeat(2_029)));
    texts
}

fn numbers() -> Vec<i64> {
    let bounds = [
        0,
        1,
        5,
        10,
        30,
        200,
        3_600,
        43_200,
        86_400,
        604_800,
        100_000_000_000,
        253_402_300_799_999,
        i64::MAX - 1,
    ];
    bounds.into_iter().flat_map(|bound| [bound - 1, bound, bound + 1]).collect()
}

/// An object of so many strings with names and values of these lengths.
fn strings(count: usize, name: usize, value: usize) -> Value {
    let entry = |n: usize| (format!("{n:0>name$}"), json!("é".repeat(value)));
    Value::Object((0..count).map(entry).collect::<Map<_, _>>())
}
