//! The client that callers use. There is one for the life of the process.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::dial::Dial;
use crate::post::Post;
use crate::worker::Worker;
use crate::{ClientError, EndpointUrl, PostError, PostOutcome, Resolver, SystemResolver, native_roots, tls};

/// Posts to endpoints. There is one for the life of the process, because its idle connections serve all calls.
pub struct Client {
    resolver: Arc<dyn Resolver>,
    tls: ClientConfig,
    worker: Mutex<Arc<Worker>>,
}

impl Client {
    /// A client with the system's resolver and trusted roots.
    ///
    /// Errors: the system has no trusted roots, or see [`Client::new`].
    pub fn system() -> Result<Self, ClientError> {
        Self::new(Arc::new(SystemResolver), native_roots()?)
    }

    /// A client with another resolver or other trusted roots. It starts a thread, on which the POSTs run.
    ///
    /// Errors: the TLS library or the HTTP client refuses its configuration, or the system has no thread left.
    pub fn new(resolver: Arc<dyn Resolver>, roots: RootCertStore) -> Result<Self, ClientError> {
        let tls = tls::configuration(roots)?;
        let worker = Mutex::new(Arc::new(Worker::start(&tls)?));
        Ok(Self { resolver, tls, worker })
    }

    /// Sends one POST and reads its answer. The deadline is for all of it together: resolving, connecting, TLS, sending,
    /// headers and body. Dropping the future ends the POST.
    ///
    /// The headers are sent as given, in lower case as HTTP allows. `Host` and `Content-Length` are added, and `Accept: */*`
    /// where there is no `Accept`. Nothing else is added.
    pub async fn post(
        &self,
        url: &EndpointUrl,
        headers: HeaderMap,
        body: Bytes,
        deadline: Duration,
    ) -> PostOutcome {
        let started = Instant::now();
        let worker = self.worker();
        let dial = Dial::new(url.clone(), self.resolver.clone(), started + deadline);
        let post = Arc::new(Post::new(worker.clone(), dial, url, headers, body));

        // The deadline is watched here and not on the worker's thread, because a receiver may keep that thread busy.
        let end = timeout_at(started + deadline, worker.run(post.clone().run())).await;

        let error = match end {
            Ok(Some(result)) => result.err(),
            Ok(None) => Some(PostError::ConnectionFailed),
            Err(_) => Some(PostError::Timeout),
        };
        post.outcome(error, started.elapsed())
    }

    /// The worker that takes the next POST.
    fn worker(&self) -> Arc<Worker> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_spent() {
            // If the system has no thread left for another worker, the old worker is better than none.
            if let Ok(next) = Worker::start(&self.tls) {
                *worker = Arc::new(next);
            }
        }
        worker.clone()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("resolver", &self.resolver).finish_non_exhaustive()
    }
}
