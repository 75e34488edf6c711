//! Endpoints and their sealed secrets.

use domain::{
    Timestamp,
    endpoint::{Endpoint, Settings},
    ids::{EndpointId, OrganizationId},
    secret::SealedSecrets,
};
use serde::{Deserialize, Serialize};

use super::{Registry, generation, organizations, partition};
use crate::{
    Error,
    table::{Change, Condition, Key, Returned, Transacted, number, value},
};

const PREFIX: &str = "ENDPOINT#";
/// How often a change is tried, when other changes of the same endpoint's settings overlap it.
const UPDATE_TRIES: usize = 16;

/// An endpoint, with the secrets that sign its deliveries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// Its secrets, as the vault sealed them.
    pub secrets: SealedSecrets,
}

/// How a creation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was written.
    Created,
    /// The organization has as many endpoints as it may.
    LimitReached,
}

/// How a change of settings ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Updated<E> {
    /// The endpoint as it is now.
    Updated(Box<Endpoint>),
    /// The change itself refused, with this reason.
    Refused(E),
    /// The organization has no such endpoint.
    NotFound,
}

pub(super) fn key(organization: OrganizationId, id: EndpointId) -> Key {
    Key::new(partition(organization), format!("{PREFIX}{id}"))
}

impl Registry {
    /// Writes a new endpoint and its subscriptions, unless the organization has `limit` endpoints.
    pub async fn create_endpoint(
        &self,
        organization: OrganizationId,
        record: &EndpointRecord,
        limit: u32,
    ) -> Result<Created, Error> {
        let endpoint = &record.endpoint;
        self.subscribe(organization, endpoint.id, endpoint.settings.enabled_events.iter(), endpoint.version)
            .await?;
        let count = Change::new("SET endpoint_count = endpoint_count + :one").with(":one", number(1_u64));
        let below_limit = Condition::new("endpoint_count < :limit").with(":limit", number(limit));
        let items = vec![
            self.table.updating(&organizations::key(organization), count, below_limit)?,
            self.table.putting(&key(organization, endpoint.id), record)?,
        ];
        match self.table.transact(items).await? {
            Transacted::Done => Ok(Created::Created),
            // The same record may be there: this call or the request that it belongs to was made twice.
            Transacted::Refused if self.endpoint(organization, endpoint.id).await?.is_some() => {
                Ok(Created::Created)
            }
            Transacted::Refused => {
                let patterns = endpoint.settings.enabled_events.iter();
                self.unsubscribe(organization, endpoint.id, patterns, endpoint.version).await?;
                Ok(Created::LimitReached)
            }
        }
    }

    /// One endpoint with its sealed secrets.
    pub async fn endpoint(
        &self,
        organization: OrganizationId,
        id: EndpointId,
    ) -> Result<Option<EndpointRecord>, Error> {
        self.table.get(&key(organization, id)).await
    }

    /// Those of the given endpoints that exist, in any order.
    pub async fn endpoints(
        &self,
        ids: impl IntoIterator<Item = (OrganizationId, EndpointId)>,
    ) -> Result<Vec<EndpointRecord>, Error> {
        let keys: Vec<_> = ids.into_iter().map(|(organization, id)| key(organization, id)).collect();
        self.table.get_all(&keys).await
    }

    /// Up to `limit` of the organization's endpoints, newest first; only those older than `before`, where it is given.
    pub async fn list_endpoints(
        &self,
        organization: OrganizationId,
        before: Option<EndpointId>,
        limit: usize,
    ) -> Result<Vec<Endpoint>, Error> {
        let before = before.map(|id| key(organization, id).sk);
        let records: Vec<EndpointRecord> =
            self.table.newest(&partition(organization), PREFIX, before, limit).await?;
        Ok(records.into_iter().map(|record| record.endpoint).collect())
    }

    /// Changes an endpoint's settings. `change` gets the endpoint and returns its new settings. They are written after `change`
    /// has ended. If another change was written in between, `change` runs again on the newer endpoint. So changes of different
    /// fields both take effect.
    pub async fn update_endpoint<E, F>(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        now: Timestamp,
        change: impl Fn(Endpoint) -> F,
    ) -> Result<Updated<E>, Error>
    where
        F: Future<Output = Result<Settings, E>>,
    {
        for _ in 0..UPDATE_TRIES {
            let Some(EndpointRecord { endpoint: before, .. }) = self.endpoint(organization, id).await? else {
                return Ok(Updated::NotFound);
            };
            let settings = match change(before.clone()).await {
                Ok(settings) => settings,
                Err(refusal) => return Ok(Updated::Refused(refusal)),
            };
            if let Some(endpoint) = self.replace_settings(&before, &settings, now).await? {
                return Ok(Updated::Updated(Box::new(endpoint)));
            }
        }
        Err(Error::Contended { key: id.to_string() })
    }

    /// Gives an endpoint other settings. `before` is the endpoint as it was read. Returns the endpoint after the change, or
    /// `None` if it is gone or its settings have changed since.
    async fn replace_settings(
        &self,
        before: &Endpoint,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Option<Endpoint>, Error> {
        let (organization, id) = (before.organization, before.id);
        let (old, new) = (&before.settings.enabled_events, &settings.enabled_events);
        let version = before.version + 1;

        // This comes before the endpoint names them. A subscription too many does no harm. A missing one would lose events.
        let added = new.iter().filter(|pattern| !old.contains(pattern));
        self.subscribe(organization, id, added, version).await?;

        let change = settings_change(before, settings)
            .with(":settings", value(settings)?)
            .with(":version", number(version));
        let unchanged = Condition::new("version = :before").with(":before", number(before.version));
        let key = key(organization, id);
        let written = self.table.update_returning(&key, change, unchanged, Returned::After).await?;
        let Some(EndpointRecord { endpoint, .. }) = written else { return Ok(None) };

        let removed = old.iter().filter(|pattern| !new.contains(pattern));
        self.give_up(organization, id, removed, before.version, now).await?;
        Ok(Some(endpoint))
    }

    /// Deletes an endpoint and its subscriptions. False if the organization has no such endpoint.
    pub async fn delete_endpoint(&self, organization: OrganizationId, id: EndpointId) -> Result<bool, Error> {
        let Some(EndpointRecord { endpoint, .. }) = self.endpoint(organization, id).await? else {
            return Ok(false);
        };
        let count = Change::new("SET endpoint_count = endpoint_count - :one").with(":one", number(1_u64));
        let items = vec![
            self.table.updating(&organizations::key(organization), count, Condition::present())?,
            self.table.deleting(&key(organization, id))?,
        ];
        let deleted = matches!(self.table.transact(items).await?, Transacted::Done);
        self.unsubscribe(organization, id, endpoint.settings.enabled_events.iter(), u64::MAX >> 1).await?;
        Ok(deleted)
    }

    /// Replaces an endpoint's secrets, if they are still `before`, and begins another generation, because the receiver may have
    /// refused what the old secret signed. False if the secrets have changed, or the endpoint is gone.
    pub async fn replace_secrets(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        before: &SealedSecrets,
        after: &SealedSecrets,
    ) -> Result<bool, Error> {
        let change = generation::begin("secrets = :after", &[]).with(":after", value(after)?);
        let unchanged = Condition::new("secrets = :before").with(":before", value(before)?);
        self.table.update_if(&key(organization, id), change, unchanged).await
    }
}

/// The change that writes `:settings` and `:version`. It begins another generation if these settings give the endpoint a new
/// start.
fn settings_change(before: &Endpoint, settings: &Settings) -> Change {
    if before.starts_anew_with(settings) {
        generation::begin("settings = :settings, version = :version", &[])
    } else {
        Change::new("SET settings = :settings, version = :version")
    }
}
