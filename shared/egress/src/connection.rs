//! A connection to a vetted address.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::exchange::Seen;
use crate::{EndpointUrl, MAX_HEAD, PostError, tls};

/// An open connection that speaks HTTP/1.1. Dropping it closes it at once, whatever is still under way.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sender: SendRequest<Full<Bytes>>,
    pub(crate) address: IpAddr,
    driver: JoinHandle<()>,
}

impl Connection {
    /// Waits until another request can be sent. Errors: it is closed.
    pub(crate) async fn ready(&mut self) -> hyper::Result<()> {
        self.sender.ready().await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Otherwise the driver would go on reading an endless body, or writing to a receiver that never reads.
        self.driver.abort();
    }
}

/// Connects to the first of these addresses that accepts. Only vetted addresses may come here.
pub(crate) async fn open(
    url: &EndpointUrl,
    addresses: &[IpAddr],
    connector: &TlsConnector,
    deadline: Instant,
    seen: &mut Seen,
) -> Result<Connection, PostError> {
    let (stream, address) = connect_any(addresses, url.port, deadline).await?;
    seen.address = Some(address);
    // Best effort: a request of two segments must not wait for the first one's acknowledgement.
    let _ = stream.set_nodelay(true);
    if url.tls {
        let stream = connector
            .connect(tls::server_name(&url.host)?, stream)
            .await
            .map_err(|error| tls::handshake_error(&error))?;
        start(stream, address).await
    } else {
        start(stream, address).await
    }
}

/// Tries each address in turn. One that does not answer may take its share of the remaining time and no more, so
/// that a host with one dead address is still reached.
async fn connect_any(
    addresses: &[IpAddr],
    port: u16,
    deadline: Instant,
) -> Result<(TcpStream, IpAddr), PostError> {
    let mut failure = PostError::ConnectionFailed;
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let remaining = deadline.saturating_duration_since(Instant::now());
        let share = remaining / u32::try_from(left).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => return Ok((stream, *address)),
            // "No route" to one address family says less than what another address answered.
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                failure = PostError::ConnectionRefused;
            }
            Err(_) if failure == PostError::ConnectionFailed => failure = PostError::Timeout,
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Err(failure)
}

async fn start<S>(stream: S, address: IpAddr) -> Result<Connection, PostError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, driver) = http1::Builder::new()
        // Bounds both the head and how far the driver reads ahead of us.
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| PostError::ConnectionFailed)?;
    let driver = tokio::spawn(async move {
        // Its error also comes out of the request, where it is reported; an idle connection has nobody to tell.
        let _ = driver.await;
    });
    Ok(Connection { sender, address, driver })
}
