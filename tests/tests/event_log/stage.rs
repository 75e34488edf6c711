//! What these tests share: a platform, an organization, and a look into the log past the API.

use std::time::Duration;

use domain::{
    Timestamp,
    audience::Audience,
    catalogue::Catalogue,
    event::Event,
    event_data::EventData,
    ids::{EventId, Lane, OrganizationId},
};
use hyper::Method;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use storage::LoggedEvent;
use tests::platform::{Answer, Caller, Platform};

pub(crate) const TYPE: &str = "send.email.sent";

/// A platform with one organization.
pub(crate) struct Stage {
    pub(crate) platform: Platform,
    pub(crate) organization: OrganizationId,
    pub(crate) key: String,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let platform = Platform::new();
        let organization = platform.organization().await;
        Self { platform, organization: organization.id, key: organization.key }
    }

    pub(crate) fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.key)
    }

    /// `POST` with an idempotency key.
    pub(crate) async fn post_with(&self, path: &str, idempotency_key: &str, body: &str) -> Answer {
        self.try_post_with(path, idempotency_key, body).await.unwrap()
    }

    /// The same; `None` if a fault kills it.
    pub(crate) async fn try_post_with(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &str,
    ) -> Option<Answer> {
        let headers = [("content-type", "application/json"), ("idempotency-key", idempotency_key)];
        self.caller().try_send(Method::POST, path, &headers, body).await
    }

    /// Asks again while the first request with the key counts as running, as `Retry-After` says.
    pub(crate) async fn post_until_answered(&self, path: &str, idempotency_key: &str, body: &str) -> Answer {
        loop {
            let answer = self.post_with(path, idempotency_key, body).await;
            if !is_in_progress(&answer) {
                return answer;
            }
            let seconds = answer.header("retry-after").parse().unwrap();
            self.platform.aws.advance(Duration::from_secs(seconds));
        }
    }

    pub(crate) fn logged(&self) -> Vec<String> {
        logged(&self.platform, self.organization)
    }
}

/// Whether an answer says that the first request with the key is still running.
pub(crate) fn is_in_progress(answer: &Answer) -> bool {
    answer.status == 409 && answer.json()["code"] == "idempotency_in_progress"
}

/// The ids of an organization's published events in the log, as the table has them.
pub(crate) fn logged(platform: &Platform, organization: OrganizationId) -> Vec<String> {
    let items = platform.aws.items("LogTable");
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let own = format!("EVENTS#{organization}#");
    let events = items.iter().filter(|item| text(item, "pk").starts_with(&own));
    // What the platform itself tells of keys and endpoints is not what was published.
    let published = events.filter(|item| !text(item, "event_type").starts_with("platform."));
    published.map(|item| text(item, "sk")).collect()
}

/// An event that was logged without an API.
pub(crate) fn event_at(
    organization: OrganizationId,
    event_type: &str,
    at: Timestamp,
    lane: Lane,
    random: [u8; 8],
) -> LoggedEvent {
    let code = Catalogue::get().find(event_type).unwrap().code();
    let id = EventId::new(at, code, lane, random);
    let data = EventData::parse(&format!(r#"{{"event":"{id}"}}"#)).unwrap();
    let (event_type, livemode) = (event_type.to_owned(), lane.livemode);
    let event = Event { id, organization, event_type, data, livemode, created_at: id.created_at() };
    LoggedEvent::new(event, Audience::Subscribers, Vec::new())
}

/// Runs cases of a property one after the other; a failing one is shrunk and shown.
pub(crate) fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 24, ..Config::default() })
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
