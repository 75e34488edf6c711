//! One POST from end to end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method};
use reqwest::{Body, Request, Response};

use crate::answer::{self, Seen};
use crate::body::Sending;
use crate::cause::Failure;
use crate::dial::Dial;
use crate::worker::Worker;
use crate::{EndpointUrl, PostError, PostOutcome};

/// Runs on its worker's thread. Whoever waits for it may give up at any time, and still learns what was seen so far.
pub(crate) struct Post {
    worker: Arc<Worker>,
    dial: Arc<Dial>,
    url: reqwest::Url,
    headers: HeaderMap,
    body: Bytes,
    seen: Mutex<Seen>,
}

impl Post {
    pub(crate) fn new(
        worker: Arc<Worker>,
        dial: Dial,
        url: &EndpointUrl,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        // reqwest adds the URL's own.
        headers.remove(HOST);
        // Otherwise an empty body would have none, and some servers then answer 411.
        headers.insert(CONTENT_LENGTH, body.len().into());

        let url = url.request_url().clone();
        Self { worker, dial: Arc::new(dial), url, headers, body, seen: Mutex::default() }
    }

    /// Sends the request and reads its answer.
    pub(crate) async fn run(self: Arc<Self>) -> Result<(), PostError> {
        let sending = Sending::default();
        let response = self.send(&sending).await.map_err(|failure| {
            self.seen().address = failure.address;
            failure.code
        })?;

        answer::read(response, &self.seen).await?;

        // Whoever says 2xx before it has read the request still wants it. Whoever refuses it does not.
        if self.seen().is_success() {
            sending.let_finish();
        }
        Ok(())
    }

    /// What became of it, given how [`run`](Self::run) ended.
    pub(crate) fn outcome(&self, error: Option<PostError>, duration: Duration) -> PostOutcome {
        let mut seen = std::mem::take(&mut *self.seen());
        seen.address = seen.address.or_else(|| self.dial.connected_address());
        seen.into_outcome(error, duration)
    }

    /// The answer's head, by a kept connection or a fresh one.
    async fn send(&self, sending: &Sending) -> Result<Response, Failure> {
        match self.send_by(&self.worker.keeping, sending).await {
            // The connection was a kept one, and its receiver closed it while the request was on its way. That says
            // nothing of this request, so it goes out once more at once. By a connection of its own: another kept one
            // may be as stale. A fresh connection that ends so is an answer, of a kind.
            Err(failure) if failure.is_silent_end() && !self.dial.has_dialed() => {
                self.send_by(&self.worker.fresh, sending).await
            }
            result => result,
        }
    }

    /// Goes through the host's addresses until one can be connected to.
    async fn send_by(&self, client: &reqwest::Client, sending: &Sending) -> Result<Response, Failure> {
        let mut most_telling: Option<Failure> = None;
        loop {
            let error = match self.dial.scope(client.execute(self.request(sending))).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };

            let failure = Failure::of(&error);
            // Past the deadline nothing more is tried. Otherwise what another address refuses at once would take the timeout's
            // place, whenever this thread is quicker than whoever waits for it.
            if !failure.is_unconnected() || self.dial.is_over() {
                return Err(failure);
            }
            let failure = most_telling.take().map_or(failure, |before| before.or_more_telling(failure));
            self.dial.give_up_address();
            if !self.dial.has_address_left() {
                return Err(failure);
            }
            most_telling = Some(failure);
        }
    }

    fn request(&self, sending: &Sending) -> Request {
        let mut request = Request::new(Method::POST, self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = Some(Body::wrap(sending.body(self.body.clone())));
        request
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::Instant;
    use tokio_rustls::rustls::RootCertStore;

    use super::*;
    use crate::{AddressPolicy, ScriptedResolver, tls};

    /// How a POST to a host of these two addresses ends if nobody but the worker itself looks at the time. By the first one a
    /// connection is opened and nothing ever answered; by the other one nobody listens.
    async fn end_of_a_post(addresses: [[u8; 4]; 2]) -> Result<(), PostError> {
        // Connections to it wait in its queue.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://two.localhost:{}/", silent.local_addr().unwrap().port());
        let url = EndpointUrl::parse(&url, AddressPolicy::AllowLoopback).unwrap();
        let resolver = ScriptedResolver::new().addresses("two.localhost", addresses);

        let worker = Arc::new(Worker::start(&tls::configuration(RootCertStore::empty()).unwrap()).unwrap());
        // Long enough for the first address, whose share of it is a half, to be connected to on a busy machine.
        let deadline = Instant::now() + Duration::from_secs(2);
        let dial = Dial::new(url.clone(), Arc::new(resolver), deadline);
        let post = Arc::new(Post::new(worker.clone(), dial, &url, HeaderMap::new(), Bytes::new()));
        worker.run(post.run()).await.unwrap()
    }

    #[tokio::test]
    async fn a_handshake_that_never_ends_is_a_timeout_whatever_the_host_s_other_address_would_say() {
        let (silent, refusing) = ([127, 0, 0, 1], [127, 0, 0, 2]);

        let (first, last) =
            tokio::join!(end_of_a_post([silent, refusing]), end_of_a_post([refusing, silent]));

        assert_eq!((first, last), (Err(PostError::Timeout), Err(PostError::Timeout)));
    }
}
