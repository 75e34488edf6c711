//! The one check of resolved addresses. It is made when a URL is saved, and again before every connection.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;

use crate::endpoint_url::Host;
use crate::{EndpointUrl, PostError, Resolver, UrlError};

/// Resolves a URL's host, and refuses it if **any** of its addresses is not allowed. This is for saving a URL. [`Client::post`]
/// does the same again each time.
///
/// A host without an answer within `patience` is accepted. Its DNS records may come later, and nothing is ever sent to an
/// address that was not vetted.
///
/// Errors: [`UrlError::HostNotAllowed`] only.
///
/// [`Client::post`]: crate::Client::post
pub async fn vet(url: &EndpointUrl, resolver: &dyn Resolver, patience: Duration) -> Result<(), UrlError> {
    match timeout(patience, vetted_addresses(url, resolver)).await {
        Ok(Err(PostError::RefusedAddress)) => Err(UrlError::HostNotAllowed),
        Ok(Ok(_) | Err(_)) | Err(_) => Ok(()),
    }
}

/// All addresses of a URL's host, if each of them is allowed.
pub(crate) async fn vetted_addresses(
    url: &EndpointUrl,
    resolver: &dyn Resolver,
) -> Result<Vec<IpAddr>, PostError> {
    let addresses = match &url.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => resolver.resolve(name).await.map_err(|_| PostError::DnsFailure)?,
    };
    if addresses.is_empty() {
        return Err(PostError::DnsFailure);
    }
    // One refused address refuses the host, because nobody knows which of the addresses a connection would use.
    if addresses.iter().all(|&address| url.reach.allows(address)) {
        Ok(addresses)
    } else {
        Err(PostError::RefusedAddress)
    }
}
