//! The little HTTP/1.1 that the tool itself speaks on loopback.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::Result;

/// An answer whose body is in memory.
pub type Answer = Response<Full<Bytes>>;

/// Answers requests until the process ends. `answer` gets each with its whole body.
///
/// Errors: the listener fails. A connection that fails is its client's matter.
pub async fn serve<F>(
    listener: TcpListener,
    answer: impl Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
) -> Result<()>
where
    F: Future<Output = Answer> + Send,
{
    loop {
        let (stream, _) = listener.accept().await?;
        // Answers are small: waiting for more to send would be all that is measured.
        stream.set_nodelay(true)?;

        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, &answer));
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

async fn respond<F>(
    request: Request<Incoming>,
    answer: &impl Fn(Request<Bytes>) -> F,
) -> std::result::Result<Answer, Infallible>
where
    F: Future<Output = Answer>,
{
    let (head, body) = request.into_parts();
    // A body that breaks off belongs to a process that was ended.
    let Ok(body) = body.collect().await else { return Ok(status(400)) };
    Ok(answer(Request::from_parts(head, body.to_bytes())).await)
}

/// An answer without a body.
pub fn status(code: u16) -> Answer {
    with_body(code, Bytes::new())
}

/// An answer with a body.
pub fn with_body(code: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    answer
}

/// Sends one request on a connection of its own; the body of its answer.
///
/// Errors: there is no answer, or its status is no 2xx.
pub async fn post(address: SocketAddr, target: &str, body: impl Into<Bytes>) -> Result<Bytes> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);

    let request = Request::builder()
        .method(Method::POST)
        .uri(target)
        .header("host", address.to_string())
        .body(Full::new(body.into()))?;
    let response = sender.send_request(request).await?;
    let code = response.status();
    let body = response.into_body().collect().await?.to_bytes();

    if code.is_success() {
        return Ok(body);
    }
    Err(format!("{target} answered {code}: {}", String::from_utf8_lossy(&body)).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_posted_is_answered() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, |request: Request<Bytes>| async move {
            if request.uri().path() == "/echo" { with_body(200, request.into_body()) } else { status(404) }
        }));

        assert_eq!(post(address, "/echo", "hello").await.unwrap(), "hello");
        let failure = post(address, "/nowhere", "").await.unwrap_err();
        assert!(failure.to_string().contains("/nowhere answered 404"), "{failure}");
    }
}
