//! Where the connections of a POST may lead: to one vetted address at a time.
//!
//! reqwest asks its connector for a connection whenever its pool has none. The connector finds its POST in a task-local
//! variable, lets the host's addresses be vetted, and lets reqwest connect to the one whose turn it is. So connections go only
//! to addresses that were vetted a moment before. It is also known whether a connection was opened at all.

use std::error::Error;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

use crate::vet::vetted_addresses;
use crate::{EndpointUrl, PostError, Resolver};

type BoxError = Box<dyn Error + Send + Sync>;

tokio::task_local! {
    /// The POST that a connection is opened for.
    static DIAL: Arc<Dial>;
    /// The address that a connection is being opened to.
    static ADDRESS: IpAddr;
}

/// Why no connection was opened. It comes back out of reqwest's chain of errors.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
pub(crate) struct DialError(pub(crate) PostError);

/// One POST's way to its host.
#[derive(Debug)]
pub(crate) struct Dial {
    url: EndpointUrl,
    resolver: Arc<dyn Resolver>,
    deadline: Instant,
    progress: Mutex<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// All of the host's addresses, after vetting. Empty until a connection is first needed.
    addresses: Vec<IpAddr>,
    /// The index of the address whose turn it is.
    turn: usize,
    has_dialed: bool,
    /// The address that a TCP connection is open to.
    connected: Option<IpAddr>,
}

/// Notes that the TCP connection that this task opens is there. Its TLS handshake is still to follow.
pub(crate) fn note_tcp_connection() {
    let note = |address: &IpAddr| DIAL.try_with(|dial| dial.lock().connected = Some(*address));
    // Outside of such a task, there is nobody to tell.
    let _ = ADDRESS.try_with(note);
}

impl Dial {
    pub(crate) fn new(url: EndpointUrl, resolver: Arc<dyn Resolver>, deadline: Instant) -> Self {
        Self { url, resolver, deadline, progress: Mutex::default() }
    }

    /// Runs a request. Connections that are opened for it belong to this POST.
    pub(crate) async fn scope<T>(self: &Arc<Self>, request: impl Future<Output = T>) -> T {
        DIAL.scope(self.clone(), request).await
    }

    /// Whether a connection was asked for. If not, the request was sent on a kept connection.
    pub(crate) fn has_dialed(&self) -> bool {
        self.lock().has_dialed
    }

    /// The address that a connection was opened to.
    pub(crate) fn connected_address(&self) -> Option<IpAddr> {
        self.lock().connected
    }

    /// Gives up an address that could not be connected to. Then it is the turn of the next one, if there is one.
    pub(crate) fn give_up_address(&self) {
        self.lock().turn += 1;
    }

    /// Whether the POST's time is over.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Whether there is an address whose turn it is.
    pub(crate) fn has_address_left(&self) -> bool {
        let progress = self.lock();
        progress.turn < progress.addresses.len()
    }

    async fn open<C>(&self, connecting: impl Future<Output = Result<C, BoxError>>) -> Result<C, BoxError> {
        let (address, until) = self.choose().await.map_err(DialError)?;

        let mut connecting = pin!(ADDRESS.scope(address, connecting));
        let mut connection = timeout_at(until, &mut connecting).await;
        if connection.is_err() && self.connected_address().is_some() {
            // The TLS handshake gets the rest of the time, because another address would not be quicker.
            connection = timeout_at(self.deadline, connecting).await;
        }
        let connection = connection.map_err(|_| DialError(PostError::Timeout))??;

        self.lock().connected = Some(address);
        Ok(connection)
    }

    /// The address whose turn it is, and how long it may take. It gets only its share of the remaining time, so that a host
    /// with one dead address is still reached.
    async fn choose(&self) -> Result<(IpAddr, Instant), PostError> {
        let known = self.lock().addresses.clone();
        let addresses =
            if known.is_empty() { vetted_addresses(&self.url, &*self.resolver).await? } else { known };

        let mut progress = self.lock();
        progress.addresses = addresses;
        let address = *progress.addresses.get(progress.turn).ok_or(PostError::ConnectionFailed)?;
        let left = u32::try_from(progress.addresses.len() - progress.turn).unwrap_or(u32::MAX);

        let now = Instant::now();
        Ok((address, now + self.deadline.saturating_duration_since(now) / left))
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The resolver for reqwest. A name has the one address that was chosen for this connection, and no other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChosenAddress;

impl Resolve for ChosenAddress {
    fn resolve(&self, _name: Name) -> Resolving {
        let chosen = ADDRESS.try_with(|address| SocketAddr::new(*address, 0));
        // The port comes from the URL. If no address was chosen, there is no connection.
        let answer = chosen.map(|address| Box::new([address].into_iter()) as Addrs);
        Box::pin(async move { answer.map_err(BoxError::from) })
    }
}

/// A layer that lets the [`Dial`] of a POST open each connection that reqwest asks for. It counts the connections that were
/// opened.
#[derive(Debug, Clone)]
pub(crate) struct DialLayer {
    pub(crate) opened: Arc<AtomicUsize>,
}

impl<S> Layer<S> for DialLayer {
    type Service = Dialing<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Dialing { inner, opened: self.opened.clone() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Dialing<S> {
    inner: S,
    opened: Arc<AtomicUsize>,
}

impl<S, Target> Service<Target> for Dialing<S>
where
    S: Service<Target, Error = BoxError>,
    S::Response: Send,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        let connecting = self.inner.call(target);
        let opened = self.opened.clone();
        let dial = DIAL.try_with(Arc::clone);
        if let Ok(dial) = &dial {
            dial.lock().has_dialed = true;
        }

        Box::pin(async move {
            let connection = dial?.open(connecting).await?;
            opened.fetch_add(1, Ordering::Relaxed);
            Ok(connection)
        })
    }
}
