//! Requests under idempotency keys: what each key stands for, for 24 hours.

use std::time::Duration;

use domain::{Timestamp, ids::OrganizationId};
use serde::{Deserialize, Serialize};

use super::Log;
use crate::{
    Error,
    table::{Change, Condition, Key, number, value},
};

/// How long a key stands for its request.
const REMEMBERED: Duration = Duration::from_hours(24);

/// A request as it is kept under its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRequest {
    /// Which operation it is, on what.
    pub route: String,
    /// Whether a live key sent it.
    pub livemode: bool,
    /// What tells its body from others.
    pub body: String,
    /// What was drawn for it before it began.
    pub plan: String,
    /// Until when it counts as running, unless it has ended.
    pub running_until: Timestamp,
    /// What it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The item: it goes away by itself.
#[derive(PartialEq, Serialize, Deserialize)]
struct Item {
    #[serde(flatten)]
    request: KeptRequest,
    /// Unix seconds.
    expires_at: i64,
}

/// `key_digest` is a digest of the caller's key, which may have any characters.
fn key(organization: OrganizationId, key_digest: &str) -> Key {
    Key::new(format!("IDEMPOTENCY#{organization}#{key_digest}"), "REQUEST")
}

/// True while nobody else took the request over.
fn still_running(until: Timestamp) -> Result<Condition, Error> {
    Ok(Condition::new("running_until = :until AND attribute_not_exists(answer)")
        .with(":until", value(&until)?))
}

impl Log {
    /// Writes a request under its key, or answers with the one that the key stands for. Of requests that come at the same time, one is
    /// written.
    pub async fn claim_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        request: &KeptRequest,
        now: Timestamp,
    ) -> Result<Option<KeptRequest>, Error> {
        let key = key(organization, key_digest);
        let item = Item { request: request.clone(), expires_at: now.after(REMEMBERED).seconds() };
        let free = Condition::new("attribute_not_exists(pk) OR expires_at <= :now")
            .with(":now", number(u64::try_from(now.seconds()).unwrap_or_default()));
        if self.table.put_if(&key, &item, free).await? {
            return Ok(None);
        }

        match self.table.get::<Item>(&key).await? {
            // The answer to the writing was lost, and the SDK wrote once more.
            Some(found) if found == item => Ok(None),
            Some(found) => Ok(Some(found.request)),
            None => Err(Error::Contended { key: key.to_string() }),
        }
    }

    /// The request that a key stands for.
    pub async fn kept_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        now: Timestamp,
    ) -> Result<Option<KeptRequest>, Error> {
        let found = self.table.get::<Item>(&key(organization, key_digest)).await?;
        Ok(found.filter(|item| now.seconds() < item.expires_at).map(|item| item.request))
    }

    /// Takes over a request that was left behind: it runs until `until`. False if another one did.
    pub async fn take_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        left: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let change = Change::new("SET running_until = :new").with(":new", value(&until)?);
        self.table.update_if(&key(organization, key_digest), change, still_running(left)?).await
    }

    /// Keeps what a request ended with, if it still runs until `until`.
    pub async fn keep_answer(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        until: Timestamp,
        answer: &str,
    ) -> Result<(), Error> {
        let change = Change::new("SET answer = :answer").with(":answer", value(&answer)?);
        self.table.update_if(&key(organization, key_digest), change, still_running(until)?).await?;
        Ok(())
    }

    /// Lets the next request with the key take over a request that ran until `until`.
    pub async fn stop_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        let change = Change::new("SET running_until = :now").with(":now", value(&now)?);
        self.table.update_if(&key(organization, key_digest), change, still_running(until)?).await?;
        Ok(())
    }

    /// Frees the key of a request that ran until `until` and changed nothing.
    pub async fn forget_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        until: Timestamp,
    ) -> Result<(), Error> {
        self.table.delete_if(&key(organization, key_digest), still_running(until)?).await?;
        Ok(())
    }
}
