use serde_json::{Value, json};

/// A service's error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        let body: Value = json!({ "__type": code, "message": message.into() });
        Self { status: 400, body: body.to_string() }
    }

    pub(super) fn unknown_operation(operation: &str) -> Self {
        Self::new("UnknownOperationException", format!("the tests' AWS has no {operation}"))
    }
}
