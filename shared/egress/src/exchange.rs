//! One request and its answer on an open connection.

use std::error::Error as _;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};

use crate::connection::Connection;
use crate::excerpt::displayable;
use crate::{MAX_BODY_READ, MAX_RETRY_AFTER, PostError, PostOutcome, PostResult, tls};

/// What was seen of a POST so far. It outlives the attempt, so that one that is cut off by its deadline still tells.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) address: Option<IpAddr>,
    request_sent: bool,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Seen {
    pub(crate) fn into_outcome(self, result: PostResult, duration: Duration) -> PostOutcome {
        PostOutcome {
            result,
            duration,
            address: self.address,
            request_sent: self.request_sent,
            retry_after: self.retry_after,
            body_excerpt: displayable(&self.body),
        }
    }
}

/// Why a connection gave no complete answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It was closed before anything of the request went out; here it is again.
    NotSent(Box<Request<Full<Bytes>>>),
    Failed(PostError),
}

/// Sends the request and reads the answer. The status, and the connection if the body was read to its end.
pub(crate) async fn exchange(
    mut connection: Connection,
    request: Request<Full<Bytes>>,
    seen: &mut Seen,
) -> Result<(u16, Option<Connection>), Unanswered> {
    seen.address = Some(connection.address);
    seen.request_sent = true;
    let response = match connection.sender.try_send_request(request).await {
        Ok(response) => response,
        Err(mut error) => {
            let Some(unsent) = error.take_message() else {
                return Err(Unanswered::Failed(http_error(&error.into_error())));
            };
            seen.request_sent = false;
            seen.address = None;
            return Err(Unanswered::NotSent(Box::new(unsent)));
        }
    };
    seen.retry_after = retry_after(response.headers());
    let status = response.status().as_u16();
    let ended = read_body(response, &mut seen.body).await.map_err(Unanswered::Failed)?;
    Ok((status, ended.then_some(connection)))
}

/// Reads at most [`MAX_BODY_READ`]. Whether that was all of it.
async fn read_body(response: Response<Incoming>, read: &mut Vec<u8>) -> Result<bool, PostError> {
    let ends_with_connection = ends_with_connection(&response);
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                let data = frame.into_data().unwrap_or_default();
                let room = MAX_BODY_READ - read.len();
                read.extend_from_slice(&data[..data.len().min(room)]);
            }
            // Many small servers close TLS without its closing message; for this kind of body it is the end.
            Err(error) if ends_with_connection && is_end_of_stream(&error) => return Ok(false),
            Err(error) => return Err(http_error(&error)),
        }
        if read.len() == MAX_BODY_READ {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether nothing but the connection's end tells the end of the body (RFC 9112, 6.3, rule 8).
fn ends_with_connection(response: &Response<Incoming>) -> bool {
    response.body().size_hint().exact().is_none() && !response.headers().contains_key(TRANSFER_ENCODING)
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    (!value.is_empty() && value.len() <= MAX_RETRY_AFTER).then(|| value.to_owned())
}

fn is_end_of_stream(error: &hyper::Error) -> bool {
    io_source(error).is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
}

fn http_error(error: &hyper::Error) -> PostError {
    if error.is_parse_too_large() {
        return PostError::ResponseTooLarge;
    }
    if error.is_parse() {
        return PostError::InvalidResponse;
    }
    // What is not an I/O error is an end of the stream in the middle of a message.
    io_source(error).map_or(PostError::ConnectionClosed, io_error)
}

fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}

fn io_error(error: &io::Error) -> PostError {
    if let Some(error) = tls::tls_error(error) {
        return error;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PostError::ConnectionClosed,
        // So the decoder of chunked bodies reports what it cannot read.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => PostError::InvalidResponse,
        _ => PostError::ConnectionReset,
    }
}
