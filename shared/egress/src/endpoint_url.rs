//! An endpoint's URL: what may be saved.

mod error;
mod host;

use std::fmt;

use http::Uri;
use url::Url;

use crate::MAX_URL_CHARS;
pub use error::UrlError;
pub(crate) use host::{Host, Reach, has_suffix};

/// Which hosts an endpoint may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressPolicy {
    /// HTTPS to globally reachable hosts, and nothing else.
    #[default]
    Strict,
    /// For the local stack only: also HTTP and HTTPS to loopback addresses and `localhost` names. Other names still must not
    /// resolve to a loopback address.
    AllowLoopback,
}

impl AddressPolicy {
    /// The local stack's policy if `allowed`, and otherwise the strict one.
    pub fn with_loopback(allowed: bool) -> Self {
        if allowed { Self::AllowLoopback } else { Self::Strict }
    }
}

/// A URL to which a customer may have events sent, as far as its text can tell. [`vet`] also resolves its host.
///
/// [`vet`]: crate::vet
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl {
    text: String,
    /// The URL that requests go to: its host is `host`, and it has no fragment.
    request_url: Url,
    pub(crate) host: Host,
    pub(crate) reach: Reach,
}

impl EndpointUrl {
    /// Reads a URL strictly. Browsers repair white space, backslashes, and missing or surplus slashes. Here they are refused,
    /// because it would be a guess what was meant. A fragment stays in the text and, as everywhere, is never sent.
    pub fn parse(text: &str, policy: AddressPolicy) -> Result<Self, UrlError> {
        if text.chars().count() > MAX_URL_CHARS {
            return Err(UrlError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(UrlError::Invalid);
        }
        let tls = is_https(text)?;
        let authority = authority(text)?;
        if authority.contains('@') {
            return Err(UrlError::HasCredentials);
        }
        let url = Url::parse(text).map_err(UrlError::from_parser)?;
        let host = Host::new(&url, authority)?;
        let reach = host.reach(policy).ok_or(UrlError::HostNotAllowed);
        // Plain HTTP is allowed for loopback alone. So for every other host, the error is the missing "s".
        if !tls && reach != Ok(Reach::Loopback) {
            return Err(UrlError::NotHttps);
        }
        Self::assemble(text, url, host, reach?)
    }

    fn assemble(text: &str, url: Url, host: Host, reach: Reach) -> Result<Self, UrlError> {
        if url.port() == Some(0) {
            return Err(UrlError::PortInvalid);
        }

        let mut request_url = url;
        request_url.set_fragment(None);
        if let Host::Name(name) = &host {
            // The trailing dot is left out. It belongs neither into `Host` nor into a certificate.
            request_url.set_host(Some(name)).map_err(|_| UrlError::HostInvalid)?;
        }
        // Two libraries read the URL. What the second one would refuse must not be saved.
        request_url.as_str().parse::<Uri>().map_err(|_| UrlError::Invalid)?;

        Ok(Self { text: text.to_owned(), request_url, host, reach })
    }

    /// The URL as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn request_url(&self) -> &Url {
        &self.request_url
    }

    /// Its host. A name is in lower case and Punycode, without a trailing dot. An IPv6 address is in brackets.
    pub fn host(&self) -> String {
        self.host.to_string()
    }
}

/// Shows scheme, host and port only: many receivers keep a secret in the path or the query.
impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.request_url.port_or_known_default().unwrap_or_default();
        write!(f, "EndpointUrl({}://{}:{port}/…)", self.request_url.scheme(), self.host)
    }
}

/// `true` for `https:`, `false` for `http:`, an error for any other scheme or none.
fn is_https(text: &str) -> Result<bool, UrlError> {
    let (scheme, _) = text.split_once(':').ok_or(UrlError::Invalid)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(true),
        "http" => Ok(false),
        _ if is_scheme => Err(UrlError::NotHttps),
        _ => Err(UrlError::Invalid),
    }
}

/// The text between `//` and the path, query or fragment.
fn authority(text: &str) -> Result<&str, UrlError> {
    let (_, rest) = text.split_once("://").ok_or(UrlError::Invalid)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    if authority.is_empty() { Err(UrlError::Invalid) } else { Ok(authority) }
}
