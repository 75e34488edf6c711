//! Receivers on loopback sockets, and a client that may reach them.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use egress::{
    AddressPolicy, Bytes, Client, EndpointUrl, HeaderMap, HeaderName, HeaderValue, PostOutcome, Resolver,
    RootCertStore, ScriptedResolver, SystemResolver,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A deadline that is meant to pass.
pub(crate) const SHORT: Duration = Duration::from_millis(500);

/// A deadline that is not: only a hang reaches it.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A small, complete answer.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that does with each connection what the test says.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), serve).await
    }

    pub(crate) async fn start_on<F, Fut>(address: SocketAddr, serve: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { address, accepted, task }
    }

    /// Reads each request and gives this answer, on as many requests a connection as come.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                while read_request(&mut stream).await.is_some() {
                    stream.write_all(&answer).await.unwrap();
                }
            }
        })
        .await
    }

    /// Reads one request a connection, gives this answer and closes.
    pub(crate) async fn answering_once(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_request(&mut stream).await;
                stream.write_all(&answer).await.unwrap();
            }
        })
        .await
    }

    /// Answers [`OK`] and hands out each request as it came.
    pub(crate) async fn recording() -> (Self, UnboundedReceiver<String>) {
        let (sender, requests) = unbounded_channel();
        let receiver = Self::start(move |mut stream| {
            let sender = sender.clone();
            async move {
                while let Some(request) = read_request(&mut stream).await {
                    sender.send(request).unwrap();
                    stream.write_all(OK).await.unwrap();
                }
            }
        })
        .await;
        (receiver, requests)
    }

    /// Its plain HTTP URL.
    pub(crate) fn url(&self) -> EndpointUrl {
        local(&format!("http://{}/hooks?x=1", self.address))
    }

    /// How many connections it has accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A request's head, with nothing of its body.
pub(crate) async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// One request with its body; `None` at the end of the connection.
pub(crate) async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let head = read_head(stream).await?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// The next of what a receiver hands out.
pub(crate) async fn next<T>(from: &mut UnboundedReceiver<T>) -> T {
    timeout(LONG, from.recv()).await.expect("the receiver hands something out").unwrap()
}

/// Writes until the other side has gone.
pub(crate) async fn write_for_ever(stream: &mut TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).await.is_ok() {}
}

pub(crate) fn local(url: &str) -> EndpointUrl {
    EndpointUrl::parse(url, AddressPolicy::AllowLoopback).unwrap()
}

pub(crate) fn strict(url: &str) -> EndpointUrl {
    EndpointUrl::parse(url, AddressPolicy::Strict).unwrap()
}

pub(crate) fn client() -> Client {
    client_with(SystemResolver)
}

pub(crate) fn client_with(resolver: impl Resolver + 'static) -> Client {
    Client::new(Arc::new(resolver), RootCertStore::empty()).unwrap()
}

/// A resolver for which this name has these addresses.
pub(crate) fn resolving<const N: usize>(name: &str, addresses: [&str; N]) -> ScriptedResolver {
    ScriptedResolver::new().addresses(name, addresses.map(address))
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value))
        })
        .collect()
}

pub(crate) async fn post(client: &Client, url: &EndpointUrl) -> PostOutcome {
    post_within(LONG, client, url).await
}

pub(crate) async fn post_within(deadline: Duration, client: &Client, url: &EndpointUrl) -> PostOutcome {
    let headers = headers(&[("content-type", "application/json")]);
    let outcome = client.post(url, headers, Bytes::from_static(b"{}"), deadline).await;
    // Generous, since the machine may be busy: what is shown is that nothing waits for the receiver.
    assert!(outcome.duration < deadline + Duration::from_secs(5), "{outcome:?}");
    outcome
}
