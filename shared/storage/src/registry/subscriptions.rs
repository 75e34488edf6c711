//! Which endpoints an event may concern, by pattern.
//!
//! A subscription is an index entry under (organization, pattern), so that fan-out reads only the few patterns that can
//! match an event's type, however many endpoints there are. The endpoint's own settings stay the truth: fan-out checks
//! them, so an entry too many is harmless, and only an entry too few would lose events. Hence the order of writes:
//! entries are added before the endpoint names the pattern and deleted after it no longer does.
//!
//! Each entry carries the settings' version that asked for it. A deletion spares entries of later versions, so that two
//! overlapping changes cannot take each other's entries away.

use std::collections::BTreeSet;

use domain::{
    endpoint::Endpoint,
    ids::{EndpointId, OrganizationId},
    pattern::Pattern,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::Registry;
use crate::{
    Error,
    table::{Condition, Key, number},
};

#[derive(Serialize, Deserialize)]
struct Subscription {
    endpoint: EndpointId,
    version: u64,
}

fn partition(organization: OrganizationId, pattern: &Pattern) -> String {
    format!("SUBSCRIPTIONS#{organization}#{pattern}")
}

fn key(organization: OrganizationId, pattern: &Pattern, endpoint: EndpointId) -> Key {
    Key::new(partition(organization, pattern), endpoint.to_string())
}

/// An organization's endpoints that were read together, for the events of a batch.
#[derive(Debug)]
pub struct Subscribers(Vec<Endpoint>);

impl Subscribers {
    /// Those that subscribe to this event type, whatever their state, in the order of their ids.
    pub fn of<'a>(&'a self, event_type: &'a str) -> impl Iterator<Item = &'a Endpoint> {
        self.0.iter().filter(move |endpoint| endpoint.settings.enabled_events.match_type(event_type))
    }
}

impl Registry {
    /// The endpoints that subscribe to any of these event types. Consistent: an endpoint created before an event is among
    /// them. What several types have in common is read once.
    pub async fn subscribers<'a>(
        &self,
        organization: OrganizationId,
        types: impl IntoIterator<Item = &'a str>,
    ) -> Result<Subscribers, Error> {
        let patterns: BTreeSet<_> = types.into_iter().flat_map(Pattern::all_matching).collect();
        let queries = patterns.iter().map(|pattern| self.subscribed(organization, pattern));
        let candidates: BTreeSet<_> = try_join_all(queries).await?.into_iter().flatten().collect();
        let records = self.endpoints(candidates).await?;
        let mut endpoints: Vec<_> = records.into_iter().map(|record| record.endpoint).collect();
        endpoints.sort_unstable_by_key(|endpoint| endpoint.id);
        Ok(Subscribers(endpoints))
    }

    async fn subscribed(
        &self,
        organization: OrganizationId,
        pattern: &Pattern,
    ) -> Result<Vec<(OrganizationId, EndpointId)>, Error> {
        let entries: Vec<Subscription> =
            self.table.oldest(&partition(organization, pattern), None, usize::MAX).await?;
        Ok(entries.into_iter().map(|entry| (organization, entry.endpoint)).collect())
    }

    pub(super) async fn subscribe(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        patterns: impl Iterator<Item = &Pattern>,
        version: u64,
    ) -> Result<(), Error> {
        let puts = patterns.map(|pattern| async move {
            let condition = Condition::new("attribute_not_exists(pk) OR version < :version")
                .with(":version", number(version));
            let entry = Subscription { endpoint, version };
            self.table.put_if(&key(organization, pattern, endpoint), &entry, condition).await
        });
        try_join_all(puts).await?;
        Ok(())
    }

    pub(super) async fn unsubscribe(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        patterns: impl Iterator<Item = &Pattern>,
        up_to_version: u64,
    ) -> Result<(), Error> {
        let deletions = patterns.map(|pattern| async move {
            let condition = Condition::new("version <= :version").with(":version", number(up_to_version));
            self.table.delete_if(&key(organization, pattern, endpoint), condition).await
        });
        try_join_all(deletions).await?;
        Ok(())
    }
}
