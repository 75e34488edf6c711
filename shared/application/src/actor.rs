//! Who asks, and what they may.

use std::{marker::PhantomData, ops::Deref};

use domain::{
    ids::OrganizationId,
    key::KeyRecord,
    scope::{Scope, Scopes},
};

use crate::Error;

/// Whoever asks for a use case. It acts for one organization, and its scopes say what it may do.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The organization.
    pub organization: OrganizationId,
    /// What it is allowed.
    pub scopes: Scopes,
    /// False for a test key. Events that it publishes and keys that it creates are never live.
    pub livemode: bool,
}

impl Actor {
    /// Checks that the actor has the permission's scope, and returns the proof.
    ///
    /// Errors: [`Error::Forbidden`].
    pub fn allow<P: Permission>(self) -> Result<Allowed<P>, Error> {
        if self.scopes.allow(P::SCOPE) {
            Ok(Allowed { actor: self, permission: PhantomData })
        } else {
            Err(Error::Forbidden(P::SCOPE))
        }
    }
}

impl From<KeyRecord> for Actor {
    fn from(key: KeyRecord) -> Self {
        let KeyRecord { organization, scopes, livemode, .. } = key;
        Self { organization, scopes, livemode }
    }
}

/// An actor whose scopes allow what `P` stands for. Only [`Actor::allow`] makes one.
#[derive(Debug, Clone)]
pub struct Allowed<P> {
    actor: Actor,
    permission: PhantomData<P>,
}

impl<P> Deref for Allowed<P> {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.actor
    }
}

/// A permission that a use case requires of its actor.
pub trait Permission: Send + Sync + 'static {
    /// The scope that allows it.
    const SCOPE: Scope;
}

/// Declares permissions, one for each scope.
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident: $scope:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub enum $name {}

            impl Permission for $name {
                const SCOPE: Scope = Scope::$scope;
            }
        )*
    };
}

permissions! {
    /// To see endpoints and their deliveries.
    ReadWebhooks: WebhooksRead;
    /// To create, change, test, pause, replay and delete endpoints, and to resend events to them.
    ManageWebhooks: WebhooksManage;
    /// To query the event log.
    ReadEvents: EventsRead;
    /// To publish events.
    PublishEvents: EventsPublish;
    /// To create, list and revoke keys.
    ManageKeys: KeysManage;
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    fn actor(scopes: &[&str]) -> Actor {
        let organization = OrganizationId::new(Timestamp::from_millis(1_700_000_000_000), [1; 10]);
        Actor { organization, scopes: Scopes::parse(scopes).unwrap(), livemode: true }
    }

    #[test]
    fn an_actor_is_allowed_what_its_scopes_include_and_is_told_what_it_lacks() {
        assert!(actor(&["platform:webhooks:manage"]).allow::<ReadEvents>().is_ok());
        let refused = actor(&["platform:events:read"]).allow::<ReadWebhooks>().unwrap_err();

        assert!(matches!(refused, Error::Forbidden(Scope::WebhooksRead)), "{refused}");
    }
}
