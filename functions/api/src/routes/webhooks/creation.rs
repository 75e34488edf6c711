//! Creating an endpoint, in this API's names and in Orbit's.

use domain::{
    endpoint::{Endpoint, Settings, TimeoutSeconds},
    format::Format,
    ids::{EndpointId, OrganizationId},
    secret::{SealedSecrets, SigningSecret},
};
use storage::{Created, EndpointRecord};

use super::settings;
use crate::{Api, body::Fields, error::ApiError};

const LIMIT_REACHED: ApiError = ApiError::Conflict {
    code: "endpoint_limit_reached",
    message: "Your organization has as many webhook endpoints as it may; delete one first",
};

/// What an API calls an endpoint's fields, and what it presets.
#[derive(Debug)]
pub(in crate::routes) struct Dialect {
    /// The patterns' field.
    pub(in crate::routes) events: &'static str,
    /// The field that turns the endpoint on.
    pub(in crate::routes) active: &'static str,
    pub(in crate::routes) default_timeout: TimeoutSeconds,
    pub(in crate::routes) default_format: fn() -> &'static Format,
    /// Whether `format` and `metadata` can be chosen.
    pub(in crate::routes) extended: bool,
}

/// What a caller chose for a new endpoint.
#[derive(Debug)]
pub(in crate::routes) struct Choices {
    settings: Settings,
    secret: SigningSecret,
}

impl Choices {
    pub(in crate::routes) async fn read(
        api: &Api,
        mut fields: Fields,
        dialect: &Dialect,
    ) -> Result<Self, ApiError> {
        let url: String = fields.required("url")?;
        let patterns: Vec<String> = fields.required(dialect.events)?;
        let given_secret = fields.optional::<String>("secret")?;
        let default_policy = api.limits.retry_policy;
        let (mut format, mut metadata) = (None, None);
        if dialect.extended {
            format = settings::format(&mut fields)?;
            metadata = settings::metadata(&mut fields)?;
        }
        let settings = Settings {
            url: settings::url(api, &url).await?,
            enabled_events: settings::patterns(&patterns, dialect.events)?,
            description: settings::description(&mut fields)?,
            is_active: fields.optional(dialect.active)?.unwrap_or(true),
            timeout: settings::timeout(&mut fields)?.unwrap_or(dialect.default_timeout),
            retry_policy: settings::retry_policy(&mut fields)?
                .map_or(Ok(default_policy), |policy| policy.over(default_policy))?,
            format: format.unwrap_or_else(dialect.default_format),
            metadata: metadata.unwrap_or_default(),
        };
        fields.finish()?;
        let secret = match given_secret {
            Some(text) => SigningSecret::parse(&text, settings.format.secret_form)?,
            None => SigningSecret::new(&runtime::random()?),
        };
        Ok(Self { settings, secret })
    }
}

/// Writes the endpoint; its secret is returned for the one answer that shows it.
pub(in crate::routes) async fn create(
    api: &Api,
    organization: OrganizationId,
    choices: Choices,
) -> Result<(Endpoint, SigningSecret), ApiError> {
    let Choices { settings, secret } = choices;
    let now = api.clock.now();
    let id = EndpointId::new(now, runtime::random()?);
    let sealed = api.vault.seal(organization, id, &secret, now).await?;
    let endpoint = Endpoint::new(organization, id, settings, now);
    let record = EndpointRecord { endpoint, secrets: SealedSecrets { current: sealed, previous: None } };
    match api.registry.create_endpoint(organization, &record, api.limits.endpoints_per_organization).await? {
        Created::LimitReached => Err(LIMIT_REACHED),
        Created::Created => Ok((record.endpoint, secret)),
    }
}
