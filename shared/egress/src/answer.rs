//! Reading an answer within its bounds.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, StatusCode};
use reqwest::Response;

use crate::cause::Failure;
use crate::excerpt::displayable;
use crate::{MAX_BODY_READ, MAX_RETRY_AFTER, PostError, PostOutcome, PostResult};

/// What a POST has seen so far. It outlives the attempt. So an attempt that its deadline cut off still tells what it saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) address: Option<IpAddr>,
    status: Option<u16>,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Seen {
    pub(crate) fn is_success(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    pub(crate) fn into_outcome(self, error: Option<PostError>, duration: Duration) -> PostOutcome {
        let result = match (self.status, error) {
            (Some(status), None) => PostResult::Answered(status),
            (Some(status), Some(error)) => PostResult::Truncated { status, error },
            (None, error) => PostResult::Failed(error.unwrap_or(PostError::ConnectionClosed)),
        };
        PostOutcome {
            result,
            duration,
            address: self.address,
            retry_after: self.retry_after,
            body_excerpt: displayable(&self.body),
        }
    }

    fn take_in_head(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.address = response.remote_addr().map(|address| address.ip());
        self.retry_after = retry_after(response.headers());
    }

    /// Whether there is room for more.
    fn take_in_body(&mut self, data: &[u8]) -> bool {
        let room = MAX_BODY_READ - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
        data.len() < room
    }
}

/// Whether a body is announced where HTTP allows none. Some servers send it, in a segment of its own, and then it stands where the
/// next answer is looked for.
pub(crate) fn may_be_followed_by_its_body(response: &Response) -> bool {
    let has_none = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = response.headers();
    let is_empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    has_none && (!is_empty || headers.contains_key(TRANSFER_ENCODING))
}

/// Reads the head, and at most [`MAX_BODY_READ`] of the body. The rest is dropped with its connection.
pub(crate) async fn read(mut response: Response, seen: &Mutex<Seen>) -> Result<(), PostError> {
    let seen = || seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen().take_in_head(&response);

    let ends_with_connection = ends_with_connection(&response);
    loop {
        match response.chunk().await {
            Ok(Some(data)) => {
                if !seen().take_in_body(&data) {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                let failure = Failure::of(&error);
                // Many small servers close the connection without TLS's closing message. For this kind of body, that is the
                // end.
                let is_end = ends_with_connection && failure.is_end_of_stream();
                return if is_end { Ok(()) } else { Err(failure.code) };
            }
        }
    }
}

/// Whether only the end of the connection ends the body (RFC 9112, 6.3, rule 8).
fn ends_with_connection(response: &Response) -> bool {
    response.content_length().is_none() && !response.headers().contains_key(TRANSFER_ENCODING)
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    (!value.is_empty() && value.len() <= MAX_RETRY_AFTER).then(|| value.to_owned())
}
