//! A customer of the platform: an organization of its own and what it calls.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::SystemTime,
};

use minreq::Method;
use serde_json::{Value, json};
use xtask::{Organization, Stack};

use super::{Answer, api, aws, stacks, until};

/// An organization with a key of every scope. When it is dropped, at the end of its test, none of the secrets that it
/// ever saw may be found in what the functions logged.
#[derive(Debug)]
pub(crate) struct Customer<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) organization: Organization,
    since: SystemTime,
    secrets: Mutex<Vec<String>>,
}

/// An endpoint as its creator knows it.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Customer<'static> {
    /// A new organization on the stack that all tests share. The name is the test's.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(stacks::shared(), name)
    }
}

impl<'a> Customer<'a> {
    /// A new organization on this stack.
    pub(crate) fn of(stack: &'a Stack, name: &str) -> Self {
        let since = SystemTime::now();
        let organization =
            stack.create_organization(name, true).unwrap_or_else(|failure| panic!("{failure}"));
        let secrets = Mutex::new(vec![organization.key.clone()]);
        Self { stack, organization, since, secrets }
    }

    /// Remembers a secret that must never be logged.
    pub(crate) fn keeps_secret(&self, secret: &str) {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).push(secret.to_owned());
    }

    /// A call with the organization's own key.
    pub(crate) fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.call_with(&self.organization.key, method, path, body)
    }

    /// A call with another key.
    pub(crate) fn call_with(&self, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = api::request(method, format!("{}{path}", self.stack.env().base_url()), body);
        Answer::of(request.with_header("Authorization", format!("Bearer {key}")))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.call(Method::Get, path, None).expect(200)
    }

    /// Creates an endpoint with these settings.
    #[track_caller]
    pub(crate) fn endpoint_with(&self, settings: &Value) -> Endpoint {
        let created = self.call(Method::Post, "/v1/webhooks", Some(settings)).expect(201);
        let secret = text(&created, "signing_secret");
        self.keeps_secret(&secret);
        Endpoint { id: text(&created, "id"), secret }
    }

    /// Creates an endpoint for these patterns.
    #[track_caller]
    pub(crate) fn endpoint(&self, url: &str, patterns: &[&str]) -> Endpoint {
        self.endpoint_with(&json!({ "url": url, "enabled_events": patterns }))
    }

    /// Calls something that an endpoint can do, such as `pause`.
    #[track_caller]
    pub(crate) fn ask(&self, endpoint: &Endpoint, what: &str, body: &Value, status: i32) -> Value {
        let path = format!("/v1/webhooks/{}/{what}", endpoint.id);
        self.call(Method::Post, &path, Some(body)).expect(status)
    }

    #[track_caller]
    pub(crate) fn read_endpoint(&self, endpoint: &Endpoint) -> Value {
        self.get(&format!("/v1/webhooks/{}", endpoint.id))
    }

    #[track_caller]
    pub(crate) fn delete(&self, endpoint: &Endpoint) {
        self.call(Method::Delete, &format!("/v1/webhooks/{}", endpoint.id), None).expect(204);
    }

    /// Publishes a `send.email.sent` and returns its id.
    #[track_caller]
    pub(crate) fn publish(&self) -> String {
        let event = json!({ "type": "send.email.sent", "data": email() });
        text(&self.call(Method::Post, "/v1/events", Some(&event)).expect(202), "eventId")
    }

    /// What became of an event at an endpoint, once the event is in the log and matched that endpoint.
    pub(crate) fn delivery(&self, event: &str, endpoint: &Endpoint) -> Option<Value> {
        let answer = self.call(Method::Get, &format!("/v1/events/{event}"), None);
        if answer.status == 404 {
            return None;
        }
        let deliveries = answer.expect(200)["deliveries"].take();
        let mut deliveries = deliveries.as_array().expect("a list of deliveries").iter();
        deliveries.find(|delivery| delivery["endpoint_id"] == endpoint.id.as_str()).cloned()
    }

    /// The delivery once it has this status.
    #[track_caller]
    pub(crate) fn delivery_that_is(&self, status: &str, event: &str, endpoint: &Endpoint) -> Value {
        let mut last = Value::Null;
        until(&format!("{event} to be {status} at {}", endpoint.id), || {
            last = self.delivery(event, endpoint)?;
            (last["status"] == status).then(|| last.clone())
        })
    }

    /// Every delivery of an endpoint that has this status, over all pages.
    pub(crate) fn deliveries(&self, endpoint: &Endpoint, status: &str) -> Vec<Value> {
        let first = format!("/v1/webhooks/{}/deliveries?limit=200&status={status}", endpoint.id);
        let (mut all, mut path) = (Vec::new(), first.clone());
        loop {
            let mut page = self.get(&path);
            let Value::Array(deliveries) = page["deliveries"].take() else { panic!("{page}") };
            all.extend(deliveries);
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("{first}&cursor={cursor}"),
                None => return all,
            }
        }
    }
}

impl Drop for Customer<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let logged = aws::logged(self.stack.env(), self.since);
        let secrets = self.secrets.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (number, secret) in secrets.iter().enumerate() {
            // Not shown: a test's output is a log as well.
            assert!(!logged.iter().any(|line| line.contains(secret)), "secret {number} was logged");
        }
    }
}

/// The data of a `send.email.sent`, as in the documentation.
pub(crate) fn email() -> Value {
    json!({
        "messageId": "msg_abc123",
        "from": "hello@example.com",
        "to": ["user@example.com"],
        "subject": "Welcome!",
    })
}

/// A text field of a JSON object.
#[track_caller]
pub(crate) fn text(object: &Value, field: &str) -> String {
    object[field].as_str().unwrap_or_else(|| panic!("no {field} in {object}")).to_owned()
}
