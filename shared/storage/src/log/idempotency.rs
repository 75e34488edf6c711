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
    /// The run that works at it, or worked at it last.
    pub run: String,
    /// Until when that run counts as alive, if it has not ended.
    pub running_until: Timestamp,
    /// What it ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The item. The database drops it after its time.
#[derive(Serialize, Deserialize)]
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

/// True while this run is the one that works at the request.
fn is_run(run: &str) -> Result<Condition, Error> {
    Ok(Condition::new("run = :run AND attribute_not_exists(answer)").with(":run", value(&run)?))
}

/// How often a key is claimed that is freed while its request is read.
const CLAIM_TRIES: usize = 5;

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

        for _ in 0..CLAIM_TRIES {
            let free = Condition::new("attribute_not_exists(pk) OR expires_at <= :now")
                .with(":now", number(u64::try_from(now.seconds()).unwrap_or_default()));
            if self.table.put_if(&key, &item, free).await? {
                return Ok(None);
            }
            match self.table.get::<Item>(&key).await? {
                // The answer to the writing was lost, and the SDK wrote once more.
                Some(found) if found.request.run == item.request.run => return Ok(None),
                Some(found) => return Ok(Some(found.request)),
                // A refused request freed the key in between.
                None => {}
            }
        }
        Err(Error::Contended { key: key.to_string() })
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

    /// Takes over a request that `left` was the last to work at: `run` works at it until `until`. False if another run took it.
    pub async fn take_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        left: &str,
        run: &str,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let change = Change::new("SET run = :run, running_until = :until")
            .with(":run", value(&run)?)
            .with(":until", value(&until)?);
        // A call that is repeated, since its answer was lost, finds its own run.
        let left = Condition::new("(run = :left OR run = :run) AND attribute_not_exists(answer)")
            .with(":left", value(&left)?);
        self.table.update_if(&key(organization, key_digest), change, left).await
    }

    /// Keeps what a run of a request ended with. False if another run took the request over.
    pub async fn keep_answer(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        run: &str,
        answer: &str,
    ) -> Result<bool, Error> {
        let change = Change::new("SET answer = :answer").with(":answer", value(&answer)?);
        // A call that is repeated, since its answer was lost, finds its own answer.
        let is_run = Condition::new("run = :run AND (attribute_not_exists(answer) OR answer = :answer)")
            .with(":run", value(&run)?);
        self.table.update_if(&key(organization, key_digest), change, is_run).await
    }

    /// Lets the next request with the key take over what this run worked at.
    pub async fn stop_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        run: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let change = Change::new("SET running_until = :now").with(":now", value(&now)?);
        self.table.update_if(&key(organization, key_digest), change, is_run(run)?).await?;
        Ok(())
    }

    /// Frees the key of a request of which this run changed nothing.
    pub async fn forget_request(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        run: &str,
    ) -> Result<(), Error> {
        self.table.delete_if(&key(organization, key_digest), is_run(run)?).await?;
        Ok(())
    }
}
