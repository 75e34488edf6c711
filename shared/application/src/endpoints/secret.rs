//! Rotating an endpoint's signing secret.

use std::time::Duration;

use domain::{
    ErrorCode, Invalid, Timestamp,
    endpoint::State,
    ids::EndpointId,
    secret::{GivenSecret, PreviousSecret, SealedSecrets, SigningSecret},
};
use serde::{Deserialize, Serialize};
use storage::EndpointRecord;

use crate::{
    Allowed, Application, Conflict, Error, ManageWebhooks,
    idempotency::{self, Settled},
};

/// How long the old secret goes on signing beside the new one: at most [`Grace::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace(Duration);

impl Grace {
    /// A day, unless the owner says otherwise.
    pub const DEFAULT: Self = Self(Duration::from_hours(24));
    /// 7 days. A secret that leaked should not sign for longer.
    pub const MAX: Self = Self(Duration::from_hours(7 * 24));

    /// A grace of so many seconds.
    pub fn new(seconds: i64) -> Result<Self, Invalid> {
        let grace = u64::try_from(seconds).ok().map(Duration::from_secs);
        grace.filter(|grace| *grace <= Self::MAX.0).map(Self).ok_or_else(|| {
            let message = format!("grace_seconds must be between 0 and {}", Self::MAX.seconds());
            Invalid::param("grace_seconds", ErrorCode::GraceInvalid, message)
        })
    }

    /// The number of seconds.
    pub fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

/// How a secret is rotated.
#[derive(Debug)]
pub struct Rotation {
    /// How long the old secret goes on signing; [`Grace::DEFAULT`] if left open.
    pub grace: Option<Grace>,
    /// A secret that the owner chose. It is checked here, because its form depends on the format. If there is none, one is
    /// made.
    pub secret: Option<GivenSecret>,
}

/// A new secret. Only the answer to the rotation shows it.
#[derive(Debug)]
pub struct RotatedSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// When the old one stops signing.
    pub previous_until: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
struct Plan {
    before: SealedSecrets,
    after: SealedSecrets,
    until: Timestamp,
}

impl Application {
    /// Gives an endpoint another signing secret. The old one still signs beside it until its grace ends. The endpoint gets a
    /// new start, because its receiver may have refused what the old secret signed.
    ///
    /// Errors: [`Error::NotFound`]; [`Error::Invalid`] for the secret; a conflict if another rotation came in between.
    pub async fn rotate_secret(
        &self,
        actor: &Allowed<ManageWebhooks>,
        request: Option<&idempotency::Request>,
        id: EndpointId,
        rotation: Rotation,
    ) -> Result<RotatedSecret, Error> {
        let plan = self.plan_rotation(actor, id, rotation).await;

        let work = |plan, _| async move {
            self.replace_secrets(actor, id, plan).await?;
            Ok(Settled::ForGood(()))
        };
        let (plan, ()) = self.once(actor, request, plan, work).await?;

        let secret = self.vault.open(actor.organization, id, &plan.after.current).await?;
        Ok(RotatedSecret { secret, previous_until: plan.until })
    }

    async fn plan_rotation(
        &self,
        actor: &Allowed<ManageWebhooks>,
        id: EndpointId,
        rotation: Rotation,
    ) -> Result<Plan, Error> {
        let Grace(grace) = rotation.grace.unwrap_or(Grace::DEFAULT);
        let EndpointRecord { endpoint, secrets: before } = self.find_endpoint(actor.organization, id).await?;

        let secret = match rotation.secret {
            Some(given) => given.check(endpoint.settings.format.secret_form)?,
            None => SigningSecret::new(&runtime::random()?),
        };
        let now = self.clock.now();
        let until = now.after(grace);
        let after = SealedSecrets {
            current: self.vault.seal(actor.organization, id, &secret, now).await?,
            previous: Some(PreviousSecret { sealed: before.current.clone(), until }),
        };
        Ok(Plan { before, after, until })
    }

    async fn replace_secrets(
        &self,
        actor: &Allowed<ManageWebhooks>,
        id: EndpointId,
        plan: Plan,
    ) -> Result<(), Error> {
        let record = self.find_endpoint(actor.organization, id).await?;
        if record.secrets == plan.after {
            // An earlier request with the same idempotency key has rotated it.
            return Ok(());
        }

        if record.endpoint.state() == State::Active {
            // This comes before the change, and the messages wait for the change. So nothing is forgotten if this process dies
            // in between.
            self.send_after_new_start(&record.endpoint).await?;
        }
        if self.registry.replace_secrets(actor.organization, id, &plan.before, &plan.after).await? {
            return Ok(());
        }

        // Refused because the secrets are others now: another rotation's, or these, if the answer to the call was lost and the SDK
        // called once more.
        let now = self.find_endpoint(actor.organization, id).await?.secrets;
        if now == plan.after { Ok(()) } else { Err(Conflict::RotationOverlapped.into()) }
    }
}
