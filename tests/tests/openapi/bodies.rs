//! What handlers take is what their bodies' schemas say, field by field.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::platform::Answer;

use crate::{
    document::{Operation, allows, document, operations, resolve},
    probes,
    stage::Stage,
};

/// Where the schema cannot say what the handler knows: operation and field, and why.
const BEYOND_SCHEMA: &[(&str, &str, &str)] = &[
    ("replayWebhookDeliveries", "after", "it must be before `before`, which is now by default"),
    ("replayWebhookDeliveries", "before", "it must be after `after`"),
    ("publishEvent", "data", "its schema depends on the type"),
    ("publishEvent", "type", "the example's data suits its own type"),
    ("resendEvent", "endpoint_id", "the endpoint must be one that the event was for, or match it now"),
    ("updateWebhook", "format", "its secret must suit the format"),
];

/// Where the handler takes what the schema does not: an array's items have results of their own.
const BEYOND_HANDLER: (&str, &str) = ("publishEvents", "events");

/// The operations with bodies, each with a body that it takes.
fn with_bodies() -> Vec<(Operation, Value)> {
    let all = operations().into_iter();
    let with = all.filter_map(|operation| {
        let example = operation.request_examples().first()?.clone();
        Some((operation, example))
    });
    with.collect()
}

fn properties(operation: &Operation) -> &'static serde_json::Map<String, Value> {
    static NONE: std::sync::LazyLock<serde_json::Map<String, Value>> =
        std::sync::LazyLock::new(serde_json::Map::new);
    let schema = resolve(operation.body().unwrap());
    assert_eq!(schema["additionalProperties"], json!(false), "{}", operation.id);
    schema["properties"].as_object().unwrap_or(&NONE)
}

#[tokio::test]
async fn documented_fields_are_known_and_others_are_not() {
    let everywhere = document()["components"]["schemas"].as_object().unwrap().values();
    let names: BTreeSet<&str> = everywhere
        .filter_map(|schema| schema["properties"].as_object())
        .flat_map(|properties| properties.keys().map(String::as_str))
        .chain(["nothing_of_the_kind"])
        .collect();
    assert!(names.len() > 40);
    for (operation, example) in with_bodies() {
        let stage = Stage::set().await;
        let known = properties(&operation);
        for name in &names {
            let mut body = stage.example(&example);
            body[name] = json!([{}]);
            let answer = stage.send(&stage.owner(), &operation, &stage.path(&operation), &body).await;
            operation.check(&answer);
            let unknown = answer.json()["error"] == format!("Unknown field \"{name}\"");
            // A change says of the secret that it is rotated instead.
            let told_apart = operation.id == "updateWebhook" && *name == "secret";
            assert_eq!(
                unknown,
                !known.contains_key(*name) && !told_apart,
                "{} {name}: {}",
                operation.id,
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn each_field_takes_what_its_schema_allows_and_nothing_else() {
    let mut tried = 0;
    for (operation, example) in with_bodies() {
        let stage = Stage::set().await;
        for (name, schema) in properties(&operation) {
            let beyond = BEYOND_SCHEMA.iter().any(|(id, field, _)| (*id, *field) == (operation.id, name));
            for value in probes::values_for(schema) {
                let mut body = stage.example(&example);
                body[name] = value.clone();
                let answer = try_body(&stage, &operation, &body).await;
                judge(&operation, name, schema, &value, &answer, beyond);
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

#[tokio::test]
async fn each_number_of_a_retry_policy_takes_what_its_schema_allows_and_nothing_else() {
    let schema = &document()["components"]["schemas"]["RetryPolicyInput"];
    assert_eq!(schema["additionalProperties"], json!(false));
    let stage = Stage::set().await;
    for operation in operations().into_iter().filter(|operation| operation.id == "updateWebhook") {
        for (name, schema) in schema["properties"].as_object().unwrap() {
            for value in probes::values_for(schema) {
                let answer = try_body(&stage, &operation, &json!({ "retry_policy": { name: value } })).await;
                judge(&operation, &format!("retry_policy.{name}"), schema, &value, &answer, false);
            }
        }
        let answer = try_body(&stage, &operation, &json!({ "retry_policy": { "zz": 1 } })).await.expect(400);
        assert_eq!(answer.json()["error"], "Unknown field \"retry_policy.zz\"");
    }
}

async fn try_body(stage: &Stage, operation: &Operation, body: &Value) -> Answer {
    stage.send(&stage.owner(), operation, &stage.path(operation), body).await
}

/// Holds an answer against what the field's schema says of its value.
#[track_caller]
fn judge(operation: &Operation, name: &str, schema: &Value, value: &Value, answer: &Answer, beyond: bool) {
    operation.check(answer);
    let shown: String = value.to_string().chars().take(80).collect();
    let context = format!("{} {name} = {shown}: {}", operation.id, answer.text);
    if (operation.id, name) == BEYOND_HANDLER
        && value.as_array().is_some_and(|items| (1..=100).contains(&items.len()))
    {
        assert_eq!(answer.status, 202, "{context}");
    } else if !allows(schema, value) {
        assert_eq!(answer.status, 400, "{context}");
        let param = answer.json()["param"].as_str().unwrap_or_default().to_owned();
        assert!(param == name || param.starts_with(&format!("{name}.")), "{context}");
    } else if !beyond {
        assert!(answer.status.is_success(), "{context}");
    }
}

#[tokio::test]
async fn a_required_field_is_asked_for() {
    for (operation, example) in with_bodies() {
        let stage = Stage::set().await;
        let required = resolve(operation.body().unwrap())["required"].as_array().cloned().unwrap_or_default();
        assert_eq!(operation.body_is_optional(), required.is_empty(), "{}", operation.id);
        for name in required {
            let name = name.as_str().unwrap();
            for missing in [None, Some(json!(null))] {
                let mut body = stage.example(&example);
                match missing {
                    None => drop(body.as_object_mut().unwrap().remove(name)),
                    Some(null) => body[name] = null,
                }
                let answer = try_body(&stage, &operation, &body).await.expect(400).json();
                assert_eq!(answer["error"], format!("{name} is required"), "{}", operation.id);
                assert_eq!((&answer["code"], &answer["param"]), (&json!("field_required"), &json!(name)));
            }
        }
    }
}

#[tokio::test]
async fn defaults_are_what_the_document_says() {
    let stage = Stage::set().await;
    let create = json!({ "url": "https://example.com/", "enabled_events": ["*"] });
    for (id, body, pointer) in [
        ("createWebhook", create, ""),
        ("registerOrbitWebhook", json!({ "url": "https://example.com/", "events": ["*"] }), "/data"),
    ] {
        let operation = operations().into_iter().find(|operation| operation.id == id).unwrap();
        let answer = try_body(&stage, &operation, &body).await.expect(201).json();
        let made = answer.pointer(pointer).unwrap();
        let defaults: Vec<_> = properties(&operation)
            .iter()
            .filter_map(|(name, schema)| Some((name, schema.get("default")?)))
            .collect();
        assert!(defaults.len() >= 2, "{id}");
        for (name, default) in defaults {
            assert_eq!(&made[name], default, "{id} {name}");
        }
    }
}
