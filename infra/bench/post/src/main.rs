//! A baseline: signs and POSTs in a loop, ten at a time, with nothing around it.
//!
//! Reads a number from each line of its standard input, makes so many POSTs, and writes a line when all are answered. Its one
//! library for HTTP is chosen by `--client`.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use reqwest::redirect::Policy;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const AT_ONCE: usize = 10;
const SECRET: &[u8] = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[derive(Parser)]
struct Arguments {
    /// What sends.
    #[arg(long)]
    client: Library,
    /// The receiver.
    #[arg(long)]
    address: SocketAddr,
    /// Bytes of each body.
    #[arg(long)]
    bytes: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Library {
    Hyper,
    Reqwest,
}

/// What is left to be sent, shared by all that send.
struct Job {
    address: SocketAddr,
    body: Bytes,
    left: AtomicU64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { client, address, bytes } = Arguments::parse();
    let job = Arc::new(Job { address, body: "x".repeat(bytes).into(), left: AtomicU64::new(0) });
    match client {
        Library::Hyper => {
            let mut connections = Vec::new();
            for _ in 0..AT_ONCE {
                connections.push(connect(address).await?);
            }
            serve(&job, connections, send_by_hyper).await
        }
        Library::Reqwest => {
            let client = reqwest_client()?;
            serve(&job, vec![client; AT_ONCE], send_by_reqwest).await
        }
    }
}

/// Does what each line asks for, with `clients` at once.
async fn serve<C, F>(job: &Arc<Job>, mut clients: Vec<C>, send: fn(Arc<Job>, C) -> F) -> Result<()>
where
    C: Send + 'static,
    F: Future<Output = Result<C>> + Send + 'static,
{
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut output = tokio::io::stdout();
    while let Some(line) = lines.next_line().await? {
        job.left.store(line.parse()?, Ordering::SeqCst);
        let mut sending: JoinSet<_> = clients.drain(..).map(|client| send(Arc::clone(job), client)).collect();
        while let Some(client) = sending.join_next().await {
            clients.push(client??);
        }
        output.write_all(b"done\n").await?;
        output.flush().await?;
    }
    Ok(())
}

impl Job {
    /// Takes one POST; false if none is left.
    fn take(&self) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    /// The headers of a delivery, signed for this moment.
    fn headers(&self) -> Result<HeaderMap> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().to_string();
        let mut signing = Hmac::<Sha256>::new_from_slice(SECRET)?;
        signing.update(seconds.as_bytes());
        signing.update(b".");
        signing.update(&self.body);
        let signature = hex::encode(signing.finalize().into_bytes());

        let mut headers = HeaderMap::with_capacity(8);
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        headers.insert("user-agent", HeaderValue::from_static("DoDevWebhook/1.0"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        headers.insert(
            "x-dodevwebhook-id",
            HeaderValue::from_static("evt_01a1fc2e-26b1-7001-84d7-9ab224e265c0"),
        );
        headers.insert("x-dodevwebhook-timestamp", HeaderValue::from_str(&seconds)?);
        let signature = format!("t={seconds},v1={signature}");
        headers.insert("x-dodevwebhook-signature", HeaderValue::from_str(&signature)?);
        Ok(headers)
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send_by_hyper(
    job: Arc<Job>,
    mut sender: SendRequest<Full<Bytes>>,
) -> Result<SendRequest<Full<Bytes>>> {
    while job.take() {
        let mut request = Request::post("/hooks").body(Full::new(job.body.clone()))?;
        *request.headers_mut() = job.headers()?;
        request.headers_mut().insert("host", HeaderValue::from_str(&job.address.to_string())?);
        request.headers_mut().insert("content-length", job.body.len().into());

        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let is_success = response.status().is_success();
        response.into_body().collect().await?;
        check(is_success)?;
    }
    Ok(sender)
}

/// As deliveries need it: no proxy, no redirect, HTTP/1.1, our own TLS.
fn reqwest_client() -> Result<reqwest::Client> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .http1_only()
        .tls_backend_preconfigured(tls)
        .build()?;
    Ok(client)
}

async fn send_by_reqwest(job: Arc<Job>, client: reqwest::Client) -> Result<reqwest::Client> {
    let url = reqwest::Url::parse(&format!("http://{}/hooks", job.address))?;
    while job.take() {
        let request = client.post(url.clone()).headers(job.headers()?).body(job.body.clone());
        let mut response = request.send().await?;
        let is_success = response.status().is_success();
        while response.chunk().await?.is_some() {}
        check(is_success)?;
    }
    Ok(client)
}

fn check(is_success: bool) -> Result<()> {
    if is_success { Ok(()) } else { Err("the receiver did not answer with success".into()) }
}
