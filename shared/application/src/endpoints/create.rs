//! Creating an endpoint.

use domain::{
    Timestamp,
    endpoint::{Description, Endpoint, Settings, TimeoutSeconds},
    format::Format,
    ids::EndpointId,
    metadata::Metadata,
    pattern::Patterns,
    retry::PolicyChoice,
    secret::{GivenSecret, SealedSecret, SealedSecrets, SigningSecret},
};
use serde::{Deserialize, Serialize};
use storage::{Created, EndpointRecord};

use crate::{
    Allowed, Application, Conflict, Error, ManageWebhooks,
    idempotency::{self, Settled, Turn},
};

/// What its owner chose for a new endpoint. Where nothing was chosen, the front end's [`Defaults`] or the deployment's count.
#[derive(Debug)]
pub struct NewEndpoint {
    /// Where its deliveries are POSTed. It is checked here.
    pub url: String,
    /// What it subscribes to.
    pub enabled_events: Patterns,
    /// What people wrote about it.
    pub description: Option<Description>,
    /// A secret that its owner chose. It is checked here, because its form depends on the format. If there is none, one is
    /// made.
    pub secret: Option<GivenSecret>,
    /// Whether it is sent to from now on. The default is true.
    pub is_active: Option<bool>,
    /// How long one attempt may take.
    pub timeout: Option<TimeoutSeconds>,
    /// When failed attempts are tried again. Numbers that are left open are the deployment's.
    pub retry_policy: Option<PolicyChoice>,
    /// How its events are wrapped and signed.
    pub format: Option<&'static Format>,
    /// What its owner noted on it.
    pub metadata: Option<Metadata>,
}

/// A front end's own defaults.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// How long one attempt may take.
    pub timeout: TimeoutSeconds,
    /// How events are wrapped and signed.
    pub format: &'static Format,
}

/// A new endpoint, with its secret. Only the answer to its creation shows the secret.
#[derive(Debug)]
pub struct CreatedEndpoint {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Its secret.
    pub secret: SigningSecret,
}

#[derive(Clone, Serialize, Deserialize)]
struct Plan {
    id: EndpointId,
    at: Timestamp,
    secret: SealedSecret,
}

impl Application {
    /// Creates an endpoint. From now on it gets what it subscribes to.
    ///
    /// Errors: [`Error::Invalid`] for the URL, the retry policy and the secret; a conflict if the organization has as many endpoints
    /// as it may.
    pub async fn create_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        new: NewEndpoint,
        defaults: Defaults,
    ) -> Result<CreatedEndpoint, Error> {
        let organization = actor.organization;
        let format = new.format.unwrap_or(defaults.format);
        let plan = self.plan_endpoint(actor, new.secret.as_ref(), format).await?;

        let work = |plan: Plan, turn| async move {
            if turn == Turn::Again
                && let Some(record) = self.registry.endpoint(organization, plan.id).await?
            {
                return Ok(Settled::ForGood(record.endpoint));
            }
            let settings = self.settings_of(new, defaults).await?;
            let endpoint = Endpoint::new(organization, plan.id, settings, plan.at);
            let secrets = SealedSecrets { current: plan.secret, previous: None };
            let record = EndpointRecord { endpoint, secrets };

            let limit = self.limits.endpoints_per_organization;
            match self.registry.create_endpoint(organization, &record, limit).await? {
                Created::Created => Ok(Settled::ForGood(record.endpoint)),
                Created::LimitReached => Err(Conflict::EndpointLimitReached.into()),
            }
        };
        let (plan, endpoint) = self.once(actor, request, Ok(plan), work).await?;

        let secret = self.vault.open(organization, plan.id, &plan.secret).await?;
        Ok(CreatedEndpoint { endpoint, secret })
    }

    async fn plan_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        given: Option<&GivenSecret>,
        format: &Format,
    ) -> Result<Plan, Error> {
        let secret = match given {
            Some(given) => given.check(format.secret_form)?,
            None => SigningSecret::new(&runtime::random()?),
        };
        let at = self.clock.now();
        let id = EndpointId::new(at, runtime::random()?);

        Ok(Plan { id, at, secret: self.vault.seal(actor.organization, id, &secret, at).await? })
    }

    async fn settings_of(&self, new: NewEndpoint, defaults: Defaults) -> Result<Settings, Error> {
        let policy = self.limits.retry_policy;

        Ok(Settings {
            url: self.vetted_url(&new.url).await?,
            enabled_events: new.enabled_events,
            description: new.description,
            is_active: new.is_active.unwrap_or(true),
            timeout: new.timeout.unwrap_or(defaults.timeout),
            retry_policy: new.retry_policy.map_or(Ok(policy), |choice| choice.over(policy))?,
            format: new.format.unwrap_or(defaults.format),
            metadata: new.metadata.unwrap_or_default(),
        })
    }
}
