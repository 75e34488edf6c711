//! `PATCH /v1/webhooks/{id}`

use axum::{Json, extract::State};
use domain::{
    Invalid,
    endpoint::{Description, Endpoint, Settings, TimeoutSeconds},
    format::Format,
    ids::{EndpointId, OrganizationId},
    metadata::Metadata,
    pattern::Patterns,
    retry::RetryPolicy,
    scope::Scope,
    secret::{SecretForm, SigningSecret},
};
use storage::Updated;

use super::{
    settings::{self, PartialPolicy},
    waiting,
};
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    error::ApiError,
    openapi::{WEBHOOKS, parameters::EndpointPath, requests::UpdateWebhook},
    path::{Id, Named},
    views::EndpointView,
};

/// Change a webhook endpoint
///
/// Only the fields given change; changes of different fields at the same time all count. `null` sets a field back to
/// its default where it has one. The secret is rotated with `rotate-secret`.
///
/// A change of `url`, `format` or `timeout_seconds` gives the endpoint a new start: `consecutive_failures` is 0, and what waits
/// is tried at once, unless the endpoint is paused. Answers to attempts that began before count for it no longer.
///
/// Enabling a disabled endpoint does not bring back what happened in between: what was still to be sent when it was disabled
/// has failed, and `replay` sends it. What was held by then is sent.
#[utoipa::path(
    patch,
    path = "/v1/webhooks/{id}",
    operation_id = "updateWebhook",
    tag = WEBHOOKS,
    params(EndpointPath),
    request_body = Option<UpdateWebhook>,
    responses((status = OK, description = "The webhook endpoint as it is now.", body = EndpointView)),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn update(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id<EndpointId>,
    fields: Fields,
) -> Result<Json<EndpointView>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::WebhooksManage)?;
    let changes = Changes::read(&api, fields).await?;
    changes.check_secret(&api, organization, id).await?;
    let (api, changes) = (&api, &changes);
    let change = |before: Endpoint| async move {
        let mut settings = before.settings.clone();
        changes.apply(&mut settings, api.limits.retry_policy)?;

        let is_sent_to = settings.is_active && !before.is_paused;
        if is_sent_to && before.starts_anew_with(&settings) {
            waiting::send_after_new_start(api, &before).await?;
        }
        Ok(settings)
    };
    match api.registry.update_endpoint(organization, id, api.clock.now(), change).await? {
        Updated::NotFound => Err(ApiError::NotFound(EndpointId::WHAT)),
        Updated::Refused(error) => Err(error),
        Updated::Updated(endpoint) => Ok(Json((*endpoint).into())),
    }
}

/// What is to become of one setting.
#[derive(Debug)]
enum Change<T> {
    /// It is not mentioned.
    Keep,
    /// It is null: back to its default.
    Reset,
    /// It is given.
    To(T),
}

impl<T> Change<T> {
    fn read(
        fields: &mut Fields,
        name: &str,
        read: impl FnOnce(&mut Fields) -> Result<Option<T>, Invalid>,
    ) -> Result<Self, Invalid> {
        if !fields.has(name) {
            return Ok(Self::Keep);
        }
        Ok(read(fields)?.map_or(Self::Reset, Self::To))
    }
}

/// What is to change.
#[derive(Debug)]
struct Changes {
    url: Option<String>,
    enabled_events: Option<Patterns>,
    is_active: Option<bool>,
    format: Option<&'static Format>,
    description: Change<Description>,
    timeout: Change<TimeoutSeconds>,
    retry_policy: Change<PartialPolicy>,
    metadata: Change<Metadata>,
}

impl Changes {
    async fn read(api: &Api, mut fields: Fields) -> Result<Self, Invalid> {
        if fields.has("secret") {
            let message = "secret cannot be changed here; rotate it with rotate-secret";
            return Err(Invalid::param("secret", "secret_not_changeable", message));
        }
        fields.refuse_null(&["url", "enabled_events", "is_active", "format"])?;
        let url = match fields.optional::<String>("url")? {
            Some(text) => Some(settings::url(api, &text).await?),
            None => None,
        };
        let patterns: Option<Vec<String>> = fields.optional("enabled_events")?;
        let changes = Self {
            url,
            enabled_events: patterns.map(|texts| settings::patterns(&texts, "enabled_events")).transpose()?,
            is_active: fields.optional("is_active")?,
            format: settings::format(&mut fields)?,
            description: Change::read(&mut fields, "description", settings::description)?,
            timeout: Change::read(&mut fields, "timeout_seconds", settings::timeout)?,
            retry_policy: Change::read(&mut fields, "retry_policy", settings::retry_policy)?,
            metadata: Change::read(&mut fields, "metadata", settings::metadata)?,
        };
        fields.finish()?;
        Ok(changes)
    }

    /// A format whose secrets have another form must not be given an endpoint whose secret has not.
    async fn check_secret(
        &self,
        api: &Api,
        organization: OrganizationId,
        id: EndpointId,
    ) -> Result<(), ApiError> {
        let Some(format) = self.format.filter(|format| format.secret_form != SecretForm::Text) else {
            return Ok(());
        };
        let record = api.endpoint(organization, id).await?;
        let secret = api.vault.open(organization, id, &record.secrets.current).await?;
        SigningSecret::parse(secret.reveal(), format.secret_form).map_err(|_| {
            let message = "The endpoint's secret does not suit this format; rotate it to one that does first";
            Invalid::param("format", "format_needs_other_secret", message)
        })?;
        Ok(())
    }

    fn apply(&self, settings: &mut Settings, default_policy: RetryPolicy) -> Result<(), Invalid> {
        if let Some(url) = &self.url {
            settings.url.clone_from(url);
        }
        if let Some(patterns) = &self.enabled_events {
            settings.enabled_events.clone_from(patterns);
        }
        settings.is_active = self.is_active.unwrap_or(settings.is_active);
        settings.format = self.format.unwrap_or(settings.format);
        match &self.description {
            Change::Keep => {}
            Change::Reset => settings.description = None,
            Change::To(description) => settings.description = Some(description.clone()),
        }
        match &self.timeout {
            Change::Keep => {}
            Change::Reset => settings.timeout = TimeoutSeconds::DEFAULT,
            Change::To(timeout) => settings.timeout = *timeout,
        }
        match &self.retry_policy {
            Change::Keep => {}
            Change::Reset => settings.retry_policy = default_policy,
            Change::To(policy) => settings.retry_policy = policy.over(settings.retry_policy)?,
        }
        match &self.metadata {
            Change::Keep => {}
            Change::Reset => settings.metadata = Metadata::default(),
            Change::To(metadata) => settings.metadata = metadata.clone(),
        }
        Ok(())
    }
}
