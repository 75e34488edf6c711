//! An organization with one of everything that paths can name.

use domain::{
    ids::{KeyId, OrganizationId},
    key::ApiKey,
    scope::Scope,
};
use serde_json::{Value, json};
use tests::platform::{Answer, Caller, Platform};

use crate::document::Operation;

/// The ids that stand in the document's examples.
const EXAMPLE_ENDPOINT: &str = "whep_018bcfe56800700180000000abc123de";

pub(crate) struct Stage {
    pub(crate) platform: Platform,
    pub(crate) organization: OrganizationId,
    pub(crate) key: String,
    pub(crate) endpoint: String,
    pub(crate) event: String,
    pub(crate) spare_key: String,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let platform = Platform::new();
        let organization = platform.organization().await;
        let owner = platform.with_key(&organization.key);
        let endpoint = owner.subscribe("https://127.0.0.1/", &["*"]).await.id;
        let event = owner.publish_any().await;
        platform.pump_events().await;
        let spare_key = platform.key(organization.id, &[Scope::EventsRead], true).await;
        let spare_key = key_id(&platform, &spare_key).await.to_string();
        Self { organization: organization.id, key: organization.key, platform, endpoint, event, spare_key }
    }

    pub(crate) fn owner(&self) -> Caller<'_> {
        self.platform.with_key(&self.key)
    }

    /// An operation's path with ids of this organization in it.
    pub(crate) fn path(&self, operation: &Operation) -> String {
        if !operation.path.contains('{') {
            return operation.path.to_owned();
        }
        operation.path.replace("{id}", self.id(operation))
    }

    /// The id in an operation's path.
    pub(crate) fn id(&self, operation: &Operation) -> &str {
        let known =
            [("/v1/webhooks/", &self.endpoint), ("/v1/events/", &self.event), ("/v1/keys/", &self.spare_key)];
        let found = known.into_iter().find(|(prefix, _)| operation.path.starts_with(prefix));
        let (_, id) = found.unwrap_or_else(|| panic!("the stage has nothing for {}", operation.path));
        id
    }

    /// A body of the operation that it takes, with ids of this organization in it.
    pub(crate) fn example(&self, example: &Value) -> Value {
        let text = example.to_string().replace(EXAMPLE_ENDPOINT, &self.endpoint);
        serde_json::from_str(&text).unwrap()
    }

    /// Calls an operation, with its first example as its body if it has one.
    pub(crate) async fn call(&self, caller: &Caller<'_>, operation: &Operation, path: &str) -> Answer {
        match operation.request_examples().first() {
            None => caller.send(operation.method.clone(), path, &[], "").await,
            Some(example) => self.send(caller, operation, path, &self.example(example)).await,
        }
    }

    /// Calls an operation with this body.
    pub(crate) async fn send(
        &self,
        caller: &Caller<'_>,
        operation: &Operation,
        path: &str,
        body: &Value,
    ) -> Answer {
        let json = [("content-type", "application/json")];
        caller.send(operation.method.clone(), path, &json, &body.to_string()).await
    }
}

/// The id of a key that is known by its text.
pub(crate) async fn key_id(platform: &Platform, key: &str) -> KeyId {
    let found = platform.registry().find_key(&ApiKey::presented(key).hash()).await.unwrap();
    found.expect("the key exists").id
}

/// An error's body as the contract has it, but for the request's id.
pub(crate) fn error(error: &str, message: &str, code: &str) -> Value {
    json!({ "error": error, "message": message, "code": code })
}

/// An error's body without the request's id, which must be the header's.
#[track_caller]
pub(crate) fn without_request_id(answer: &Answer) -> Value {
    let mut body = answer.json();
    let id = body.as_object_mut().unwrap().remove("request_id").expect("errors have a request id");
    assert_eq!(id, answer.header("x-request-id"));
    body
}
