//! The document as tests read it.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use hyper::Method;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use tests::platform::{Answer, Deployment};

/// As a deployment with the template's defaults answers it.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let json = api::openapi(&Deployment::default().limits()).unwrap();
    serde_json::from_str(&json).unwrap()
});
static CLOSED: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    components["schemas"].as_object_mut().unwrap().values_mut().for_each(close_parts);
    components
});

/// Validators by their schemas: making one takes far longer than using it.
type Validators = Mutex<HashMap<String, Arc<Validator>>>;

static VALIDATORS: LazyLock<Validators> = LazyLock::new(Validators::default);
static CLOSED_VALIDATORS: LazyLock<Validators> = LazyLock::new(Validators::default);

/// One operation of the document.
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    item: &'static Value,
}

pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

/// Every operation, in the document's order.
pub(crate) fn operations() -> Vec<Operation> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let methods = |(path, item): (&'static String, &'static Value)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| Operation {
            id: operation["operationId"].as_str().unwrap(),
            method: method.to_uppercase().parse().unwrap(),
            path,
            item: operation,
        })
    };
    paths.iter().flat_map(methods).collect()
}

impl Operation {
    /// The scope that it asks for; none where it needs no key.
    pub(crate) fn scope(&self) -> Option<&'static str> {
        self.item.get("x-required-scope").map(|scope| scope.as_str().unwrap())
    }

    pub(crate) fn text(&self, name: &str) -> &'static str {
        self.item[name].as_str().unwrap_or_default()
    }

    pub(crate) fn security(&self) -> &'static Value {
        &self.item["security"]
    }

    /// Its parameters of this kind: `path`, `query` or `header`.
    pub(crate) fn parameters(&self, kind: &str) -> Vec<&'static Value> {
        let all = self.item["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|parameter| parameter["in"] == kind).collect()
    }

    /// The schema of its body, if it takes one.
    pub(crate) fn body(&self) -> Option<&'static Value> {
        self.item["requestBody"]["content"]["application/json"].get("schema")
    }

    /// Whether it can be called without a body.
    pub(crate) fn body_is_optional(&self) -> bool {
        self.item["requestBody"]["required"] != json!(true)
    }

    /// The examples of its body.
    pub(crate) fn request_examples(&self) -> &'static [Value] {
        self.body().map(|schema| examples_of(resolve(schema))).unwrap_or_default()
    }

    /// Its documented answers by status.
    pub(crate) fn responses(&self) -> impl Iterator<Item = (u16, &'static Value)> {
        let responses = self.item["responses"].as_object().unwrap().iter();
        responses.map(|(status, response)| (status.parse().unwrap(), resolve(response)))
    }

    /// Checks an answer against what is documented for its status: schema, content type, headers.
    #[track_caller]
    pub(crate) fn check(&self, answer: &Answer) {
        let status = answer.status.as_u16();
        let found = self.responses().find(|(documented, _)| *documented == status);
        let (_, response) =
            found.unwrap_or_else(|| panic!("{}: {status} is not documented: {}", self.id, answer.text));
        for name in response["headers"].as_object().unwrap().keys().filter(|name| is_due(name, answer)) {
            assert!(!answer.header(name).is_empty(), "{}: {status} without {name}", self.id);
        }
        match response["content"].get("application/json") {
            None => assert_eq!(answer.text, "", "{}", self.id),
            Some(content) => {
                assert_eq!(answer.header("content-type"), "application/json", "{}", self.id);
                check(&content["schema"], &answer.json(), self.id);
            }
        }
    }
}

/// Headers that belong to one code alone among those of their status.
const OF_ONE_CODE: [(&str, &str); 2] =
    [("Accept-Encoding", "content_encoding_unsupported"), ("Retry-After", "event_not_logged_yet")];

/// Whether this answer must have a header that is documented for its status.
fn is_due(header: &str, answer: &Answer) -> bool {
    let code = OF_ONE_CODE.iter().find(|(name, _)| *name == header).map(|(_, code)| *code);
    code.is_none_or(|code| answer.json()["code"] == code)
}

/// The examples that a schema has.
pub(crate) fn examples_of(schema: &'static Value) -> &'static [Value] {
    schema["examples"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Follows a reference.
pub(crate) fn resolve(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        None => value,
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
    }
}

/// Whether a value satisfies a schema.
pub(crate) fn allows(schema: &Value, value: &Value) -> bool {
    validator(schema, &VALIDATORS, &DOCUMENT["components"]).is_valid(value)
}

/// Checks that a value satisfies a schema and has nothing that the schema does not name.
#[track_caller]
pub(crate) fn check(schema: &Value, value: &Value, context: &str) {
    let mut schema = schema.clone();
    schema["unevaluatedProperties"] = json!(false);
    let validator = validator(&schema, &CLOSED_VALIDATORS, &CLOSED);
    let problems: Vec<_> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{context}: {problems:#?}\n{value:#}");
}

fn validator(schema: &Value, known: &Validators, components: &Value) -> Arc<Validator> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let made = known.entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": components,
        });
        Arc::new(jsonschema::options().should_validate_formats(true).build(&whole).unwrap())
    });
    Arc::clone(made)
}

/// Lets properties and items have nothing that their schemas do not name. Answers may grow by fields, so the document
/// leaves them open; here a field that nobody documented is to be found.
fn close_parts(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    let close = |part: &mut Value| {
        close_parts(part);
        if part.is_object() && part.get("additionalProperties").is_none() {
            part["unevaluatedProperties"] = json!(false);
        }
    };
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(close);
    schema.get_mut("items").into_iter().for_each(close);
    for word in ["allOf", "oneOf", "anyOf"] {
        let parts = schema.get_mut(word).and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(close_parts);
    }
}
