//! Calls of the public API.

use minreq::{Method, Request};
use serde_json::Value;

/// Above the API's own limit of 30 seconds, so that the gateway's answer is what fails a test.
const TIMEOUT_SECONDS: u64 = 40;

/// An answer of the API.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) body: String,
    response: minreq::Response,
}

impl Answer {
    pub(crate) fn of(request: Request) -> Self {
        let response = request.with_timeout(TIMEOUT_SECONDS).send().expect("the API answers");
        let body = String::from_utf8(response.as_bytes().to_vec()).expect("answers are UTF-8");
        Self { status: response.status_code, body, response }
    }

    /// A header's value; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers.get(&name.to_ascii_lowercase()).map_or("", String::as_str)
    }

    /// The body as JSON, whatever the status.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{} with no JSON ({error}): {}", self.status, self.body))
    }

    /// The body as JSON, if the status is this one.
    #[track_caller]
    pub(crate) fn expect(&self, status: i32) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() { Value::Null } else { self.json() }
    }
}

/// A request with a JSON body, if there is one.
pub(crate) fn request(method: Method, url: String, body: Option<&Value>) -> Request {
    let request = Request::new(method, url);
    match body {
        Some(body) => request.with_header("Content-Type", "application/json").with_body(body.to_string()),
        None => request,
    }
}
