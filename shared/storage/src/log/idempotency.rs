//! Requests with idempotency keys: what each key stands for, for 24 hours.

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

/// A request as it is stored under its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRequest {
    /// The operation and its target.
    pub route: String,
    /// Whether a live key sent it.
    pub livemode: bool,
    /// The digest of its body.
    pub body: String,
    /// Its plan: what was drawn for it before it began.
    pub plan: String,
    /// Until when it counts as running, if it has not ended.
    pub running_until: Timestamp,
    /// What it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The item. The database drops it after its time.
#[derive(PartialEq, Serialize, Deserialize)]
struct Item {
    #[serde(flatten)]
    request: KeptRequest,
    /// Unix seconds.
    expires_at: i64,
}

/// `key_digest` is a digest of the caller's key, because a key may have any characters.
fn key(organization: OrganizationId, key_digest: &str) -> Key {
    Key::new(format!("IDEMPOTENCY#{organization}#{key_digest}"), "REQUEST")
}

/// The request still runs until `until`: nobody else has taken it over.
fn still_running(until: Timestamp) -> Result<Condition, Error> {
    Ok(Condition::new("running_until = :until AND attribute_not_exists(answer)")
        .with(":until", value(&until)?))
}

impl Log {
    /// Writes a request under its key. If the key stands for a request already, returns that one. When several come at the same
    /// time, one is written.
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
            // The first write's answer was lost, and the SDK wrote again. So this is our own item.
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

    /// Takes over a request that was left behind. From now on it runs until `until`. False if another request took it over.
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

    /// Stores how a request ended, if it still runs until `until`.
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
