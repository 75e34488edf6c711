//! Idempotency keys: which event a publisher's key stands for, for 24 hours.

use std::time::Duration;

use domain::{
    Timestamp,
    ids::{EventId, OrganizationId},
};
use serde::{Deserialize, Serialize};

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

/// `key_digest` is a digest of the publisher's key, which may have any characters.
fn key(organization: OrganizationId, key_digest: &str) -> Key {
    Key::new(format!("IDEMPOTENCY#{organization}#{key_digest}"), "PUBLICATION")
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
        let free = Condition::new("attribute_not_exists(pk) OR expires_at <= :now")
            .with(":now", number(u64::try_from(now.seconds()).unwrap_or_default()));
        let key = key(organization, key_digest);
        if self.table.put_if(&key, &publication, free).await? {
            return Ok(Claim::Fresh);
        }
        match self.table.get(&key).await? {
            Some(taken) => Ok(Claim::Taken(taken)),
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
