//! A request's body, handed over piece by piece, so that the rest can be withheld.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// How much is handed over at once, in bytes. hyper takes up to 16 pieces ahead of what it has written.
const PIECE: usize = 16 * 1024;

/// The right to go on sending. Dropping it withholds what was not handed over yet, and with that ends the connection.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    is_over: Arc<AtomicBool>,
}

impl Sending {
    /// A body that is sent as long as this lasts.
    pub(crate) fn body(&self, bytes: Bytes) -> RequestBody {
        RequestBody { rest: bytes, is_over: self.is_over.clone() }
    }

    /// Lets the rest go out though the POST is over.
    pub(crate) fn let_finish(mut self) {
        // What is dropped now is another flag.
        self.is_over = Arc::default();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

/// The error that ends a connection whose POST is over.
#[derive(Debug, thiserror::Error)]
#[error("the POST is over")]
pub(crate) struct Over;

#[derive(Debug)]
pub(crate) struct RequestBody {
    rest: Bytes,
    is_over: Arc<AtomicBool>,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Over;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Over>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.is_over.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(Over)));
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
