//! A request's body. It is handed over piece by piece, so that the rest can be held back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// How much is handed over at once, in bytes. hyper takes up to 16 pieces ahead of what it has written.
const PIECE: usize = 16 * 1024;

/// The permission to go on sending. When it is dropped, what was not handed over yet is held back, and that ends the
/// connection.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    is_over: Arc<AtomicBool>,
}

impl Sending {
    /// A body that is sent as long as this lasts.
    pub(crate) fn body(&self, bytes: Bytes) -> RequestBody {
        RequestBody { rest: bytes, is_over: self.is_over.clone() }
    }

    /// Sends the rest, although the POST is over.
    pub(crate) fn let_finish(mut self) {
        // So this drop sets another flag, which nobody reads.
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
