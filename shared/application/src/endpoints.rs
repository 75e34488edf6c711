//! Webhook endpoints: what their owners do with them.

mod change;
mod create;
mod pause;
mod replay;
mod secret;
mod test;
mod waiting;

pub use change::{Change, EndpointChanges};
pub use create::{CreatedEndpoint, Defaults, NewEndpoint};
pub use replay::ReplayRequest;
pub use secret::{Grace, RotatedSecret, Rotation};

use std::time::Duration;

use domain::{
    ErrorCode, Invalid,
    delivery::Delivery,
    endpoint::{Endpoint, State},
    ids::{EndpointId, EventId, OrganizationId},
};
use egress::EndpointUrl;
use storage::{DeliveryFilter, EndpointRecord};

use crate::{Allowed, Application, Conflict, Error, ManageWebhooks, Page, PageRequest, ReadWebhooks};

/// How long we wait for the host's addresses when a URL is saved.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(3);

impl Application {
    /// One endpoint.
    ///
    /// Errors: [`Error::NotFound`].
    pub async fn endpoint(&self, actor: &Allowed<ReadWebhooks>, id: EndpointId) -> Result<Endpoint, Error> {
        Ok(self.find_endpoint(actor.organization, id).await?.endpoint)
    }

    /// A page of the organization's endpoints, newest first. `list` names the front end's list: a cursor of one list does not
    /// work in another.
    ///
    /// Errors: [`Error::Invalid`] for the cursor.
    pub async fn endpoints(
        &self,
        actor: &Allowed<ReadWebhooks>,
        list: &str,
        page: PageRequest,
    ) -> Result<Page<Endpoint>, Error> {
        let list = self.open_list(actor.organization, list, &page).await?;
        let before = list.position(|text| EndpointId::parse(text).ok());

        let found = self.registry.list_endpoints(actor.organization, before, list.look_ahead()).await?;
        list.page(found, |endpoint| endpoint.id.to_string()).await
    }

    /// A page of an endpoint's deliveries, newest event first.
    ///
    /// Errors: [`Error::NotFound`]; [`Error::Invalid`] for the cursor.
    pub async fn deliveries_of_endpoint(
        &self,
        actor: &Allowed<ReadWebhooks>,
        id: EndpointId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, Error> {
        let organization = actor.organization;
        let list = self.open_list(organization, &format!("deliveries/{id}/{filter:?}"), &page).await?;
        self.find_endpoint(organization, id).await?;

        let (position, now) = (list.position(|text| EventId::parse(text).ok()), self.clock.now());
        let limit = list.look_ahead();
        let found = self.log.list_deliveries(organization, id, filter, position, limit, now).await?;
        list.page(found, |delivery| delivery.event.to_string()).await
    }

    /// Deletes an endpoint. Nothing more is sent to it, not even what is queued.
    ///
    /// Errors: [`Error::NotFound`].
    pub async fn delete_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        id: EndpointId,
    ) -> Result<(), Error> {
        let deleted = self.registry.delete_endpoint(actor.organization, id).await?;

        if deleted { Ok(()) } else { Err(Error::NO_SUCH_ENDPOINT) }
    }

    /// An endpoint with its sealed secrets.
    pub(crate) async fn find_endpoint(
        &self,
        organization: OrganizationId,
        id: EndpointId,
    ) -> Result<EndpointRecord, Error> {
        self.registry.endpoint(organization, id).await?.ok_or(Error::NO_SUCH_ENDPOINT)
    }

    /// An endpoint that is not disabled. A disabled one is an error, because nothing is sent to it.
    async fn enabled_endpoint(
        &self,
        organization: OrganizationId,
        id: EndpointId,
    ) -> Result<Endpoint, Error> {
        let endpoint = self.find_endpoint(organization, id).await?.endpoint;

        if endpoint.state() == State::Disabled {
            Err(Conflict::EndpointDisabled.into())
        } else {
            Ok(endpoint)
        }
    }

    /// Checks that a URL may be sent to: first its text, then the addresses that its host resolves to now.
    async fn vetted_url(&self, text: &str) -> Result<String, Invalid> {
        let url = EndpointUrl::parse(text, self.address_policy).map_err(refused_url)?;
        let vetted = egress::vet(&url, &*self.resolver, RESOLVE_PATIENCE).await;
        vetted.map_err(refused_url)?;

        Ok(url.as_str().to_owned())
    }
}

fn refused_url(error: egress::UrlError) -> Invalid {
    // Each code of egress is also one of the platform's codes: see the test.
    let code = ErrorCode::from_text(error.code()).unwrap_or(ErrorCode::UrlInvalid);
    Invalid::param("url", code, error.to_string())
}

#[cfg(test)]
mod tests {
    use egress::UrlError;

    use super::*;

    #[test]
    fn each_reason_to_refuse_a_url_has_a_code_of_its_own() {
        for error in [
            UrlError::NotHttps,
            UrlError::TooLong,
            UrlError::Invalid,
            UrlError::HasCredentials,
            UrlError::HostInvalid,
            UrlError::PortInvalid,
            UrlError::HostNotAllowed,
        ] {
            assert_eq!(refused_url(error).code.text(), error.code());
        }
    }
}
