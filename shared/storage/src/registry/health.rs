//! How an endpoint fares: its failures, its probe, pausing and unpausing.
//!
//! Each change is one conditional update. So functions that run at the same time count a failure once, start one probe and
//! pause once. When a function died in between, whoever comes next does the rest.

use domain::{
    Timestamp,
    endpoint::{Endpoint, Probe, SLOW_FOR},
    ids::{EndpointId, EventId, OrganizationId},
};

use super::{EndpointRecord, Registry, endpoints::key, generation};
use crate::{
    Error,
    table::{Change, Condition, Returned, number, text, value},
};

const COUNT: &str = "SET health.consecutive_failures = health.consecutive_failures + :one, \
     health.last_failure_at = :ended, health.last_delivery_at = :ended, health.last_delivery_status = :status";

const COUNT_AND_POSTPONE: &str = "SET health.consecutive_failures = health.consecutive_failures + :one, \
     health.last_failure_at = :ended, health.last_delivery_at = :ended, health.last_delivery_status = :status, \
     probe.due = :due, probe.delay_seconds = :delay";

const RESET: &str = "SET health.consecutive_failures = :zero, health.last_delivery_at = :ended, \
     health.last_delivery_status = :status REMOVE health.last_failure_at";

const DISABLE: &str = "settings.is_active = :no, version = version + :one, \
     health.last_delivery_at = :ended, health.last_delivery_status = :status";

/// What an attempt says about its endpoint's health.
#[derive(Debug, Clone, Copy)]
pub struct Noted {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The HTTP status, where an answer came.
    pub status: Option<u16>,
    /// The endpoint's generation when it began.
    pub generation: u64,
}

impl Noted {
    /// Fills in the values of this attempt that the change names.
    fn in_change(self, change: Change) -> Result<Change, Error> {
        Ok(change.with(":ended", value(&self.ended)?).with(":status", value(&self.status)?))
    }

    /// The condition that the endpoint is still of the attempt's generation.
    fn is_of_this_generation(self) -> Condition {
        generation::is(self.generation)
    }
}

impl Registry {
    /// Notes a success: the count of failures is 0 again. Returns the endpoint as it was before, or `None` if it is gone or of
    /// another generation.
    pub async fn note_success(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        noted: Noted,
    ) -> Result<Option<Endpoint>, Error> {
        let change = noted.in_change(Change::new(RESET))?.with(":zero", number(0_u64));
        self.change_endpoint(organization, id, change, noted.is_of_this_generation(), Returned::Before).await
    }

    /// Disables an endpoint because its receiver answered 410. False if it is gone or of another generation.
    pub async fn disable_gone(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        noted: Noted,
    ) -> Result<bool, Error> {
        let change = noted.in_change(generation::begin(DISABLE, &[]))?.with(":no", value(&false)?);
        self.table.update_if(&key(organization, id), change, noted.is_of_this_generation()).await
    }

    /// Counts a failure, as long as fewer than `limit` are counted; after that only probes count. Nothing is counted if the
    /// attempt overlapped a counted failure, or if the endpoint is of another generation. Returns the endpoint after the
    /// change, or `None` if nothing was counted.
    pub async fn count_failure(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        noted: Noted,
        limit: u32,
    ) -> Result<Option<Endpoint>, Error> {
        let condition = Condition::new(
            "health.consecutive_failures < :limit \
             AND (attribute_not_exists(health.last_failure_at) OR health.last_failure_at <= :began)",
        );
        let condition = condition.with(":limit", number(limit)).with(":began", value(&noted.began)?);
        let condition = condition.and(noted.is_of_this_generation());
        let change = noted.in_change(Change::new(COUNT))?.with(":one", number(1_u64));
        self.change_endpoint(organization, id, change, condition, Returned::After).await
    }

    /// Counts the failure of a probe that was due at `due`. From then on the probe is as `probe` says. Returns the endpoint
    /// after the change, or `None` if that probe is over or has failed again since.
    pub async fn count_probe_failure(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        noted: Noted,
        due: Timestamp,
        probe: &Probe,
    ) -> Result<Option<Endpoint>, Error> {
        let change = noted.in_change(Change::new(COUNT_AND_POSTPONE))?.with(":one", number(1_u64));
        let change = change.with(":due", value(&probe.due)?).with(":delay", number(probe.delay_seconds));
        let condition = Condition::new("probe.id = :probe AND probe.due = :was_due")
            .with(":probe", text(&probe.id))
            .with(":was_due", value(&due)?);
        self.change_endpoint(organization, id, change, condition, Returned::After).await
    }

    /// Notes until when an endpoint counts as slow. False if somebody has noted nearly the same, or if the endpoint is gone.
    pub async fn note_slow(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let condition = Condition::new(
            "attribute_exists(pk) AND (attribute_not_exists(health.slow_until) OR health.slow_until < :news)",
        );
        let news =
            Timestamp::from_millis(until.millis() - i64::try_from(SLOW_FOR.as_millis() / 2).unwrap_or(0));
        let change = Change::new("SET health.slow_until = :until").with(":until", value(&until)?);
        self.table.update_if(&key(organization, id), change, condition.with(":news", value(&news)?)).await
    }

    /// Gives an endpoint that is failing in this generation a probe. It replaces the probe with the id `replacing`, or is the
    /// first one. False if the endpoint has another probe, or is of another generation.
    pub async fn start_probe(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        generation: u64,
        probe: &Probe,
        replacing: Option<&str>,
    ) -> Result<bool, Error> {
        // The SDK may repeat a call whose answer was lost. It then finds its own probe.
        let condition = match replacing {
            Some(old) => Condition::new("probe.id = :old OR probe.id = :new").with(":old", text(old)),
            None => Condition::new("attribute_not_exists(probe) OR probe.id = :new"),
        };
        let condition = condition.with(":new", text(&probe.id)).and(generation::is(generation));
        let change = Change::new("SET probe = :new_probe").with(":new_probe", value(probe)?);
        self.table.update_if(&key(organization, id), change, condition).await
    }

    /// Notes that the ticket of a probe is in the queue.
    pub async fn probe_sent(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        probe: &str,
    ) -> Result<bool, Error> {
        let change = Change::new("SET probe.sent = :sent").with(":sent", value(&true)?);
        self.table.update_if(&key(organization, id), change, is_probe(probe)).await
    }

    /// Makes this message the probe's ticket. False if another message is, or if the probe is over.
    pub async fn take_probe(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        probe: &str,
        message: &str,
    ) -> Result<bool, Error> {
        let condition = Condition::new(
            "probe.id = :probe AND (attribute_not_exists(probe.ticket) OR probe.ticket = :message)",
        );
        let condition = condition.with(":probe", text(probe));
        let change = Change::new("SET probe.ticket = :message").with(":message", text(message));
        self.table.update_if(&key(organization, id), change, condition).await
    }

    /// Sets when a probe is due next, without counting a failure.
    pub async fn postpone_probe(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        probe: &str,
        due: Timestamp,
    ) -> Result<bool, Error> {
        let change = Change::new("SET probe.due = :due").with(":due", value(&due)?);
        self.table.update_if(&key(organization, id), change, is_probe(probe)).await
    }

    /// Ends a probe.
    pub async fn end_probe(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        probe: &str,
    ) -> Result<bool, Error> {
        self.table.update_if(&key(organization, id), Change::new("REMOVE probe"), is_probe(probe)).await
    }

    /// Pauses an endpoint because a person wants it. `announcement` is the id of the event that will announce it. Returns the
    /// endpoint after the change, or `None` if it is gone or was paused already.
    pub async fn pause(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        announcement: EventId,
    ) -> Result<Option<Endpoint>, Error> {
        self.pause_if(organization, id, announcement, Condition::present()).await
    }

    /// Pauses an endpoint because of the failures that were counted in this generation. Also `None` if the endpoint is of
    /// another generation, in which they do not count.
    pub async fn pause_failing(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        generation: u64,
        announcement: EventId,
    ) -> Result<Option<Endpoint>, Error> {
        self.pause_if(organization, id, announcement, generation::is(generation)).await
    }

    async fn pause_if(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        announcement: EventId,
        allowed: Condition,
    ) -> Result<Option<Endpoint>, Error> {
        let change = Change::new("SET is_paused = :yes, pause_announcement = :event REMOVE probe")
            .with(":yes", value(&true)?)
            .with(":event", value(&announcement)?);
        // The SDK may repeat a call whose answer was lost. It then finds its own pause.
        let condition = Condition::new("is_paused = :no OR pause_announcement = :event");
        let condition = condition.with(":no", value(&false)?).and(allowed);
        self.change_endpoint(organization, id, change, condition, Returned::After).await
    }

    /// Notes that a pause was announced.
    pub async fn pause_announced(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        announcement: EventId,
    ) -> Result<bool, Error> {
        let condition = Condition::new("pause_announcement = :event").with(":event", value(&announcement)?);
        self.table
            .update_if(&key(organization, id), Change::new("REMOVE pause_announcement"), condition)
            .await
    }

    /// Unpauses an endpoint and sets its failures to 0. What was held until `left_held_until` stays held. Returns the endpoint
    /// after the change, or `None` if it is gone.
    pub async fn unpause(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        left_held_until: Option<Timestamp>,
    ) -> Result<Option<Endpoint>, Error> {
        let change = match left_held_until {
            None => generation::begin("is_paused = :no", &["left_held_until"]),
            Some(until) => generation::begin("is_paused = :no, left_held_until = :until", &[])
                .with(":until", value(&until)?),
        };
        let change = change.with(":no", value(&false)?);
        self.change_endpoint(organization, id, change, Condition::present(), Returned::After).await
    }

    async fn change_endpoint(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        change: Change,
        condition: Condition,
        returned: Returned,
    ) -> Result<Option<Endpoint>, Error> {
        let key = key(organization, id);
        let record = self.table.update_returning::<EndpointRecord>(&key, change, condition, returned).await?;
        Ok(record.map(|record| record.endpoint))
    }
}

fn is_probe(id: &str) -> Condition {
    Condition::new("probe.id = :probe").with(":probe", text(id))
}
