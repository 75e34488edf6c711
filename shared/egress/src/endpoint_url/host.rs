use std::fmt;
use std::net::IpAddr;

use url::Url;

use super::{AddressPolicy, UrlError};
use crate::address::is_globally_reachable;

/// The longest name and the longest of its labels that DNS can carry, in bytes (RFC 1035, 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Suffixes that no public name has, with the document that says so. Such a name could resolve only inside of somebody's
/// network.
const LOCAL_SUFFIXES: &[(&str, &str)] = &[
    ("localhost", "RFC 6761"),
    ("local", "RFC 6762: multicast DNS"),
    ("internal", "ICANN resolution 2024.07.29.06: reserved for private use"),
    ("home.arpa", "RFC 8375"),
    ("localdomain", "a default of many resolvers"),
    ("intranet", "RFC 6762, appendix G"),
    ("private", "RFC 6762, appendix G"),
    ("corp", "RFC 6762, appendix G"),
    ("home", "RFC 6762, appendix G"),
    ("lan", "RFC 6762, appendix G"),
];

/// A URL's host in its one normal form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// Lower case, Punycode, no trailing dot.
    Name(String),
    Address(IpAddr),
}

/// Which addresses a connection to a host may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Global,
    Loopback,
}

impl Reach {
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        match self {
            Self::Global => is_globally_reachable(address),
            Self::Loopback => address.is_loopback(),
        }
    }
}

impl Host {
    /// Takes the host from the parser. `authority` is the same host as it was written.
    pub(super) fn new(url: &Url, authority: &str) -> Result<Self, UrlError> {
        match url.host().ok_or(UrlError::Invalid)? {
            url::Host::Domain(name) => Self::from_name(name),
            url::Host::Ipv6(address) => Ok(Self::Address(address.into())),
            // The parser turns 127.1, 2130706433, 0177.0.0.1 and 0x7f000001 into 127.0.0.1. Nobody writes a public address like
            // that, and another library may read it differently. So all such spellings are refused.
            url::Host::Ipv4(address) => {
                let written = authority.split(':').next().unwrap_or_default();
                let is_plain = written == address.to_string();
                if is_plain { Ok(Self::Address(address.into())) } else { Err(UrlError::HostNotAllowed) }
            }
        }
    }

    fn from_name(name: &str) -> Result<Self, UrlError> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_dns_name = name.len() <= MAX_NAME && name.split('.').all(is_label);
        if is_dns_name { Ok(Self::Name(name.to_owned())) } else { Err(UrlError::HostInvalid) }
    }

    /// What connections to this host may reach under the policy. `None` if the host is refused before it is resolved.
    pub(super) fn reach(&self, policy: AddressPolicy) -> Option<Reach> {
        if policy == AddressPolicy::AllowLoopback && self.is_loopback() {
            return Some(Reach::Loopback);
        }
        let is_public = match self {
            Self::Name(name) => name.contains('.') && !is_local_name(name),
            Self::Address(address) => is_globally_reachable(*address),
        };
        is_public.then_some(Reach::Global)
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => has_suffix(name, "localhost"),
            Self::Address(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn is_local_name(name: &str) -> bool {
    LOCAL_SUFFIXES.iter().any(|(suffix, _source)| has_suffix(name, suffix))
}

/// Whether the name is the suffix, or ends with a dot and the suffix.
pub(crate) fn has_suffix(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Letters, digits and hyphens (RFC 1123), and the underscore, which real host names have too.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}
