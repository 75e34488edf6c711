//! TLS to receivers: configuration, and what its errors mean.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore, crypto::ring};

use crate::PostError;
use crate::endpoint_url::Host;

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
}

/// The roots that the system trusts, as the AWS SDK uses them too (`SSL_CERT_FILE` and `SSL_CERT_DIR` override them).
///
/// Errors: [`ClientError::NoRoots`]. Single unreadable certificates are skipped.
pub fn native_roots() -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let (added, _skipped) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err(ClientError::NoRoots) } else { Ok(roots) }
}

/// TLS 1.2 and 1.3 with ring, no client certificate, HTTP/1.1 as the only protocol offered.
pub(crate) fn connector(roots: RootCertStore) -> Result<TlsConnector, ClientError> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) fn server_name(host: &Host) -> Result<ServerName<'static>, PostError> {
    match host {
        Host::Name(name) => ServerName::try_from(name.clone()).map_err(|_| PostError::TlsFailure),
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}

/// What a failed handshake tells of the receiver.
pub(crate) fn handshake_error(error: &io::Error) -> PostError {
    match tls_error(error) {
        Some(error) => error,
        None if error.kind() == io::ErrorKind::UnexpectedEof => PostError::ConnectionClosed,
        None => PostError::ConnectionReset,
    }
}

/// The TLS library's error inside of an I/O error, told apart by type.
pub(crate) fn tls_error(error: &io::Error) -> Option<PostError> {
    let rustls::Error::InvalidCertificate(reason) = error.get_ref()?.downcast_ref::<rustls::Error>()? else {
        return Some(PostError::TlsFailure);
    };
    Some(match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            PostError::TlsCertificateExpired
        }
        CertificateError::UnknownIssuer => PostError::TlsCertificateUntrusted,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            PostError::TlsCertificateNameMismatch
        }
        _ => PostError::TlsCertificateInvalid,
    })
}
