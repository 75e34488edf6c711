//! Pausing an endpoint that failed too often.

use application::Pausing;
use domain::endpoint::Endpoint;

use crate::{Deliver, Problem};

impl Deliver {
    /// Pauses an endpoint, which is as it was when its failures were counted.
    pub(crate) async fn pause(&self, endpoint: &Endpoint) -> Result<(), Problem> {
        self.pausing().by_failures(endpoint).await?;
        Ok(())
    }

    /// Publishes the event that is yet to tell of an endpoint's pause, if there is one.
    pub(crate) async fn announce_pause(&self, endpoint: &Endpoint) -> Result<(), Problem> {
        Ok(self.pausing().announce(endpoint).await?)
    }

    fn pausing(&self) -> Pausing<'_> {
        Pausing { registry: &self.registry, bus: &self.bus, clock: &self.clock }
    }
}
