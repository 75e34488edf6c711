//! The thread that POSTs run on, with the connections that it opened.
//!
//! reqwest gives each connection a task that nobody can stop from outside. Such a task writes the rest of its request before it
//! closes, even if the POST was dropped long ago. A receiver that does not read keeps the task, and its socket, for as long as
//! it likes. reqwest also has no bound for idle connections over all hosts.
//!
//! So the POSTs run on a runtime of their own, a worker. It opens a bounded number of connections. Then another worker takes
//! over. When the last POST of the old worker has ended, the old worker is shut down, with everything that is still open there.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Url, redirect};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ClientConfig;

use crate::dial::{ChosenAddress, DialLayer};
use crate::{ClientError, MAX_HEADERS};

/// How many connections a worker opens. Together with those of the worker before it, they must stay below the 1,024 file
/// descriptors of a Lambda function.
const MAX_OPENED: usize = 256;

/// How long a worker takes POSTs. No connection is older. So a host that has moved is found at its new address after this time
/// at the latest.
const MAX_AGE: Duration = Duration::from_mins(5);

/// How many idle connections to one URL are kept: more than a batch of deliveries needs at once.
const MAX_IDLE_PER_URL: usize = 16;

/// How long a connection is kept idle. Most servers and load balancers close theirs after 60 s.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);

/// To how many URLs connections are kept. A worker opens no more connections, but one may fail before it counts.
const MAX_KEPT: usize = MAX_OPENED;

pub(crate) struct Worker {
    /// Clients that keep their connections for the next request, one for each URL.
    ///
    /// reqwest shares kept connections among all URLs of a host. The receivers behind one host need not trust each other: bytes that
    /// one of them sends too late would be read as the answer to the next request on that connection, which may be another
    /// customer's. A 410 sent late would disable a stranger's endpoint.
    kept: Mutex<HashMap<Url, reqwest::Client>>,
    /// Opens a connection for each request.
    pub(crate) fresh: reqwest::Client,
    tls: ClientConfig,
    runtime: Handle,
    opened: Arc<AtomicUsize>,
    started: Instant,
    /// When this is dropped, the thread ends, with everything that runs there.
    _alive: oneshot::Sender<Infallible>,
}

impl Worker {
    pub(crate) fn start(tls: &ClientConfig) -> Result<Self, ClientError> {
        let opened = Arc::new(AtomicUsize::new(0));
        let fresh = http_client(tls, &opened, 0)?;

        let runtime = runtime().map_err(ClientError::Thread)?;
        let handle = runtime.handle().clone();
        let (alive, ended) = oneshot::channel();
        thread::Builder::new()
            .name("egress".to_owned())
            .spawn(move || run_until(runtime, ended))
            .map_err(ClientError::Thread)?;

        Ok(Self {
            kept: Mutex::default(),
            fresh,
            tls: tls.clone(),
            runtime: handle,
            opened,
            started: Instant::now(),
            _alive: alive,
        })
    }

    /// The client that keeps connections for this URL.
    pub(crate) fn keeping(&self, url: &Url) -> reqwest::Client {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = kept.get(url) {
            return client.clone();
        }

        // Without a kept connection the request is slower, and nothing else.
        if kept.len() >= MAX_KEPT {
            return self.fresh.clone();
        }
        let Ok(client) = http_client(&self.tls, &self.opened, MAX_IDLE_PER_URL) else {
            return self.fresh.clone();
        };
        kept.insert(url.clone(), client.clone());
        client
    }

    /// Keeps the connections to this URL no longer: what is left on them cannot be told from the next answer.
    pub(crate) fn forget(&self, url: &Url) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(url);
    }

    /// Whether another worker is to take the next POST.
    pub(crate) fn is_spent(&self) -> bool {
        self.opened.load(Ordering::Relaxed) >= MAX_OPENED || self.started.elapsed() >= MAX_AGE
    }

    /// Runs a future on the worker's thread. Dropping the returned future ends it there. `None` if the thread has ended, which
    /// happens only after this worker was dropped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        // A set ends its tasks when it is dropped.
        let mut tasks = JoinSet::new();
        tasks.spawn_on(task, &self.runtime);
        match tasks.join_next().await? {
            Ok(value) => Some(value),
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        // After so many turns of tasks, the runtime looks for new POSTs, sockets and timers. A receiver that floods us can make
        // the turn of one task long. With the usual 31 and 61 turns, all others would wait.
        .global_queue_interval(8)
        .event_interval(8)
        .build()
}

fn run_until(runtime: Runtime, ended: oneshot::Receiver<Infallible>) {
    // This always ends with an error, because nothing is ever sent.
    let _ = runtime.block_on(ended);
    // Unlike a plain drop, this does not wait for lookups that hang in the system's resolver.
    runtime.shutdown_background();
}

fn http_client(
    tls: &ClientConfig,
    opened: &Arc<AtomicUsize>,
    max_idle_per_host: usize,
) -> Result<reqwest::Client, ClientError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .dns_resolver(ChosenAddress)
        .connector_layer(DialLayer { opened: opened.clone() })
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        // `post` decides what is sent once more.
        .retry(reqwest::retry::never())
        // Another crate in the build may switch on reqwest's decoders. They must stay off.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        // RFC 9112, 5.1 and 5.2: servers send this in spite of the rules, and clients are to read it.
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .pool_max_idle_per_host(max_idle_per_host)
        .pool_idle_timeout(MAX_IDLE_TIME)
        // A request with two segments must not wait for the acknowledgement of the first one.
        .tcp_nodelay(true)
        .build()
        .map_err(ClientError::of_builder)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::task::yield_now;
    use tokio::time::timeout;
    use tokio_rustls::rustls::RootCertStore;

    use super::*;
    use crate::tls;

    /// Only a hang takes this long.
    const LONG: Duration = Duration::from_secs(20);

    fn worker() -> Worker {
        Worker::start(&tls::configuration(RootCertStore::empty()).unwrap()).unwrap()
    }

    /// Waits until so many tasks live on the worker's thread.
    async fn until_it_has_tasks(worker: &Worker, count: usize) {
        let metrics = worker.runtime.metrics();
        let reached = async {
            while metrics.num_alive_tasks() != count {
                yield_now().await;
            }
        };
        let in_time = timeout(LONG, reached).await;
        assert!(in_time.is_ok(), "{} tasks live where {count} should", metrics.num_alive_tasks());
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_ended() {
        let worker = worker();
        let mut running = Box::pin(worker.run(pending::<()>()));
        tokio::select! {
            ended = &mut running => panic!("{ended:?}"),
            () = until_it_has_tasks(&worker, 1) => {}
        }

        drop(running);

        until_it_has_tasks(&worker, 0).await;
    }

    // As reqwest leaves the task of a connection whose receiver does not read.
    #[tokio::test]
    async fn what_a_post_leaves_running_ends_with_its_worker() {
        let worker = worker();
        let (held, ended) = oneshot::channel::<()>();
        let post = async move {
            tokio::spawn(async move {
                pending::<()>().await;
                drop(held);
            });
        };
        assert_eq!(worker.run(post).await, Some(()));
        until_it_has_tasks(&worker, 1).await;

        drop(worker);

        let dropped = timeout(LONG, ended).await.expect("it is ended with all that it holds");
        assert!(dropped.is_err());
    }

    #[test]
    fn a_worker_is_spent_when_it_is_old_or_has_opened_enough() {
        let mut worker = worker();
        assert!(!worker.is_spent());

        worker.opened.store(MAX_OPENED, Ordering::Relaxed);
        assert!(worker.is_spent());

        worker.opened.store(MAX_OPENED - 1, Ordering::Relaxed);
        assert!(!worker.is_spent());
        worker.started = Instant::now().checked_sub(MAX_AGE).unwrap();
        assert!(worker.is_spent());
    }
}
