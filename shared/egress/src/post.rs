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

/// One POST. It runs on its worker's thread. Whoever waits for it may give up at any time, and still learns what was seen so
/// far.
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
        // reqwest adds the `Host` of the URL.
        headers.remove(HOST);
        // Otherwise an empty body would have no length, and some servers then answer 411.
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

        if answer::may_be_followed_by_its_body(&response) {
            self.worker.forget(&self.url);
        }
        answer::read(response, &self.seen).await?;

        // A receiver that says 2xx before it has read the request still wants the rest. A receiver that refuses it does not.
        if self.seen().is_success() {
            sending.let_finish();
        }
        Ok(())
    }

    /// What became of the POST, given how [`run`](Self::run) ended.
    pub(crate) fn outcome(&self, error: Option<PostError>, duration: Duration) -> PostOutcome {
        let mut seen = std::mem::take(&mut *self.seen());
        seen.address = seen.address.or_else(|| self.dial.connected_address());
        seen.into_outcome(error, duration)
    }

    /// Sends the request on a kept connection or a fresh one, and returns the answer's head.
    async fn send(&self, sending: &Sending) -> Result<Response, Failure> {
        match self.send_by(&self.worker.keeping(&self.url), sending).await {
            // The connection was a kept one, and its receiver closed it while the request was on its way. That says nothing
            // about this request, so it goes out once more at once. It gets a fresh connection, because another kept one may be
            // closed as well. If a fresh connection ends like this, that is the receiver's answer, of a kind.
            Err(failure) if failure.is_silent_end() && !self.dial.has_dialed() => {
                self.send_by(&self.worker.fresh, sending).await
            }
            result => result,
        }
    }

    /// Tries the host's addresses, one after the other, until one can be connected to.
    async fn send_by(&self, client: &reqwest::Client, sending: &Sending) -> Result<Response, Failure> {
        let mut most_telling: Option<Failure> = None;
        loop {
            let error = match self.dial.scope(client.execute(self.request(sending))).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };

            let failure = Failure::of(&error);
            // After the deadline nothing more is tried. Otherwise, another address may refuse at once, and that failure would
            // replace the timeout whenever this thread is quicker than the caller.
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

    /// How a POST to a host with these two addresses ends, if only the worker looks at the time. The first address accepts a
    /// connection and never answers. At the other one, nobody listens.
    async fn end_of_a_post(addresses: [[u8; 4]; 2]) -> Result<(), PostError> {
        // Connections to it wait in its queue.
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://two.localhost:{}/", silent.local_addr().unwrap().port());
        let url = EndpointUrl::parse(&url, AddressPolicy::AllowLoopback).unwrap();
        let resolver = ScriptedResolver::new().addresses("two.localhost", addresses);

        let worker = Arc::new(Worker::start(&tls::configuration(RootCertStore::empty()).unwrap()).unwrap());
        // Half of it is the first address's share. That is long enough to connect to it on a busy machine.
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
