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
            if !failure.is_unconnected() {
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
