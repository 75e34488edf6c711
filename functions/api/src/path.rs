//! Ids in paths.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use domain::ids::{EndpointId, EventId, KeyId, NotAnId};

use crate::error::ApiError;

/// The id in a route's `{id}`. What is no id of its kind is not found, like one that does not exist.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

/// What a path can name.
pub(crate) trait Named: Sized {
    /// What it is called in "No such …".
    const WHAT: &'static str;

    fn parse(text: &str) -> Result<Self, NotAnId>;
}

impl Named for EndpointId {
    const WHAT: &'static str = "webhook endpoint";

    fn parse(text: &str) -> Result<Self, NotAnId> {
        Self::parse(text)
    }
}

impl Named for EventId {
    const WHAT: &'static str = "event";

    fn parse(text: &str) -> Result<Self, NotAnId> {
        Self::parse(text)
    }
}

impl Named for KeyId {
    const WHAT: &'static str = "key";

    fn parse(text: &str) -> Result<Self, NotAnId> {
        Self::parse(text)
    }
}

impl<T: Named, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let not_found = || ApiError::NotFound(T::WHAT);
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        let id = parameters.iter().find_map(|(name, value)| (name == "id").then_some(value));
        id.and_then(|id| T::parse(id).ok()).map(Self).ok_or_else(not_found)
    }
}
