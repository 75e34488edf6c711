//! What lists take in their query is what the parameters' schemas say.

use serde_json::{Value, json};

use crate::{
    document::{Operation, allows, operations},
    probes,
    stage::Stage,
};

/// The form of a text in a query string.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

/// Whether a parameter's schema allows a text: as a text, or as the number or truth value that it spells.
fn allowed(schema: &Value, text: &str) -> bool {
    let spelled =
        serde_json::from_str::<Value>(text).ok().filter(|value| value.is_number() || value.is_boolean());
    allows(schema, &json!(text)) || spelled.is_some_and(|value| allows(schema, &value))
}

fn lists() -> Vec<Operation> {
    operations().into_iter().filter(|operation| !operation.parameters("query").is_empty()).collect()
}

#[tokio::test]
async fn each_parameter_takes_what_its_schema_allows_and_nothing_else() {
    let stage = Stage::set().await;
    let owner = stage.owner();
    let mut tried = 0;
    for operation in lists() {
        for parameter in operation.parameters("query") {
            let name = parameter["name"].as_str().unwrap();
            for text in probes::texts() {
                let path = format!("{}?{name}={}", stage.path(&operation), encoded(&text));
                let answer = owner.get(&path).await;
                operation.check(&answer);
                let context = format!("{} {name}={text:.80}: {}", operation.id, answer.text);
                // A cursor can only be one that a list has given out.
                if name == "cursor" || !allowed(&parameter["schema"], &text) {
                    assert_eq!(answer.status, 400, "{context}");
                    assert_eq!(answer.json()["param"], name, "{context}");
                } else {
                    assert_eq!(answer.status, 200, "{context}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 500, "{tried}");
}

#[tokio::test]
async fn an_unknown_or_repeated_parameter_is_refused_by_every_list() {
    let stage = Stage::set().await;
    let owner = stage.owner();
    for operation in lists() {
        let path = stage.path(&operation);
        let unknown = owner.get(&format!("{path}?nothing_of_the_kind=1")).await.expect(400);
        assert_eq!(unknown.json()["code"], "parameter_unknown", "{}", operation.id);
        operation.check(&unknown);
        for parameter in operation.parameters("query") {
            let name = parameter["name"].as_str().unwrap();
            let repeated = owner.get(&format!("{path}?{name}=1&{name}=1")).await.expect(400);
            assert_eq!(repeated.json()["code"], "parameter_repeated", "{} {name}", operation.id);
            operation.check(&repeated);
        }
    }
}

#[tokio::test]
async fn each_idempotency_key_is_taken_as_its_schema_says() {
    let stage = Stage::set().await;
    let mut checked = 0;
    for operation in operations().into_iter().filter(|operation| !operation.parameters("header").is_empty()) {
        checked += 1;
        let parameter = operation.parameters("header")[0];
        let example = operation.request_examples()[0].to_string();
        let path = stage.path(&operation);
        // What no header can hold is not for the handler to judge.
        let can_be_sent = |text: &String| text.is_ascii() && !text.contains(|it: char| it.is_control());
        for text in probes::texts().into_iter().filter(can_be_sent) {
            let headers = [("content-type", "application/json"), ("Idempotency-Key", text.as_str())];
            let answer = stage.owner().send(operation.method.clone(), &path, &headers, &example).await;
            operation.check(&answer);
            // What was taken may still conflict: another operation was asked with the same key.
            let is_refused = answer.status == 400 && answer.json()["param"] == "Idempotency-Key";
            let expected = !allows(&parameter["schema"], &json!(text));
            assert_eq!(is_refused, expected, "{} {text:.80}: {}", operation.id, answer.text);
        }
    }
    assert_eq!(checked, 12, "every POST and PATCH takes a key");
}
