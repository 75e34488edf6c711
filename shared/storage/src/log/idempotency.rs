//! Idempotency keys: which event, or which batch of events, a publisher's key stands for, for 24 hours.

use std::time::Duration;

use domain::{
    Timestamp,
    ids::{EventId, OrganizationId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Log;
use crate::{
    Error,
    table::{Change, Condition, Key, number, value},
};

/// How long a key stands for its event.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What a key was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// The event.
    pub event: EventId,
    /// A digest of what was published with the key.
    pub digest: String,
    /// Whether the bus is known to have the event.
    pub published: bool,
    /// Unix seconds.
    expires_at: i64,
}

/// How claiming a key ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is free: it now stands for this event.
    Fresh,
    /// It stands for an event already.
    Taken(Publication),
}

/// What a batch's key was used for.
#[derive(Serialize, Deserialize)]
struct Batch {
    /// A digest of the batch.
    digest: String,
    /// Unix seconds.
    expires_at: i64,
}

/// `key_digest` is a digest of the publisher's key, which may have any characters.
fn key(organization: OrganizationId, key_digest: &str) -> Key {
    Key::new(partition(organization, key_digest), "PUBLICATION")
}

fn batch_key(organization: OrganizationId, key_digest: &str) -> Key {
    Key::new(partition(organization, key_digest), "BATCH")
}

fn partition(organization: OrganizationId, key_digest: &str) -> String {
    format!("IDEMPOTENCY#{organization}#{key_digest}")
}

impl Log {
    /// Claims a key for an event. Of requests that claim it at the same time, one gets it.
    pub async fn claim_key(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        event: EventId,
        digest: &str,
        now: Timestamp,
    ) -> Result<Claim, Error> {
        let expires_at = now.after(REMEMBERED).seconds();
        let publication = Publication { event, digest: digest.to_owned(), published: false, expires_at };
        let taken = self.claim(&key(organization, key_digest), &publication, now).await?;
        Ok(taken.map_or(Claim::Fresh, Claim::Taken))
    }

    /// Claims a key for a batch with this digest; false if it stands for another batch.
    pub async fn claim_batch_key(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let batch = Batch { digest: digest.to_owned(), expires_at: now.after(REMEMBERED).seconds() };
        let taken = self.claim(&batch_key(organization, key_digest), &batch, now).await?;
        Ok(taken.is_none_or(|taken| taken.digest == digest))
    }

    /// Writes the item if its key is free, or returns what it is taken by.
    async fn claim<T: Serialize + DeserializeOwned>(
        &self,
        key: &Key,
        item: &T,
        now: Timestamp,
    ) -> Result<Option<T>, Error> {
        let free = Condition::new("attribute_not_exists(pk) OR expires_at <= :now")
            .with(":now", number(u64::try_from(now.seconds()).unwrap_or_default()));
        if self.table.put_if(key, item, free).await? {
            return Ok(None);
        }
        match self.table.get(key).await? {
            Some(taken) => Ok(Some(taken)),
            None => Err(Error::Contended { key: key.to_string() }),
        }
    }

    /// Notes that the bus has the event that a key stands for.
    pub async fn key_published(
        &self,
        organization: OrganizationId,
        key_digest: &str,
        event: EventId,
    ) -> Result<(), Error> {
        let change = Change::new("SET published = :yes").with(":yes", value(&true)?);
        let same = Condition::new("event = :event").with(":event", value(&event)?);
        self.table.update_if(&key(organization, key_digest), change, same).await?;
        Ok(())
    }
}
