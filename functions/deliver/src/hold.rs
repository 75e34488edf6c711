//! Holding deliveries of a failing or paused endpoint.

use domain::{
    delivery::Delivery,
    endpoint::{Endpoint, State},
};
use runtime::{
    batch::{Record, Verdict},
    metrics::{self, Metric},
};

use crate::{Deliver, Problem};

impl Deliver {
    /// Records a delivery as held, makes sure that somebody will let it go, and takes its message out of the queue.
    pub(crate) async fn hold(&self, record: &Record, delivery: Delivery) -> Result<Verdict, Problem> {
        let (organization, id) = (delivery.organization, delivery.endpoint);
        if self.log.put_held(organization, delivery, self.clock.now()).await?.is_none() {
            return self.come_back(record).await;
        }
        metrics::measure(self.clock.now(), &[(Metric::DeliveriesHeld, 1)]);
        // Read again, after the record is written: a release that ended before it has missed it, one that begins after
        // this read finds it.
        let Some(current) = self.registry.endpoint(organization, id).await? else { return Ok(Verdict::Done) };
        let endpoint = current.endpoint;
        match self.holder(&endpoint) {
            Holder::Nobody => {
                // To be sent.
                self.come_back(record).await
            }
            Holder::Owner => {
                self.announce_pause(&endpoint).await?;
                Ok(Verdict::Done)
            }
            Holder::Probe => {
                self.ensure_probe(&endpoint).await?;
                Ok(Verdict::Done)
            }
        }
    }

    /// Who lets an endpoint's held deliveries go.
    pub(crate) fn holder(&self, endpoint: &Endpoint) -> Holder {
        match endpoint.state() {
            State::Disabled | State::Paused => Holder::Owner,
            State::Active if endpoint.is_failing(&self.thresholds) => Holder::Probe,
            State::Active => Holder::Nobody,
        }
    }
}

pub(crate) enum Holder {
    /// A person, who unpauses or enables it.
    Owner,
    /// The probe, when it succeeds.
    Probe,
    /// There is nothing to wait for.
    Nobody,
}
