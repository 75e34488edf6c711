//! Which endpoints may want an event, by pattern.
//!
//! A subscription is an index entry under organization and pattern. Fan-out reads only the few patterns that can match an
//! event's type, however many endpoints there are. The endpoint's own settings are the truth, and fan-out checks them. So an
//! entry too many does no harm. A missing one would lose events.
//!
//! The order of writes follows from that. Entries are added before the endpoint names the pattern, and given up after it no
//! longer does. An entry that is given up stays for an hour. Fan-out queries several patterns one after the other. It may query
//! the new pattern before the change and the old one after it, and must still find the endpoint.
//!
//! Each entry has the version of the settings that asked for it. Giving up leaves entries of later versions alone. So two
//! overlapping changes cannot remove each other's entries.

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

/// How long an entry stays after it was given up: much longer than it takes to read a batch's subscriptions.
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

/// The endpoints of an organization that were read together for the events of a batch.
#[derive(Debug)]
pub struct Subscribers(Vec<Endpoint>);

impl Subscribers {
    /// Those that subscribe to this event type, in any state, in the order of their ids.
    pub fn of<'a>(&'a self, event_type: &'a str) -> impl Iterator<Item = &'a Endpoint> {
        self.0.iter().filter(move |endpoint| endpoint.settings.enabled_events.match_type(event_type))
    }
}

impl Registry {
    /// The endpoints that subscribe to any of these event types. The read is consistent: an endpoint that was created before an
    /// event is among them. A pattern that several types have in common is read once.
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

    /// Gives up entries: the database drops them after [`GIVEN_UP_FOR`].
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

    /// Deletes the entries of an endpoint that does not exist.
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
