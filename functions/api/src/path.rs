//! Ids in paths.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use domain::ids::{EndpointId, EventId, KeyId};
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        Ref, Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::{error::ApiError, schema};

/// The id in a route's `{id}`. A text that is no id of its kind answers 404, like an id that does not exist.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

/// A kind of id that a path can have.
pub(crate) trait Named: Sized {
    /// What it is called in "No such …".
    const WHAT: &'static str;
    /// What the document says of the parameter.
    const DESCRIPTION: &'static str;
    /// Its schema.
    type Schema: ToSchema;

    fn parse(text: &str) -> Option<Self>;
}

impl Named for EndpointId {
    const WHAT: &'static str = "webhook endpoint";
    const DESCRIPTION: &'static str = "The webhook endpoint.";
    type Schema = schema::EndpointId;

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Named for EventId {
    const WHAT: &'static str = "event";
    const DESCRIPTION: &'static str = "The event.";
    type Schema = schema::EventId;

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Named for KeyId {
    const WHAT: &'static str = "key";
    const DESCRIPTION: &'static str = "The key.";
    type Schema = schema::KeyId;

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl<T: Named, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let not_found = || application::Error::NotFound(T::WHAT).into();

        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| not_found())?;
        let id = parameters.iter().find_map(|(name, value)| (name == "id").then_some(value));
        id.and_then(T::parse).map(Self).ok_or_else(not_found)
    }
}

impl<T: Named> IntoParams for Id<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = ParameterBuilder::new()
            .name("id")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some(T::DESCRIPTION))
            .schema(Some(Ref::from_schema_name(T::Schema::name())));
        vec![parameter.build()]
    }
}
