//! What became of an event at an endpoint.
//!
//! A delivery that its first attempt settled with success has one item, written once; any other one has an item that
//! changes as it goes, in a partition of its own and in the status index. First attempts read neither. So the first
//! version of an item that changes is written only where there is none, and both items may exist when a duplicated
//! message ran beside its twin: then the success counts, and what follows from it takes the place of the other. No late
//! failure hides a success.
//!
//! Partitioned by endpoint and [`SHARDS`] shards, and the status index too, since a busy endpoint settles 1,000 a second
//! and that is what one partition takes.

use domain::{
    Timestamp,
    attempt::Attempt,
    delivery::{Delivery, Status},
    event,
    ids::{EndpointId, EventId, OrganizationId},
};
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};

use super::Log;
use crate::{
    Error,
    table::{Change, Condition, Key, Span, text, value},
};

const SHARDS: u8 = 16;
/// The index of items that changed as they went, by endpoint and status. Its items' first success costs nothing here.
const BY_STATUS: &str = "deliveries_by_status";

/// Which of an endpoint's deliveries are listed, by their status and by when their events were created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// The status.
    pub status: Option<Status>,
    /// From then on.
    pub after: Option<Timestamp>,
    /// Up to then, exclusive.
    pub before: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct DeliveryItem {
    #[serde(flatten)]
    delivery: Delivery,
    /// The index's partition; absent from what succeeded at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status_key: Option<String>,
    /// Unix seconds, as DynamoDB's time to live wants it.
    expires_at: i64,
}

/// How a delivery came to its end, or is on its way to it: each kind has partitions of its own.
#[derive(Clone, Copy)]
enum Course {
    AtOnce,
    InSteps,
}

impl Course {
    fn partition(self, organization: OrganizationId, endpoint: EndpointId, shard: u8) -> String {
        let kind = match self {
            Self::AtOnce => "DELIVERED",
            Self::InSteps => "DELIVERY",
        };
        format!("{kind}#{organization}#{endpoint}#{shard}")
    }

    fn key(self, organization: OrganizationId, endpoint: EndpointId, event: EventId) -> Key {
        Key::new(self.partition(organization, endpoint, shard(event)), event.to_string())
    }
}

fn item(delivery: &Delivery, status_key: Option<String>) -> DeliveryItem {
    let expires_at = delivery.event.created_at().after(event::RETENTION).seconds();
    DeliveryItem { delivery: delivery.clone(), status_key, expires_at }
}

fn shard(event: EventId) -> u8 {
    event.spread() % SHARDS
}

fn status_key(organization: OrganizationId, endpoint: EndpointId, status: Status, shard: u8) -> String {
    format!("{organization}#{endpoint}#{}#{shard}", status.name())
}

fn status_key_of(organization: OrganizationId, delivery: &Delivery, status: Status) -> String {
    status_key(organization, delivery.endpoint, status, shard(delivery.event))
}

/// A delivery's steps are as they were read, and nobody has taken its next attempt since.
fn unchanged(read: &Delivery) -> Result<Condition, Error> {
    let is_as_planned = match read.next_attempt_at {
        Some(due) => Condition::new("next_attempt_at = :due").with(":due", value(&due)?),
        None => Condition::new("attribute_not_exists(next_attempt_at)"),
    };
    let is_not_taken = match read.leased_until {
        Some(lease) => Condition::new("leased_until = :read_lease").with(":read_lease", value(&lease)?),
        None => Condition::new("attribute_not_exists(leased_until)"),
    };
    let is_as_recorded =
        Condition::new("updated_at = :updated_at").with(":updated_at", value(&read.updated_at)?);
    Ok(is_as_recorded.and(is_as_planned).and(is_not_taken))
}

/// There are no steps, or they do not go on from this success at once.
fn absent_or_beside(success: &Attempt) -> Result<Condition, Error> {
    let condition = Condition::new(
        "attribute_not_exists(pk) OR attribute_not_exists(attempts[0]) OR attempts[0] <> :success",
    );
    Ok(condition.with(":success", value(success)?))
}

impl Log {
    /// Writes what became of a delivery, which was read as `read`, by an attempt; and returns it as it is recorded. `None` if
    /// somebody else has recorded something meanwhile: that stands, and is to be read first. But a success always counts.
    pub async fn put_delivery(
        &self,
        organization: OrganizationId,
        read: &Delivery,
        delivery: Delivery,
    ) -> Result<Option<Delivery>, Error> {
        let (endpoint, event) = (delivery.endpoint, delivery.event);
        if delivery.succeeded_at_once() {
            self.table
                .put(&Course::AtOnce.key(organization, endpoint, event), &item(&delivery, None))
                .await?;
            return Ok(Some(delivery));
        }
        if !delivery.in_steps {
            return self.put_first_step(organization, delivery).await;
        }
        // Taking the attempt did not change when it was recorded last.
        let unrecorded =
            Condition::new("updated_at = :updated_at").with(":updated_at", value(&read.updated_at)?);
        let condition = (delivery.status != Status::Delivered).then_some(unrecorded);
        let written = self.put_steps(organization, &delivery, condition).await?;
        Ok(written.then_some(delivery))
    }

    /// Writes a delivery that was read as `read` and has changed without an attempt. `None` if somebody else has changed it,
    /// too.
    pub(super) async fn put_changed(
        &self,
        organization: OrganizationId,
        read: &Delivery,
        changed: Delivery,
    ) -> Result<Option<Delivery>, Error> {
        if !read.in_steps {
            return self.put_first_step(organization, changed).await;
        }
        let written = self.put_steps(organization, &changed, Some(unchanged(read)?)).await?;
        Ok(written.then_some(changed))
    }

    async fn put_first_step(
        &self,
        organization: OrganizationId,
        delivery: Delivery,
    ) -> Result<Option<Delivery>, Error> {
        let delivery = Delivery { in_steps: true, ..delivery };
        let success = delivery.attempts.first().filter(|first| first.outcome.is_success());
        // What a duplicated message did beside a success gives way to what follows from the success.
        let condition = match success {
            Some(success) => absent_or_beside(success)?,
            None => Condition::absent(),
        };
        if !self.put_steps(organization, &delivery, Some(condition)).await? {
            return Ok(None);
        }
        if success.is_some() {
            // It is sent again, or held for that: one record, or lists by status would tell two stories.
            let key = Course::AtOnce.key(organization, delivery.endpoint, delivery.event);
            self.table.delete(&key).await?;
        }
        Ok(Some(delivery))
    }

    async fn put_steps(
        &self,
        organization: OrganizationId,
        delivery: &Delivery,
        condition: Option<Condition>,
    ) -> Result<bool, Error> {
        let key = Course::InSteps.key(organization, delivery.endpoint, delivery.event);
        let item = item(delivery, Some(status_key_of(organization, delivery, delivery.status)));
        match condition {
            Some(condition) => self.table.put_if(&key, &item, condition).await,
            None => self.table.put(&key, &item).await.map(|()| true),
        }
    }

    /// Ends a delivery that was read as `read` and will not be sent, unless somebody else has changed it.
    pub async fn give_up(
        &self,
        organization: OrganizationId,
        read: &Delivery,
        now: Timestamp,
    ) -> Result<(), Error> {
        let given_up = Delivery {
            status: Status::Failed,
            next_attempt_at: None,
            leased_until: None,
            updated_at: now,
            ..read.clone()
        };
        self.put_changed(organization, read, given_up).await?;
        Ok(())
    }

    /// Deletes the record of the steps that a duplicated message took beside one that succeeded at once.
    pub async fn drop_steps_beside(
        &self,
        organization: OrganizationId,
        success: &Delivery,
    ) -> Result<(), Error> {
        let key = Course::InSteps.key(organization, success.endpoint, success.event);
        if let Some(attempt) = success.attempts.first() {
            self.table.delete_if(&key, absent_or_beside(attempt)?).await?;
        }
        Ok(())
    }

    /// Takes the next attempt of a delivery that was read as `read`: from then on it is retrying, and whoever brings it beside
    /// this waits until the lease ends. When the attempt was planned stays, but for one that is made ahead of its plan: that
    /// one is planned for now. False if the delivery has changed since.
    pub async fn take_attempt(
        &self,
        organization: OrganizationId,
        read: &Delivery,
        now: Timestamp,
        lease: Timestamp,
    ) -> Result<bool, Error> {
        let key = Course::InSteps.key(organization, read.endpoint, read.event);
        let planned = read.next_attempt_at.map_or(now, |due| due.min(now));
        let change = Change::new(
            "SET #status = :retrying, status_key = :status_key, next_attempt_at = :planned, leased_until = :lease",
        )
        .named("#status", "status")
        .with(":retrying", value(&Status::Retrying)?)
        .with(":status_key", text(&status_key_of(organization, read, Status::Retrying)))
        .with(":planned", value(&planned)?)
        .with(":lease", value(&lease)?);
        self.table.update_if(&key, change, unchanged(read)?).await
    }

    /// The records of one event at these endpoints; those of which nothing has become yet are left out.
    pub async fn deliveries_of_event(
        &self,
        organization: OrganizationId,
        event: EventId,
        endpoints: &[EndpointId],
        now: Timestamp,
    ) -> Result<Vec<Delivery>, Error> {
        let places = endpoints.iter().map(|endpoint| (*endpoint, event));
        self.deliveries_at(organization, places, now).await
    }

    /// The records of these events at one endpoint; those of which nothing has become yet are left out.
    pub async fn deliveries_of_endpoint(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        events: &[EventId],
        now: Timestamp,
    ) -> Result<Vec<Delivery>, Error> {
        let places = events.iter().map(|event| (endpoint, *event));
        self.deliveries_at(organization, places, now).await
    }

    /// The record of one event at one endpoint.
    pub async fn delivery(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        event: EventId,
        now: Timestamp,
    ) -> Result<Option<Delivery>, Error> {
        Ok(self.deliveries_of_event(organization, event, &[endpoint], now).await?.pop())
    }

    /// Up to `limit` of an endpoint's deliveries of which something became, newest event first, those of events older
    /// than `position` where it is given.
    pub async fn list_deliveries(
        &self,
        organization: OrganizationId,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        position: Option<EventId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, Error> {
        let span = &Span {
            from: EventId::first_of(filter.after.unwrap_or(Timestamp::from_millis(0))).to_string(),
            to: position
                .unwrap_or(EventId::first_of(filter.before.unwrap_or(Timestamp::MAX)))
                .just_before()
                .to_string(),
        };
        if span.to < span.from {
            return Ok(Vec::new());
        }

        let at_once = matches!(filter.status, None | Some(Status::Delivered));
        let at_once = (0..SHARDS)
            .filter(|_| at_once)
            .map(|shard| self.page_of(Course::AtOnce, organization, endpoint, shard, span, limit));

        let in_steps = (0..SHARDS).map(|shard| async move {
            match filter.status {
                Some(status) => {
                    let partition = status_key(organization, endpoint, status, shard);
                    self.table.index_page(BY_STATUS, "status_key", &partition, span, limit).await
                }
                None => self.page_of(Course::InSteps, organization, endpoint, shard, span, limit).await,
            }
        });

        let (at_once, in_steps) = try_join(try_join_all(at_once), try_join_all(in_steps)).await?;
        let items: Vec<DeliveryItem> = at_once.into_iter().chain(in_steps).flatten().collect();

        let mut deliveries = alive(items, now);
        merge(&mut deliveries);
        deliveries.sort_by_key(|delivery| std::cmp::Reverse(delivery.event));
        deliveries.truncate(limit);
        Ok(deliveries)
    }

    async fn page_of(
        &self,
        course: Course,
        organization: OrganizationId,
        endpoint: EndpointId,
        shard: u8,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<DeliveryItem>, Error> {
        self.table.span_newest(&course.partition(organization, endpoint, shard), span, limit).await
    }

    async fn deliveries_at(
        &self,
        organization: OrganizationId,
        places: impl Iterator<Item = (EndpointId, EventId)>,
        now: Timestamp,
    ) -> Result<Vec<Delivery>, Error> {
        let keys: Vec<_> = places
            .flat_map(|(endpoint, event)| {
                [Course::AtOnce, Course::InSteps].map(|course| course.key(organization, endpoint, event))
            })
            .collect();
        let mut deliveries = alive(self.table.get_all(&keys).await?, now);
        merge(&mut deliveries);
        Ok(deliveries)
    }
}

/// What is not older than the log keeps: the database drops items up to days after their time.
fn alive(items: Vec<DeliveryItem>, now: Timestamp) -> Vec<Delivery> {
    items.into_iter().filter(|item| now.seconds() < item.expires_at).map(|item| item.delivery).collect()
}

/// Leaves one record for each event and endpoint: the success at once, unless the other one goes on from it.
fn merge(deliveries: &mut Vec<Delivery>) {
    deliveries.sort_by_key(|delivery| (delivery.endpoint, delivery.event, !delivery.succeeded_at_once()));
    deliveries.dedup_by(|later, earlier| {
        let same = (later.endpoint, later.event) == (earlier.endpoint, earlier.event);
        if same && later.continues(earlier) {
            std::mem::swap(later, earlier);
        }
        same
    });
}
