//! The committed document is the one that the code makes, and it is one.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use tests::platform::{Deployment, Platform};

use crate::document::{self, examples_of, operations};

#[test]
fn infra_openapi_json_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/openapi.json");
    let made = api::openapi(&Deployment::default().limits()).unwrap();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "run this test with UPDATE_OPENAPI=1 and commit infra/openapi.json");
}

#[tokio::test]
async fn it_is_served_without_a_key() {
    let answer = Platform::new().without_key().get("/v1/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(&answer.json(), document::document());
}

#[test]
fn every_operation_says_what_it_is() {
    let mut ids = BTreeSet::new();
    for operation in operations() {
        assert!(ids.insert(operation.id), "{} twice", operation.id);
        assert!(!operation.text("summary").is_empty() && !operation.text("description").is_empty());
        assert!(operation.responses().any(|(status, _)| (200..300).contains(&status)), "{}", operation.id);
        for (status, response) in operation.responses() {
            let context = format!("{} {status}", operation.id);
            assert!(!response["description"].as_str().unwrap_or_default().is_empty(), "{context}");
            assert!(response["headers"].get("X-Request-Id").is_some(), "{context}");
        }
        for parameter in ["path", "query", "header"].into_iter().flat_map(|kind| operation.parameters(kind)) {
            assert!(parameter["description"].is_string(), "{} {}", operation.id, parameter["name"]);
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value) {
        match value {
            Value::Object(fields) => {
                if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document::document().pointer(pointer).is_some(), "{reference}");
                }
                fields.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(document::document());
}

#[test]
fn every_example_of_a_schema_satisfies_it() {
    let schemas = document::document()["components"]["schemas"].as_object().unwrap();
    let mut checked = 0;
    for (name, schema) in schemas {
        for example in examples_of(schema) {
            document::check(schema, example, name);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
