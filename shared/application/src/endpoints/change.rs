//! Changing an endpoint's settings.

use domain::{
    ErrorCode, Invalid,
    endpoint::{Description, Endpoint, Settings, TimeoutSeconds},
    format::Format,
    ids::{EndpointId, OrganizationId},
    metadata::Metadata,
    pattern::Patterns,
    retry::{PolicyChoice, RetryPolicy},
    secret::{SecretForm, SigningSecret},
};
use storage::Updated;

use crate::{
    Allowed, Application, Error, ManageWebhooks,
    idempotency::{self, Settled},
};

/// How one setting that has a default is to change.
#[derive(Debug)]
pub enum Change<T> {
    /// It stays as it is.
    Keep,
    /// It goes back to its default.
    Reset,
    /// It becomes this.
    To(T),
}

/// The changes of an endpoint. What is not named stays as it is.
#[derive(Debug)]
pub struct EndpointChanges {
    /// Where its deliveries are POSTed. It is checked here.
    pub url: Option<String>,
    /// What it subscribes to.
    pub enabled_events: Option<Patterns>,
    /// Whether it is sent to.
    pub is_active: Option<bool>,
    /// How its events are wrapped and signed.
    pub format: Option<&'static Format>,
    /// What people wrote about it.
    pub description: Change<Description>,
    /// How long one attempt may take.
    pub timeout: Change<TimeoutSeconds>,
    /// When failed attempts are tried again. Numbers that are left open stay as they are.
    pub retry_policy: Change<PolicyChoice>,
    /// What its owner noted on it.
    pub metadata: Change<Metadata>,
}

impl Application {
    /// Changes an endpoint. When two changes of different settings overlap, both take effect. A change may give the endpoint a
    /// new start. What waits is then tried at once.
    ///
    /// Errors: [`Error::NotFound`]; [`Error::Invalid`] for the URL, the retry policy and a format that the endpoint's secret does not
    /// suit.
    pub async fn change_endpoint(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EndpointId,
        changes: EndpointChanges,
    ) -> Result<Endpoint, Error> {
        let work =
            |(), _| async { Ok(Settled::ForGood(self.change(actor.organization, id, changes).await?)) };
        let ((), endpoint) = self.once(actor, request, Ok(()), work).await?;
        Ok(endpoint)
    }

    async fn change(
        &self,
        organization: OrganizationId,
        id: EndpointId,
        mut changes: EndpointChanges,
    ) -> Result<Endpoint, Error> {
        if let Some(url) = &mut changes.url {
            *url = self.vetted_url(url).await?;
        }
        self.check_secret_suits(changes.format, organization, id).await?;

        let changes = &changes;
        let change = |before: Endpoint| async move {
            let mut settings = before.settings.clone();
            changes.apply(&mut settings, self.limits.retry_policy)?;

            let is_sent_to = settings.is_active && !before.is_paused;
            if is_sent_to && before.starts_anew_with(&settings) {
                self.send_after_new_start(&before).await?;
            }
            Ok(settings)
        };
        match self.registry.update_endpoint(organization, id, self.clock.now(), change).await? {
            Updated::Updated(endpoint) => Ok(*endpoint),
            Updated::Refused(error) => Err(error),
            Updated::NotFound => Err(Error::NO_SUCH_ENDPOINT),
        }
    }

    /// Some formats need a secret of a certain form. An endpoint whose secret has another form must not change to such a
    /// format.
    async fn check_secret_suits(
        &self,
        format: Option<&'static Format>,
        organization: OrganizationId,
        id: EndpointId,
    ) -> Result<(), Error> {
        let Some(format) = format.filter(|format| format.secret_form != SecretForm::Text) else {
            return Ok(());
        };
        let record = self.find_endpoint(organization, id).await?;
        let secret = self.vault.open(organization, id, &record.secrets.current).await?;

        SigningSecret::parse(secret.reveal(), format.secret_form).map_err(|_| {
            let message = "The endpoint's secret does not suit this format; rotate it to one that does first";
            Invalid::param("format", ErrorCode::FormatNeedsOtherSecret, message)
        })?;
        Ok(())
    }
}

impl EndpointChanges {
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
        self.timeout.apply(&mut settings.timeout, TimeoutSeconds::DEFAULT);
        self.metadata.apply(&mut settings.metadata, Metadata::default());
        match &self.retry_policy {
            Change::Keep => {}
            Change::Reset => settings.retry_policy = default_policy,
            Change::To(choice) => settings.retry_policy = choice.over(settings.retry_policy)?,
        }
        Ok(())
    }
}

impl<T: Clone> Change<T> {
    fn apply(&self, setting: &mut T, default: T) {
        match self {
            Self::Keep => {}
            Self::Reset => *setting = default,
            Self::To(value) => setting.clone_from(value),
        }
    }
}
