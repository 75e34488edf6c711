use crate::MAX_URL_CHARS;

/// Why an endpoint cannot have a URL. The texts are for users of the API. None of them quotes what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Another scheme than `https`.
    #[error("Webhook URL must use HTTPS")]
    NotHttps,
    /// More than [`MAX_URL_CHARS`] characters.
    #[error("Webhook URL must be at most {MAX_URL_CHARS} characters")]
    TooLong,
    /// Not an absolute URL, or one that only a browser would repair.
    #[error("Webhook URL must be a valid absolute URL, such as https://example.com/webhooks")]
    Invalid,
    /// A user name or a password, even an empty one.
    #[error("Webhook URL must not contain credentials")]
    HasCredentials,
    /// A host that is neither a DNS name nor an IP address.
    #[error("Webhook URL must have a valid host name")]
    HostInvalid,
    /// A port that is not 1 to 65535.
    #[error("Webhook URL must have a port from 1 to 65535, or none")]
    PortInvalid,
    /// A host that is local by its name, or is or resolves to an address that is not globally reachable.
    #[error("Webhook URL must point to a publicly reachable host")]
    HostNotAllowed,
}

impl UrlError {
    /// The machine-readable code; it never changes.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotHttps => "url_not_https",
            Self::TooLong => "url_too_long",
            Self::Invalid => "url_invalid",
            Self::HasCredentials => "url_has_credentials",
            Self::HostInvalid => "url_host_invalid",
            Self::PortInvalid => "url_port_invalid",
            Self::HostNotAllowed => "url_host_not_allowed",
        }
    }

    pub(super) fn from_parser(error: url::ParseError) -> Self {
        match error {
            url::ParseError::InvalidPort => Self::PortInvalid,
            url::ParseError::EmptyHost
            | url::ParseError::IdnaError
            | url::ParseError::InvalidDomainCharacter
            | url::ParseError::InvalidIpv4Address
            | url::ParseError::InvalidIpv6Address => Self::HostInvalid,
            _ => Self::Invalid,
        }
    }
}
