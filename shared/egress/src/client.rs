//! One POST from end to end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method, Request};
use http_body_util::Full;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::RootCertStore;

use crate::connection::{self, Connection};
use crate::exchange::{Seen, Unanswered, exchange};
use crate::pool::Pool;
use crate::tls;
use crate::vet::vetted_addresses;
use crate::{
    ClientError, EndpointUrl, PostError, PostOutcome, PostResult, Resolver, SystemResolver, native_roots,
};

/// How long a connection may take, after its answer is complete, to become fit for the next request; most are at
/// once. One that is not is still sending to a receiver that does not read. This comes on top of the deadline, since
/// an answer that is there must not become a timeout.
const SETTLE_TIME: Duration = Duration::from_millis(20);

/// Posts to endpoints. One for the life of the process: its idle connections serve all calls.
pub struct Client {
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
    pool: Pool,
}

impl Client {
    /// With the system's resolver and trusted roots.
    ///
    /// Errors: the system has no trusted roots.
    pub fn system() -> Result<Self, ClientError> {
        Self::new(Arc::new(SystemResolver), native_roots()?)
    }

    /// With another resolver or other trusted roots.
    ///
    /// Errors: the TLS library refuses its configuration.
    pub fn new(resolver: Arc<dyn Resolver>, roots: RootCertStore) -> Result<Self, ClientError> {
        Ok(Self { resolver, tls: tls::connector(roots)?, pool: Pool::default() })
    }

    /// Sends one POST and reads its answer, all within the deadline: resolving, connecting, TLS, sending, headers
    /// and body. Dropping the future ends it at once and closes its connection.
    ///
    /// The headers go out as given, in lower case as HTTP allows; `Host` and `Content-Length` are added, and
    /// nothing else.
    pub async fn post(
        &self,
        url: &EndpointUrl,
        headers: HeaderMap,
        body: Bytes,
        deadline: Duration,
    ) -> PostOutcome {
        let started = Instant::now();
        let mut seen = Seen::default();
        let attempt = self.attempt(url, request(url, headers, body), started + deadline, &mut seen);
        let answer = timeout_at(started + deadline, attempt).await.unwrap_or(Err(PostError::Timeout));
        let duration = started.elapsed();
        let result = match answer {
            Ok((status, connection)) => {
                self.keep(url, connection).await;
                PostResult::Answered(status)
            }
            Err(error) => PostResult::Failed(error),
        };
        seen.into_outcome(result, duration)
    }

    /// The status, and the connection if it may serve again.
    async fn attempt(
        &self,
        url: &EndpointUrl,
        mut request: Request<Full<Bytes>>,
        deadline: Instant,
        seen: &mut Seen,
    ) -> Result<(u16, Option<Connection>), PostError> {
        // Resolved anew even if a connection is idle: what was vetted for an earlier delivery says nothing of this one.
        let addresses = vetted_addresses(url, &*self.resolver).await?;
        // Lets the idle connections learn first whether they were closed; after a pause of the whole process (Lambda
        // freezes it between invocations) they know nothing of it yet.
        yield_now().await;
        while let Some(connection) = self.pool.take(url, &addresses) {
            match exchange(connection, request, seen).await {
                Ok(answer) => return Ok(answer),
                Err(Unanswered::Failed(error)) => return Err(error),
                // It had been closed meanwhile, and nothing has been sent: this was not yet a try.
                Err(Unanswered::NotSent(unsent)) => request = *unsent,
            }
        }
        let connection = connection::open(url, &addresses, &self.tls, deadline, seen).await?;
        match exchange(connection, request, seen).await {
            Ok(answer) => Ok(answer),
            Err(Unanswered::Failed(error)) => Err(error),
            Err(Unanswered::NotSent(_)) => Err(PostError::ConnectionClosed),
        }
    }

    async fn keep(&self, url: &EndpointUrl, connection: Option<Connection>) {
        let Some(mut connection) = connection else { return };
        if let Ok(Ok(())) = timeout(SETTLE_TIME, connection.ready()).await {
            self.pool.put(url, connection);
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}

fn request(url: &EndpointUrl, headers: HeaderMap, body: Bytes) -> Request<Full<Bytes>> {
    let length = body.len();
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.target.clone().into();
    *request.headers_mut() = headers;
    request.headers_mut().insert(HOST, url.host_header.clone());
    // Otherwise an empty body would have none, and some servers then answer 411.
    request.headers_mut().insert(CONTENT_LENGTH, length.into());
    request
}
