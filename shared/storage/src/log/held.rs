//! What is held for an endpoint: a marker beside each held delivery's record.
//!
//! The status index would list the same, but lags behind its table, and what it misses when an endpoint recovers would
//! stay held for ever. Markers are read consistently. One is written before the record says that the delivery is held
//! and deleted after it says otherwise: a marker too many is noticed and deleted, one too few cannot be.

use domain::{
    Timestamp,
    delivery::{Delivery, Status},
    event,
    ids::{EndpointId, EventId, OrganizationId},
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::Log;
use crate::{Error, table::Key};

/// A marker is one write unit, and a busy endpoint's 1,000 a second are a quarter of what these take. A probe asks each.
const SHARDS: u8 = 4;

#[derive(Serialize, Deserialize)]
struct Marker {
    event: EventId,
    /// When the delivery's own schedule allows its next attempt; absent when it does at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    /// Unix seconds, as DynamoDB's time to live wants it.
    expires_at: i64,
}

/// What a probe may try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHeld {
    /// This one is due.
    Due(EventId),
    /// None is due before then.
    NotBefore(Timestamp),
    /// Nothing is held.
    Nothing,
}

fn partition(organization: OrganizationId, endpoint: EndpointId, shard: u8) -> String {
    format!("HELD#{organization}#{endpoint}#{shard}")
}

fn key(organization: OrganizationId, endpoint: EndpointId, event: EventId) -> Key {
    Key::new(partition(organization, endpoint, event.spread() % SHARDS), event.to_string())
}

impl Log {
    /// Records that a delivery is held, and returns it as it is recorded; `None` as [`Log::put_delivery`] does.
    pub async fn put_held(
        &self,
        organization: OrganizationId,
        delivery: Delivery,
    ) -> Result<Option<Delivery>, Error> {
        let marker = Marker {
            event: delivery.event,
            due: delivery.next_attempt_at,
            expires_at: delivery.event.created_at().after(event::RETENTION).seconds(),
        };
        self.table.put(&key(organization, delivery.endpoint, delivery.event), &marker).await?;
        self.put_delivery(organization, Delivery { status: Status::Held, ..delivery }).await
    }

    /// Notes that a delivery is no longer held.
    pub async fn clear_held(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        event: EventId,
    ) -> Result<(), Error> {
        self.table.delete(&key(organization, endpoint, event)).await
    }

    /// One held delivery that is due by its own schedule, of the oldest of each shard.
    pub async fn next_held(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        now: Timestamp,
    ) -> Result<NextHeld, Error> {
        const SEEN_PER_SHARD: usize = 50;
        let oldest = (0..SHARDS).map(|shard| async move {
            self.table.oldest::<Marker>(&partition(organization, endpoint, shard), None, SEEN_PER_SHARD).await
        });
        let markers: Vec<_> = try_join_all(oldest).await?.into_iter().flatten().collect();
        let due_at = |marker: &Marker| marker.due.unwrap_or(Timestamp::from_millis(0));
        let alive = markers.into_iter().filter(|marker| now.seconds() < marker.expires_at);
        Ok(match alive.min_by_key(|marker| (due_at(marker), marker.event)) {
            None => NextHeld::Nothing,
            Some(marker) if due_at(&marker) <= now => NextHeld::Due(marker.event),
            Some(marker) => NextHeld::NotBefore(due_at(&marker)),
        })
    }

    /// Up to `limit` held deliveries after `cursor`, shard by shard and oldest first; and the cursor of the next page,
    /// absent after the last one.
    pub async fn held_page(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<EventId>, Option<String>), Error> {
        let (first, mut after) = parse_cursor(cursor);
        let mut events = Vec::with_capacity(limit);
        for shard in first..SHARDS {
            let partition = partition(organization, endpoint, shard);
            let room = limit - events.len();
            let markers: Vec<Marker> = self.table.oldest(&partition, after.take(), room).await?;
            let is_full = markers.len() == room;
            events.extend(markers.iter().map(|marker| marker.event));
            if is_full {
                let next = events.last().map(|last| format!("{shard}/{last}"));
                return Ok((events, next));
            }
        }
        Ok((events, None))
    }
}

fn parse_cursor(cursor: Option<&str>) -> (u8, Option<String>) {
    let Some((shard, after)) = cursor.and_then(|cursor| cursor.split_once('/')) else { return (0, None) };
    (shard.parse().unwrap_or(0), Some(after.to_owned()).filter(|after| !after.is_empty()))
}
