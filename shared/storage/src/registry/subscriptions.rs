//! Which endpoints an event may concern, by pattern.
//!
//! A subscription is an index entry under (organization, pattern), so that fan-out reads only the few patterns that can
//! match an event's type, however many endpoints there are. The endpoint's own settings stay the truth: fan-out checks
//! them, so an entry too many is harmless, and only an entry too few would lose events. Hence the order of writes:
//! entries are added before the endpoint names the pattern and deleted after it no longer does.
//!
//! Each entry carries the settings' version that asked for it. A deletion spares entries of later versions, so that two
//! overlapping changes cannot take each other's entries away.

use domain::{
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

impl Registry {
    /// The endpoints that may want an event of this type, each once, in the order of their ids. Consistent: an endpoint
    /// created before an event is among them.
    pub(super) async fn subscribed(
        &self,
        organization: OrganizationId,
        event_type: &str,
    ) -> Result<Vec<EndpointId>, Error> {
        let patterns = Pattern::all_matching(event_type);
        let queries = patterns.iter().map(|pattern| async move {
            self.table.oldest::<Subscription>(&partition(organization, pattern), None, usize::MAX).await
        });
        let found = try_join_all(queries).await?;
        let mut endpoints: Vec<_> =
            found.into_iter().flatten().map(|subscription| subscription.endpoint).collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        Ok(endpoints)
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
