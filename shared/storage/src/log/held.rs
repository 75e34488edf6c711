//! What is held for an endpoint: a marker beside each held delivery's record.
//!
//! The status index would list the same, but lags behind its table, and what it misses when an endpoint recovers would
//! stay held for ever. Markers are read consistently.
//!
//! A marker too many is noticed, one too few cannot be. So one is written before the record says that the delivery is
//! held. It is deleted after the record says otherwise by whoever made it so, unless it is another one by then; and by
//! others only when it is older than any function may run, since a young one's record may be about to be written.

use std::time::Duration;

use domain::{
    Timestamp,
    delivery::{Delivery, Status},
    event,
    ids::{EndpointId, EventId, OrganizationId},
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::Log;
use crate::{
    Error,
    table::{Condition, Key, value},
};

/// A marker is one write unit, and a busy endpoint's 1,000 a second are a quarter of what these take. A probe asks each.
const SHARDS: u8 = 4;

/// How many markers of a shard a probe looks at.
const LOOKED_AT: usize = 50;
/// How many it reads at once where some were left held and are passed over.
const PASSED_OVER_AT_ONCE: usize = 1_000;

/// No function may run for so long on AWS.
const ABANDONED_AFTER: Duration = Duration::from_mins(15);

/// Says that one delivery of an endpoint is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldMarker {
    /// Of which event.
    pub event: EventId,
    /// When the delivery's own schedule allows its next attempt; absent when it does at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    /// The record's last change, by which it came to be held.
    since: Timestamp,
    /// Unix seconds, as DynamoDB's time to live wants it.
    expires_at: i64,
}

impl HeldMarker {
    /// Whether a person who unpaused the endpoint chose to leave it held.
    pub fn is_left(&self, left_held_until: Option<Timestamp>) -> bool {
        left_held_until.is_some_and(|until| self.since <= until)
    }
}

/// What is held for an endpoint, as far as a probe looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What is due by its own schedule, longest first.
    pub due: Vec<HeldMarker>,
    /// When the next one is.
    pub next_due: Option<Timestamp>,
}

impl Held {
    /// Whether there is nothing.
    pub const fn is_empty(&self) -> bool {
        self.due.is_empty() && self.next_due.is_none()
    }
}

fn partition(organization: OrganizationId, endpoint: EndpointId, shard: u8) -> String {
    format!("HELD#{organization}#{endpoint}#{shard}")
}

fn key(organization: OrganizationId, endpoint: EndpointId, event: EventId) -> Key {
    Key::new(partition(organization, endpoint, event.spread() % SHARDS), event.to_string())
}

impl Log {
    /// Records that a delivery, which was read as `read`, is held, and returns it as it is recorded. `None` if somebody has
    /// changed it meanwhile: then it is to be read again.
    pub async fn put_held(
        &self,
        organization: OrganizationId,
        read: Delivery,
        now: Timestamp,
    ) -> Result<Option<Delivery>, Error> {
        let held = Delivery { status: Status::Held, updated_at: now, ..read.clone() };
        self.mark_held(organization, &held).await?;
        self.put_changed(organization, &read, held).await
    }

    /// Writes the marker of a delivery as its record says, or is about to say, that it is held.
    pub async fn mark_held(&self, organization: OrganizationId, held: &Delivery) -> Result<(), Error> {
        let marker = HeldMarker {
            event: held.event,
            due: held.due_at(),
            since: held.updated_at,
            expires_at: held.event.created_at().after(event::RETENTION).seconds(),
        };
        self.table.put(&key(organization, held.endpoint, held.event), &marker).await
    }

    /// Notes that a delivery, which was read as `held`, is no longer held.
    pub async fn clear_held(&self, organization: OrganizationId, held: &Delivery) -> Result<(), Error> {
        let key = key(organization, held.endpoint, held.event);
        self.table.delete_if(&key, is_since(held.updated_at)?).await?;
        Ok(())
    }

    /// Drops markers whose deliveries' records, read after them, do not say that they are held; young ones stay.
    pub async fn drop_abandoned(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        markers: &[HeldMarker],
        now: Timestamp,
    ) -> Result<(), Error> {
        for marker in markers.iter().filter(|marker| now.since(marker.since) > ABANDONED_AFTER) {
            let key = key(organization, endpoint, marker.event);
            self.table.delete_if(&key, is_since(marker.since)?).await?;
        }
        Ok(())
    }

    /// What is held and was not left so, of the oldest of each shard.
    pub async fn held(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        left_held_until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Held, Error> {
        let at_once = if left_held_until.is_some() { PASSED_OVER_AT_ONCE } else { LOOKED_AT };
        let oldest = (0..SHARDS).map(|shard| async move {
            let partition = partition(organization, endpoint, shard);
            let (mut after, mut wanted) = (None, Vec::new());
            loop {
                let seen: Vec<HeldMarker> = self.table.oldest(&partition, after, at_once).await?;
                after = seen.last().filter(|_| seen.len() == at_once).map(|last| last.event.to_string());
                let is_wanted = |marker: &HeldMarker| {
                    now.seconds() < marker.expires_at && !marker.is_left(left_held_until)
                };
                wanted.extend(seen.into_iter().filter(is_wanted));
                if after.is_none() || wanted.len() >= LOOKED_AT {
                    wanted.truncate(LOOKED_AT);
                    return Ok::<_, Error>(wanted);
                }
            }
        });

        let mut markers: Vec<_> = try_join_all(oldest).await?.into_iter().flatten().collect();
        markers.sort_by_key(|marker| (marker.due, marker.event));
        let later =
            markers.split_off(markers.partition_point(|marker| marker.due.is_none_or(|due| due <= now)));
        Ok(Held { due: markers, next_due: later.first().and_then(|marker| marker.due) })
    }

    /// Up to `limit` markers after `cursor`, shard by shard and oldest first; and the cursor of the next page, absent after
    /// the last one.
    pub async fn held_page(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<HeldMarker>, Option<String>), Error> {
        let (first, mut after) = parse_cursor(cursor);
        let mut markers: Vec<HeldMarker> = Vec::with_capacity(limit);
        for shard in first..SHARDS {
            let partition = partition(organization, endpoint, shard);
            let room = limit - markers.len();
            let found: Vec<HeldMarker> = self.table.oldest(&partition, after.take(), room).await?;
            let is_full = found.len() == room;
            markers.extend(found);
            if is_full {
                let next = markers.last().map(|last| format!("{shard}/{}", last.event));
                return Ok((markers, next));
            }
        }
        Ok((markers, None))
    }
}

/// It is the marker of that change.
fn is_since(since: Timestamp) -> Result<Condition, Error> {
    Ok(Condition::new("since = :since").with(":since", value(&since)?))
}

fn parse_cursor(cursor: Option<&str>) -> (u8, Option<String>) {
    let Some((shard, after)) = cursor.and_then(|cursor| cursor.split_once('/')) else { return (0, None) };
    (shard.parse().unwrap_or(0), Some(after.to_owned()).filter(|after| !after.is_empty()))
}
