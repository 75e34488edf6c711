//! A customer's receiver: a real HTTP server on loopback that answers as it is told and keeps what it got.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use ring::hmac;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};

/// Longer than any delivery takes: only one that never comes reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the receiver answers.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
    held: bool,
}

impl Reply {
    /// This status and no body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: "", held: false }
    }

    /// With this header too.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: &'static str) -> Self {
        self.body = body;
        self
    }

    /// Not before [`Receiver::release`].
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its path and query.
    pub target: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, to the letter.
    pub body: String,
    /// The status that it was, or is to be, answered with.
    pub answered: u16,
}

impl Received {
    /// A header's value.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.headers));
        value.to_str().expect("the platform's headers are ASCII")
    }

    /// The event's id, by which receivers drop duplicates.
    pub fn event_id(&self) -> String {
        self.header("x-dodevwebhook-id").to_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// Whether the seed's own verifier accepts it: the HMAC of timestamp, dot and body, against what follows the first
    /// `v1=`.
    pub fn verifies(&self, secret: &str) -> bool {
        let (timestamp, signature) =
            (self.header("x-dodevwebhook-timestamp"), self.header("x-dodevwebhook-signature"));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let expected = hex::encode(hmac::sign(&key, format!("{timestamp}.{}", self.body).as_bytes()));
        signature.split("v1=").nth(1) == Some(&expected)
    }
}

/// The receiver; it stops when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    script: Mutex<VecDeque<Reply>>,
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    released: Semaphore,
}

impl Receiver {
    /// Starts one that answers 200 to everything.
    pub async fn start() -> Self {
        Self::answering([]).await
    }

    /// Starts a receiver that answers each request with the next of these replies, and with 200 when they are used up.
    pub async fn answering(script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            script: Mutex::new(script.into_iter().collect()),
            received: Mutex::default(),
            count: watch::Sender::new(0),
            released: Semaphore::new(0),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, accepting }
    }

    /// Where it takes deliveries.
    pub fn url(&self) -> String {
        format!("http://{}/hooks?from=dodev", self.address)
    }

    /// Replies to come, before the 200s.
    pub fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.state.script).extend(replies);
    }

    /// Forgets the replies that are still to come: 200s from now on.
    pub fn recover(&self) {
        lock(&self.state.script).clear();
    }

    /// Lets `count` held replies go.
    pub fn release(&self, count: usize) {
        self.state.released.add_permits(count);
    }

    /// What has arrived so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state.received).clone()
    }

    /// What has arrived once `count` requests have.
    pub async fn arrived(&self, count: usize) -> Vec<Received> {
        let mut counted = self.state.count.subscribe();
        let waiting = timeout(PATIENCE, counted.wait_for(|arrived| *arrived >= count)).await;
        let got = lock(&self.state.received).len();
        waiting.unwrap_or_else(|_| panic!("{got} of {count} requests arrived")).expect("the receiver runs");
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let answer = service_fn(|request| async { Ok::<_, Infallible>(answer(&state, request).await) });
            // A killed deliver function closes its connection in the middle: that is no failure of the receiver.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
        });
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Response::default() };
    let reply = lock(&state.script).pop_front().unwrap_or_else(|| Reply::status(200));
    let received = Received {
        target: head.uri.to_string(),
        headers: head.headers,
        body: String::from_utf8(body.to_bytes().into()).expect("deliveries are UTF-8"),
        answered: reply.status,
    };
    lock(&state.received).push(received);
    state.count.send_modify(|count| *count += 1);
    if reply.held {
        state.released.acquire().await.expect("never closed").forget();
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(reply.body)).unwrap()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(signature: &str) -> Received {
        let headers = [("x-dodevwebhook-timestamp", "1700000000"), ("x-dodevwebhook-signature", signature)];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let headers = HeaderMap::from_iter(headers);
        Received { target: "/".into(), headers, body: r#"{"a":1}"#.into(), answered: 200 }
    }

    /// Computed with Node's `crypto` as in the seed: HMAC-SHA256 of `1700000000.{"a":1}` under `whsec_test`.
    const GOOD: &str = "38877139021993b830af32feea6e18a8da83eb2f6e49ee50bd9e4cf4ca4d3789";

    #[test]
    fn the_verifier_accepts_the_seed_s_signature_and_no_other() {
        let good = format!("t=1700000000,v1={GOOD}");
        assert!(received(&good).verifies("whsec_test"));
        assert!(
            !received(&format!("{good},v0={GOOD}")).verifies("whsec_test"),
            "the seed takes all that follows"
        );
        assert!(!received(&good).verifies("whsec_other"));
        assert!(!received(&format!("t=1700000000,v1={}", GOOD.replace('a', "b"))).verifies("whsec_test"));
        assert!(!received("t=1700000000").verifies("whsec_test"));
    }
}
