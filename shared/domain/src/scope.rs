//! What a key allows.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Invalid};

/// What a key may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Scope {
    /// View endpoints, deliveries and events.
    WebhooksRead,
    /// Change endpoints and replay; also what [`Scope::WebhooksRead`] allows.
    WebhooksManage,
    /// Query the event log and its deliveries.
    EventsRead,
    /// Publish events.
    EventsPublish,
    /// Create, list and revoke keys.
    KeysManage,
}

impl Scope {
    /// Every scope, in the order in which errors and documents list them.
    pub const ALL: [Scope; 5] =
        [Self::WebhooksRead, Self::WebhooksManage, Self::EventsRead, Self::EventsPublish, Self::KeysManage];

    /// The scope's name, `platform:webhooks:read`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebhooksRead => "platform:webhooks:read",
            Self::WebhooksManage => "platform:webhooks:manage",
            Self::EventsRead => "platform:events:read",
            Self::EventsPublish => "platform:events:publish",
            Self::KeysManage => "platform:keys:manage",
        }
    }

    /// The scope with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Scope> for &'static str {
    fn from(scope: Scope) -> Self {
        scope.name()
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::from_name(&name).ok_or_else(|| format!("unknown scope {name}"))
    }
}

/// The scopes of one key; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Every scope.
    pub fn all() -> Self {
        Self(Scope::ALL.into_iter().collect())
    }

    /// Reads a list of scope names. There must be at least one, and each must be known. A name that is given twice counts once.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, Invalid> {
        if names.is_empty() {
            return Err(Invalid::param(
                "scopes",
                ErrorCode::ScopesRequired,
                "scopes must name at least one scope",
            ));
        }
        let scopes: Result<_, _> = names.iter().map(|name| Self::parse_one(name.as_ref())).collect();
        scopes.map(Self)
    }

    /// Whether a key with these scopes may do what `needed` allows. Managing webhooks includes reading them, and
    /// reading webhooks includes reading the events that they are sent.
    pub fn allow(&self, needed: Scope) -> bool {
        let sufficient: &[Scope] = match needed {
            Scope::WebhooksRead => &[Scope::WebhooksRead, Scope::WebhooksManage],
            Scope::EventsRead => &[Scope::EventsRead, Scope::WebhooksRead, Scope::WebhooksManage],
            Scope::WebhooksManage => &[Scope::WebhooksManage],
            Scope::EventsPublish => &[Scope::EventsPublish],
            Scope::KeysManage => &[Scope::KeysManage],
        };
        sufficient.iter().any(|scope| self.0.contains(scope))
    }

    /// The first of these scopes that `granter` does not have, if there is one. A key cannot grant what it does not have.
    pub fn exceeding(&self, granter: &Scopes) -> Option<Scope> {
        self.0.iter().copied().find(|scope| !granter.allow(*scope))
    }

    /// The scopes, in the order of [`Scope::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Scope> {
        self.0.iter().copied()
    }

    fn parse_one(name: &str) -> Result<Scope, Invalid> {
        Scope::from_name(name).ok_or_else(|| {
            let known = Scope::ALL.map(Scope::name).join(", ");
            Invalid::param(
                "scopes",
                ErrorCode::ScopeUnknown,
                format!("Unknown scope \"{}\"; known are {known}", shown(name)),
            )
        })
    }
}

/// A caller's text, cut so that an error may quote it and stays a sentence.
fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scope_allows_what_the_table_says() {
        use Scope::{EventsPublish, EventsRead, KeysManage, WebhooksManage, WebhooksRead};
        let allowed = |held: Scope| {
            let scopes = Scopes::parse(&[held.name()]).unwrap();
            Scope::ALL.into_iter().filter(|needed| scopes.allow(*needed)).collect::<Vec<_>>()
        };
        assert_eq!(allowed(WebhooksRead), [WebhooksRead, EventsRead]);
        assert_eq!(allowed(WebhooksManage), [WebhooksRead, WebhooksManage, EventsRead]);
        assert_eq!(allowed(EventsRead), [EventsRead]);
        assert_eq!(allowed(EventsPublish), [EventsPublish]);
        assert_eq!(allowed(KeysManage), [KeysManage]);
    }

    #[test]
    fn a_key_cannot_grant_what_it_lacks() {
        let granter = Scopes::parse(&["platform:keys:manage", "platform:webhooks:manage"]).unwrap();
        let within = Scopes::parse(&["platform:webhooks:read"]).unwrap();
        assert_eq!(within.exceeding(&granter), None);
        assert_eq!(Scopes::all().exceeding(&granter), Some(Scope::EventsPublish));
    }

    #[test]
    fn unknown_and_missing_scopes_are_refused() {
        assert_eq!(Scopes::parse::<&str>(&[]).unwrap_err().code, "scopes_required");
        let unknown = Scopes::parse(&["platform:all"]).unwrap_err();
        assert_eq!((unknown.code.text(), unknown.param.as_deref()), ("scope_unknown", Some("scopes")));
    }
}
