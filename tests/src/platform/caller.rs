//! A user of the API.

use axum::body::{Body, to_bytes};
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};

use super::Platform;

/// Calls the API with one key, or with none.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    platform: &'a Platform,
    key: Option<String>,
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

/// A webhook endpoint as its creator knows it.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Its id.
    pub id: String,
    /// Its signing secret.
    pub secret: String,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The answer, if it has this status.
    #[expect(clippy::return_self_not_must_use, reason = "many a test wants the status alone")]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

impl<'a> Caller<'a> {
    pub(super) fn new(platform: &'a Platform, key: Option<&str>) -> Self {
        Self { platform, key: key.map(str::to_owned) }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_text(path, &body.to_string()).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, &[("content-type", "application/json")], &body.to_string()).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &[], "").await
    }

    /// `POST` with this text as its JSON body.
    pub async fn post_text(&self, path: &str, body: &str) -> Answer {
        self.send(Method::POST, path, &[("content-type", "application/json")], body).await
    }

    /// Any request.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.try_send(method, path, headers, body).await.expect("no fault kills this request")
    }

    /// Any request; `None` if a fault killed the function.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.platform.request(request.body(Body::from(body.to_owned())).unwrap()).await?;
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the answer is in memory");
        let text = String::from_utf8(body.into()).expect("answers are text");
        Some(Answer { status: head.status, headers: head.headers, text })
    }

    /// Creates an endpoint at `url` for these patterns.
    pub async fn subscribe(&self, url: &str, patterns: &[&str]) -> Hook {
        self.subscribe_with(url, patterns, json!({})).await
    }

    /// Creates an endpoint with further fields.
    pub async fn subscribe_with(&self, url: &str, patterns: &[&str], fields: Value) -> Hook {
        let mut body = json!({ "url": url, "enabled_events": patterns });
        body.as_object_mut().unwrap().extend(fields.as_object().cloned().unwrap_or_default());
        let created = self.post("/v1/webhooks", body).await.expect(201).json();
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        Hook { id: text("id"), secret: text("signing_secret") }
    }

    /// Publishes an event with this JSON text as its data; the event's id.
    pub async fn publish(&self, event_type: &str, data: &str) -> String {
        let body = format!(r#"{{"type":"{event_type}","data":{data}}}"#);
        let published = self.post_text("/v1/events", &body).await.expect(202).json();
        published["eventId"].as_str().unwrap().to_owned()
    }

    /// Publishes a `send.email.sent` event; its id.
    pub async fn publish_any(&self) -> String {
        self.publish("send.email.sent", r#"{"messageId":"msg_1"}"#).await
    }

    /// An event with what became of it.
    pub async fn event(&self, id: &str) -> Value {
        self.get(&format!("/v1/events/{id}")).await.expect(200).json()
    }

    /// What became of an event at an endpoint.
    pub async fn delivery(&self, event: &str, endpoint: &str) -> Value {
        let event = self.event(event).await;
        let deliveries = event["deliveries"].as_array().expect("an event has deliveries");
        let found = deliveries.iter().find(|delivery| delivery["endpoint_id"] == endpoint);
        found.cloned().unwrap_or_else(|| panic!("{endpoint} is not among {deliveries:?}"))
    }

    /// An endpoint as the API shows it.
    pub async fn endpoint(&self, id: &str) -> Value {
        self.get(&format!("/v1/webhooks/{id}")).await.expect(200).json()
    }
}
