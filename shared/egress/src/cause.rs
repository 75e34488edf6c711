//! What an error of reqwest means. This goes by the types in its chain, and never by their texts.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use http::Extensions;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpInfo;

use crate::dial::DialError;
use crate::{PostError, tls};

/// Why there is no answer, or no complete one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    pub(crate) code: PostError,
    /// The address of the connection that failed.
    pub(crate) address: Option<IpAddr>,
    /// What the socket or TLS reported.
    io: Option<io::ErrorKind>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No connection was tried.
    Vetting,
    Connecting,
    Handshake,
    Exchange,
}

impl Failure {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        let is_connecting = error.is_connect();
        let mut failure = Self {
            code: if is_connecting { PostError::ConnectionFailed } else { PostError::ConnectionClosed },
            address: None,
            io: None,
            stage: if is_connecting { Stage::Connecting } else { Stage::Exchange },
        };
        let mut next = error.source();
        while let Some(error) = next {
            failure.take_in(error);
            next = error.source();
        }
        failure
    }

    /// Whether the address was not connected to, so that another one may be tried.
    pub(crate) fn is_unconnected(self) -> bool {
        self.stage == Stage::Connecting
    }

    /// Whether a connection ended before any part of an answer was seen.
    ///
    /// hyper does not say whether a part of the answer's head had come.
    pub(crate) fn is_silent_end(self) -> bool {
        self.stage == Stage::Exchange
            && matches!(self.code, PostError::ConnectionClosed | PostError::ConnectionReset)
    }

    /// Whether TLS reports that its stream ended without a closing message.
    pub(crate) fn is_end_of_stream(self) -> bool {
        self.io == Some(io::ErrorKind::UnexpectedEof)
    }

    /// For two addresses that could not be connected to, the failure that says more. "No route" to one address family says less
    /// than what another address answered.
    pub(crate) fn or_more_telling(self, other: Self) -> Self {
        let weight = |failure: Self| match failure.code {
            PostError::ConnectionRefused => 2,
            PostError::Timeout => 1,
            _ => 0,
        };
        if weight(other) > weight(self) { other } else { self }
    }

    fn take_in(&mut self, error: &(dyn Error + 'static)) {
        if let Some(DialError(code)) = error.downcast_ref() {
            self.code = *code;
            // With a timeout, only this address's share of the time is over. Anything else is about the host as a whole.
            self.stage = if *code == PostError::Timeout { Stage::Connecting } else { Stage::Vetting };
        } else if let Some(error) = error.downcast_ref::<legacy::Error>() {
            self.address = address_of(error);
        } else if let Some(error) = error.downcast_ref::<hyper::Error>() {
            self.take_in_http(error);
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            self.take_in_io(error);
        }
    }

    fn take_in_http(&mut self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.code = PostError::ResponseTooLarge;
        } else if error.is_parse() {
            self.code = PostError::InvalidResponse;
        }
        // Any other error without a source is an end of the stream in the middle of a message.
    }

    fn take_in_io(&mut self, error: &io::Error) {
        self.io = Some(error.kind());
        if self.stage == Stage::Exchange {
            self.code = io_error(error);
        } else if let Some(error) = inner_io(error) {
            // The TLS connector wraps errors like this after the TCP connection was there.
            self.stage = Stage::Handshake;
            self.code = tls::handshake_error(error);
        } else if error.kind() == io::ErrorKind::ConnectionRefused {
            self.code = PostError::ConnectionRefused;
        }
    }
}

fn address_of(error: &legacy::Error) -> Option<IpAddr> {
    let mut extensions = Extensions::new();
    error.connect_info()?.get_extras(&mut extensions);
    extensions.get::<HttpInfo>().map(|info| info.remote_addr().ip())
}

fn inner_io(error: &io::Error) -> Option<&io::Error> {
    error.get_ref()?.downcast_ref()
}

fn io_error(error: &io::Error) -> PostError {
    if let Some(error) = tls::tls_error(error) {
        return error;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => PostError::ConnectionClosed,
        // The decoder of chunked bodies reports like this what it cannot read.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => PostError::InvalidResponse,
        _ => PostError::ConnectionReset,
    }
}
