//! The platform's API, as a customer calls it.

use serde_json::Value;

use crate::failure::{Failure, OrFail as _, Result};
use crate::stack_env::StackEnv;

const ADVICE: &str = "see what the functions logged: cargo xtask logs";
const TIMEOUT_SECONDS: u64 = 35;

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) body: String,
}

/// Calls the API with the stack's key.
pub(crate) fn call(
    env: &StackEnv,
    method: minreq::Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer> {
    let url = format!("{}{path}", env.base_url());
    let mut request = minreq::Request::new(method, &url)
        .with_header("Authorization", format!("Bearer {}", env.api_key()))
        .with_timeout(TIMEOUT_SECONDS);
    if let Some(body) = body {
        request = request.with_header("Content-Type", "application/json").with_body(body.to_string());
    }
    let answer = request.send().or_fail(|| format!("no answer from {url}"), ADVICE)?;
    let body = String::from_utf8_lossy(answer.as_bytes()).into_owned();
    Ok(Answer { status: answer.status_code, body })
}

impl Answer {
    /// The body as JSON, if the status is the expected one.
    pub(crate) fn expect(self, status: i32, call: &str) -> Result<Value> {
        if self.status != status {
            return Err(Failure::new(format!("{call} answered {}: {}", self.status, self.body), ADVICE));
        }
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&self.body).or_fail(|| format!("{call} answered no JSON: {}", self.body), ADVICE)
    }
}

/// A text field of an answer.
pub(crate) fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str> {
    answer[field]
        .as_str()
        .ok_or_else(|| Failure::new(format!("the API answered no {field}: {answer}"), ADVICE))
}
