//! API keys: making, listing and revoking them.

use domain::{
    ErrorCode, Invalid,
    audience::Audience,
    ids::{EventId, KeyId, OrganizationId},
    key::{ApiKey, KeyName, KeyRecord},
    platform_event::PlatformEvent,
    scope::Scopes,
};
use messaging::Bus;
use runtime::Clock;
use serde::{Deserialize, Serialize};
use storage::Registry;
use zeroize::Zeroizing;

use crate::{
    Actor, Allowed, Application, Error, ManageKeys, Page, PageRequest,
    idempotency::{self, Settled, Turn},
};

/// What is chosen for a new key.
#[derive(Debug)]
pub struct NewKey {
    /// What people call it.
    pub name: KeyName,
    /// What it may do.
    pub scopes: Scopes,
    /// Whether what it publishes is live. The default follows whoever makes it.
    pub livemode: Option<bool>,
}

/// A new key, with its text. Only the answer to its creation shows the text.
#[derive(Debug)]
pub struct CreatedKey {
    /// What stays known of it.
    pub record: KeyRecord,
    /// The key itself.
    pub key: ApiKey,
}

/// What making and revoking keys needs. People do it through [`Application`]. The operator's tool makes an organization's first
/// key.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// Where keys are.
    pub registry: &'a Registry,
    /// Where new and revoked keys are announced.
    pub bus: &'a Bus,
    /// The time.
    pub clock: &'a Clock,
}

impl Keys<'_> {
    /// Makes a key as it is asked for, without checking what an actor may grant, and announces it to the organization's
    /// endpoints.
    pub async fn create(&self, organization: OrganizationId, new: NewKey) -> Result<CreatedKey, Error> {
        let (record, key) = self.draw(organization, new, true)?;
        let announcement = PlatformEvent::KeyCreated(&record).id(self.clock.now(), runtime::random()?);

        self.write(&record, &key, announcement, Turn::First).await?;
        Ok(CreatedKey { record, key })
    }

    fn draw(
        &self,
        organization: OrganizationId,
        new: NewKey,
        default_livemode: bool,
    ) -> Result<(KeyRecord, ApiKey), Error> {
        let now = self.clock.now();
        let NewKey { name, scopes, livemode } = new;
        let livemode = livemode.unwrap_or(default_livemode);

        let key = ApiKey::new(livemode, &runtime::random()?);
        let id = KeyId::new(now, runtime::random()?);
        Ok((KeyRecord { id, organization, name, scopes, livemode, created_at: now }, key))
    }

    async fn write(
        &self,
        record: &KeyRecord,
        key: &ApiKey,
        announcement: EventId,
        turn: Turn,
    ) -> Result<(), Error> {
        let organization = record.organization;

        let is_there = turn == Turn::Again && self.registry.key(organization, record.id).await?.is_some();
        if !is_there {
            self.registry.create_key(organization, record, &key.hash()).await?;
        }
        let announced = self.announce(PlatformEvent::KeyCreated(record), record, announcement).await;
        if announced.is_err() && !is_there {
            // The caller is told that it failed, and has not seen the key's text. So the key must not stay. A key that an earlier
            // run made stays: the next one announces it.
            self.registry.revoke_key(organization, record.id).await?;
        }
        announced
    }

    async fn announce(&self, happened: PlatformEvent<'_>, key: &KeyRecord, id: EventId) -> Result<(), Error> {
        self.bus.publish(&happened.event(key.organization, id), Audience::Subscribers).await?;
        Ok(())
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Plan {
    record: KeyRecord,
    /// The id of the event that announces it. If the event is published twice, it is one event.
    announcement: EventId,
    /// The key's text, sealed. It is there only if the plan is stored.
    sealed: Option<String>,
}

impl Application {
    /// Who presents this key. `None` if there is no such key or it is revoked. A revocation takes effect with the next request.
    pub async fn authenticate(&self, presented: &ApiKey) -> Result<Option<Actor>, Error> {
        Ok(self.registry.find_key(&presented.hash()).await?.map(Actor::from))
    }

    /// Makes a key and announces it to the organization's endpoints.
    ///
    /// Errors: [`Error::Forbidden`] for a scope that the actor lacks; [`Error::Invalid`] for a live key that a test actor asks for.
    pub async fn create_key(
        &self,
        actor: &Allowed<ManageKeys>,
        request: Option<&idempotency::Request>,
        new: NewKey,
    ) -> Result<CreatedKey, Error> {
        // Whoever may not grant these scopes gets no answer that another one got: so what is refused here is not looked up.
        let (plan, drawn) = self.plan_key(actor, request, new).await?;

        let drawn = &drawn;
        let work = |plan: Plan, turn| async move {
            let key = self.key_of(&plan, drawn).await?;
            self.keys_of_organizations().write(&plan.record, &key, plan.announcement, turn).await?;
            Ok(Settled::ForGood(()))
        };
        let (plan, ()) = self.once(actor, request, Ok(plan), work).await?;

        let key = self.key_of(&plan, drawn).await?;
        Ok(CreatedKey { record: plan.record, key })
    }

    async fn plan_key(
        &self,
        actor: &Allowed<ManageKeys>,
        request: Option<&idempotency::Request>,
        new: NewKey,
    ) -> Result<(Plan, ApiKey), Error> {
        if let Some(lacking) = new.scopes.exceeding(&actor.scopes) {
            return Err(Error::Forbidden(lacking));
        }
        let (record, key) = self.keys_of_organizations().draw(actor.organization, new, actor.livemode)?;
        if record.livemode && !actor.livemode {
            let message = "A test key cannot create a live key";
            return Err(Invalid::param("livemode", ErrorCode::LivemodeExceeds, message).into());
        }

        let announcement = PlatformEvent::KeyCreated(&record).id(record.created_at, runtime::random()?);
        let sealed = match request {
            None => None,
            Some(_) => {
                let binding = binding(record.id);
                Some(self.vault.seal_text(key.reveal(), &binding, record.created_at).await?)
            }
        };
        Ok((Plan { record, announcement, sealed }, key))
    }

    /// The text of the plan's key: from the plan if it was stored, and otherwise the one that was drawn just now.
    async fn key_of(&self, plan: &Plan, drawn: &ApiKey) -> Result<ApiKey, Error> {
        let id = plan.record.id;

        let text = match &plan.sealed {
            Some(sealed) => self.vault.open_text(sealed, &binding(id)).await?,
            None => Some(Zeroizing::new(drawn.reveal().to_owned())),
        };
        let text = text.ok_or_else(|| Error::Internal(format!("the text of {id} does not open")))?;
        Ok(ApiKey::presented(&text))
    }

    fn keys_of_organizations(&self) -> Keys<'_> {
        Keys { registry: &self.registry, bus: &self.bus, clock: &self.clock }
    }

    /// A page of the organization's keys that are not revoked, newest first.
    ///
    /// Errors: [`Error::Invalid`] for the cursor.
    pub async fn keys(
        &self,
        actor: &Allowed<ManageKeys>,
        page: PageRequest,
    ) -> Result<Page<KeyRecord>, Error> {
        let list = self.open_list(actor.organization, "keys", &page).await?;
        let before = list.position(|text| KeyId::parse(text).ok());

        let found = self.registry.list_keys(actor.organization, before, list.look_ahead()).await?;
        list.page(found, |key| key.id.to_string()).await
    }

    /// Revokes a key, from the next request on, and announces that to the organization's endpoints. A key may revoke itself.
    ///
    /// Errors: [`Error::NotFound`]; [`Error::LiveKeyRequired`] if a test actor would revoke a live key.
    pub async fn revoke_key(&self, actor: &Allowed<ManageKeys>, id: KeyId) -> Result<(), Error> {
        let organization = actor.organization;
        let key = self.registry.key(organization, id).await?.ok_or(Error::NO_SUCH_KEY)?;
        if key.livemode && !actor.livemode {
            return Err(Error::LiveKeyRequired);
        }

        // It is announced first. If that fails, the key stays, and the same request can be made again.
        let revoked = PlatformEvent::KeyRevoked(&key);
        let announcement = revoked.id(self.clock.now(), runtime::random()?);
        self.keys_of_organizations().announce(revoked, &key, announcement).await?;
        let revoked = self.registry.revoke_key(organization, id).await?;
        if revoked { Ok(()) } else { Err(Error::NO_SUCH_KEY) }
    }
}

fn binding(id: KeyId) -> String {
    format!("key/{id}")
}
