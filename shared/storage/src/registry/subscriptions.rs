//! Which endpoints an event may concern, by pattern.
//!
//! A subscription is an index entry under (organization, pattern), so that fan-out reads only the few patterns that can
//! match an event's type, however many endpoints there are. The endpoint's own settings stay the truth: fan-out checks
//! them, so an entry too many is harmless, and only an entry too few would lose events. Hence the order of writes:
//! entries are added before the endpoint names the pattern and given up after it no longer does. What is given up stays
//! for an hour: fan-out's queries of several patterns are no snapshot, and one that read the new pattern before the change
//! and the old one after it must find the endpoint under either.
//!
//! Each entry carries the settings' version that asked for it. Giving up spares entries of later versions, so that two
//! overlapping changes cannot take each other's entries away.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    Timestamp,
    endpoint::Endpoint,
    ids::{EndpointId, OrganizationId},
    pattern::Pattern,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::Registry;
use crate::{
    Error,
    table::{Change, Condition, Key, number, value},
};

/// How long an entry outlives its pattern: much longer than a batch of events is read.
const GIVEN_UP_FOR: Duration = Duration::from_hours(1);

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

    /// Lets the database drop the entries before long.
    pub(super) async fn give_up(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        patterns: impl Iterator<Item = &Pattern>,
        up_to_version: u64,
        now: Timestamp,
    ) -> Result<(), Error> {
        let expires_at = now.after(GIVEN_UP_FOR).seconds();
        let updates = patterns.map(|pattern| async move {
            let condition = Condition::new("version <= :version").with(":version", number(up_to_version));
            let change = Change::new("SET expires_at = :expires_at").with(":expires_at", value(&expires_at)?);
            self.table.update_if(&key(organization, pattern, endpoint), change, condition).await
        });
        try_join_all(updates).await?;
        Ok(())
    }

    /// Deletes the entries of an endpoint that is not there.
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
