//! Idle connections.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::EndpointUrl;
use crate::connection::Connection;
use crate::endpoint_url::Host;

/// How many connections are kept idle, over all hosts. The oldest gives way.
const MAX_IDLE: usize = 64;

/// How long a connection is kept idle. Most servers and load balancers close theirs after 60 s.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);

/// Connections between two requests, the one that was used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    origin: Origin,
    connection: Connection,
    since: Instant,
}

/// What two URLs must share to share a connection. Customers share connections to the same receiver; nothing of a
/// request stays behind in one.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    tls: bool,
    host: Host,
    port: u16,
}

impl Origin {
    fn of(url: &EndpointUrl) -> Self {
        Self { tls: url.tls, host: url.host.clone(), port: url.port }
    }
}

impl Pool {
    /// The most recently used connection to this origin that ends at one of these addresses. It may have been closed
    /// meanwhile: only sending tells.
    pub(crate) fn take(&self, url: &EndpointUrl, addresses: &[IpAddr]) -> Option<Connection> {
        let origin = Origin::of(url);
        let mut idle = self.lock();
        idle.retain(Idle::is_fresh);
        let position = idle
            .iter()
            .rposition(|idle| idle.origin == origin && addresses.contains(&idle.connection.address))?;
        idle.remove(position).map(|idle| idle.connection)
    }

    pub(crate) fn put(&self, url: &EndpointUrl, connection: Connection) {
        let mut idle = self.lock();
        idle.retain(Idle::is_fresh);
        if idle.len() == MAX_IDLE {
            idle.pop_front();
        }
        idle.push_back(Idle { origin: Origin::of(url), connection, since: Instant::now() });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < MAX_IDLE_TIME
    }
}
