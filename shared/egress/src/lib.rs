#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod address;
mod answer;
mod body;
mod cause;
mod client;
mod dial;
mod endpoint_url;
mod excerpt;
mod limits;
mod outcome;
mod post;
mod resolve;
mod sessions;
mod tls;
mod vet;
mod worker;

pub use client::Client;
pub use endpoint_url::{AddressPolicy, EndpointUrl, UrlError};
pub use limits::{MAX_BODY_READ, MAX_EXCERPT, MAX_HEADERS, MAX_RETRY_AFTER, MAX_URL_CHARS};
pub use outcome::{PostError, PostOutcome, PostResult};
pub use resolve::{Resolver, Resolving, ScriptedResolver, SystemResolver};
pub use tls::{ClientError, native_roots};
pub use vet::vet;

// Types that the signatures above use. So a caller needs neither these crates nor their versions.
pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue};
pub use tokio_rustls::rustls::RootCertStore;
