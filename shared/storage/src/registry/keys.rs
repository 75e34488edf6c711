//! API keys.
//!
//! A key has two items, which are written and deleted together. One is under its hash, so that a single read authenticates a
//! request. The other is under its organization, for lists. A revoked key has no items, so nobody can tell it from a key that
//! never was.

use domain::{
    ids::{KeyId, OrganizationId},
    key::{KeyHash, KeyRecord},
};
use serde::{Deserialize, Serialize};

use super::{Registry, partition};
use crate::{
    Error,
    table::{Key, Transacted},
};

const PREFIX: &str = "KEY#";

#[derive(Serialize, Deserialize)]
struct ListedKey {
    #[serde(flatten)]
    record: KeyRecord,
    /// The hash, under which its other item is.
    hash: KeyHash,
}

fn by_hash(hash: &KeyHash) -> Key {
    Key::new(format!("{PREFIX}{}", hash.as_str()), "KEY")
}

fn by_organization(organization: OrganizationId, id: KeyId) -> Key {
    Key::new(partition(organization), format!("{PREFIX}{id}"))
}

impl Registry {
    /// The key with this hash, if it exists and is not revoked. The read is consistent: a revocation takes effect with the next
    /// request.
    pub async fn find_key(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, Error> {
        self.table.get(&by_hash(hash)).await
    }

    /// Writes a new key.
    pub async fn create_key(
        &self,
        organization: OrganizationId,
        record: &KeyRecord,
        hash: &KeyHash,
    ) -> Result<(), Error> {
        let listed = ListedKey { record: record.clone(), hash: hash.clone() };
        let items = vec![
            self.table.putting(&by_hash(hash), record)?,
            self.table.putting(&by_organization(organization, record.id), &listed)?,
        ];
        match self.table.transact(items).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused => Err(Error::Contended { key: record.id.to_string() }),
        }
    }

    /// Up to `limit` of the organization's keys, newest first; only those older than `before`, where it is given.
    pub async fn list_keys(
        &self,
        organization: OrganizationId,
        before: Option<KeyId>,
        limit: usize,
    ) -> Result<Vec<KeyRecord>, Error> {
        let before = before.map(|id| by_organization(organization, id).sk);
        let listed: Vec<ListedKey> =
            self.table.newest(&partition(organization), PREFIX, before, limit).await?;
        Ok(listed.into_iter().map(|listed| listed.record).collect())
    }

    /// The organization's key with this id.
    pub async fn key(&self, organization: OrganizationId, id: KeyId) -> Result<Option<KeyRecord>, Error> {
        let listed = self.table.get::<ListedKey>(&by_organization(organization, id)).await?;
        Ok(listed.map(|listed| listed.record))
    }

    /// Revokes a key, from the next request on. False if the organization has no such key.
    pub async fn revoke_key(&self, organization: OrganizationId, id: KeyId) -> Result<bool, Error> {
        let listed_key = by_organization(organization, id);
        let Some(listed) = self.table.get::<ListedKey>(&listed_key).await? else {
            return Ok(false);
        };
        let items = vec![self.table.deleting(&by_hash(&listed.hash))?, self.table.deleting(&listed_key)?];
        // The transaction is refused if another request revoked the key in between.
        Ok(matches!(self.table.transact(items).await?, Transacted::Done))
    }
}
