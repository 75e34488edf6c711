//! TLS to receivers: configuration, and what its errors mean.

use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, OtherError, RootCertStore, crypto::ring};

use crate::PostError;
use crate::sessions::Sessions;

/// Why no client could be made: a fault of the machine, not of a receiver.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The system's store of trusted roots is missing, empty or unreadable.
    #[error("no trusted TLS root certificates found on this system")]
    NoRoots,
    /// The TLS library refused its configuration.
    #[error("TLS configuration: {0}")]
    Tls(#[from] rustls::Error),
    /// The HTTP client refused its configuration.
    #[error("HTTP client configuration: {0}")]
    Http(#[source] reqwest::Error),
    /// The system gave no thread to send from.
    #[error("no thread for deliveries: {0}")]
    Thread(#[source] io::Error),
}

impl ClientError {
    /// For errors of the HTTP client's builder. There is no `From` for reqwest's errors on purpose. They print their URL, in
    /// which receivers keep secrets. With `From`, a `?` could pass on an error of a request as it is.
    pub(crate) fn of_builder(error: reqwest::Error) -> Self {
        Self::Http(error.without_url())
    }
}

/// The roots that the system trusts. The AWS SDK uses the same (`SSL_CERT_FILE` and `SSL_CERT_DIR` override them).
///
/// Errors: [`ClientError::NoRoots`]. Single unreadable certificates are skipped.
pub fn native_roots() -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let (added, _skipped) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err(ClientError::NoRoots) } else { Ok(roots) }
}

/// TLS 1.2 and 1.3 with ring, no client certificate, HTTP/1.1 as the only protocol offered.
pub(crate) fn configuration(roots: RootCertStore) -> Result<ClientConfig, ClientError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::store(Arc::new(Sessions::default()));
    Ok(config)
}

/// What a failed handshake says about the receiver.
pub(crate) fn handshake_error(error: &io::Error) -> PostError {
    match tls_error(error) {
        Some(error) => error,
        None if error.kind() == io::ErrorKind::UnexpectedEof => PostError::ConnectionClosed,
        None => PostError::ConnectionReset,
    }
}

/// The TLS library's error inside of an I/O error, told apart by type.
pub(crate) fn tls_error(error: &io::Error) -> Option<PostError> {
    Some(match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => certificate_error(reason),
        _ => PostError::TlsFailure,
    })
}

fn certificate_error(reason: &CertificateError) -> PostError {
    match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            PostError::TlsCertificateExpired
        }
        // A bad signature means that somebody else uses the name of an authority that we trust.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            PostError::TlsCertificateUntrusted
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            PostError::TlsCertificateNameMismatch
        }
        CertificateError::Other(OtherError(error)) if is_self_made(error.downcast_ref()) => {
            PostError::TlsCertificateUntrusted
        }
        _ => PostError::TlsCertificateInvalid,
    }
}

/// Whether webpki refuses the certificate because somebody made it for themselves. `openssl req -x509` marks the certificate as
/// an authority's own, and `openssl x509 -signkey` writes version 1. webpki refuses both before it looks for an issuer. No
/// public authority issues either.
fn is_self_made(error: Option<&webpki::Error>) -> bool {
    matches!(error, Some(webpki::Error::CaUsedAsEndEntity | webpki::Error::UnsupportedCertVersion))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_http_client_never_shows_a_url() {
        let url: reqwest::Url = "https://example.com/hooks/a-secret?token=another".parse().unwrap();
        let error = reqwest::Client::builder().user_agent("\n").build().unwrap_err().with_url(url);
        assert!(error.to_string().contains("a-secret"), "reqwest shows it: {error}");

        let error = ClientError::of_builder(error);

        let shown = format!("{error} {error:?}");
        assert!(shown.contains("HTTP client configuration: builder error"), "{shown}");
        assert!(!shown.contains("example.com") && !shown.contains("secret"), "{shown}");
    }
}
