//! Who asks, and whether they may.

use application::{Actor, Allowed, Application, Permission};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use domain::key::ApiKey;

use crate::error::ApiError;

/// A request's caller: the actor of the key that it presents. The actor's scopes allow what the route does.
#[derive(Debug)]
pub(crate) struct Caller<P>(pub(crate) Allowed<P>);

impl<P: Permission> FromRequestParts<Application> for Caller<P> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, application: &Application) -> Result<Self, ApiError> {
        let presented = presented(&parts.headers).ok_or(ApiError::Unauthorized)?;
        // Unknown, malformed and revoked keys all lead to the same single read, which finds nothing.
        let found = application.authenticate(&presented).await?;

        let actor: Actor = found.ok_or(ApiError::Unauthorized)?;
        Ok(Self(actor.allow()?))
    }
}

/// The key in `Authorization: Bearer`. Without that header, the key in `X-API-Key`.
fn presented(headers: &HeaderMap) -> Option<ApiKey> {
    let text = match headers.get(AUTHORIZATION) {
        Some(value) => {
            let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())?
        }
        None => headers.get("x-api-key")?.to_str().ok()?.trim(),
    };
    (!text.is_empty()).then(|| ApiKey::presented(text))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn hash_of(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<axum::http::HeaderName>().unwrap(), HeaderValue::from_static(value))
        });
        presented(&headers.collect()).map(|key| key.hash().as_str().to_owned())
    }

    #[test]
    fn both_headers_carry_a_key_and_authorization_counts_first() {
        let expected = Some(ApiKey::presented("dd_live_k").hash().as_str().to_owned());
        assert_eq!(hash_of(&[("authorization", "Bearer dd_live_k")]), expected);
        assert_eq!(hash_of(&[("authorization", "bearer  dd_live_k ")]), expected);
        assert_eq!(hash_of(&[("x-api-key", "dd_live_k")]), expected);
        assert_eq!(hash_of(&[("authorization", "Bearer dd_live_k"), ("x-api-key", "other")]), expected);
    }

    #[test]
    fn what_presents_no_key_is_told_apart_from_nothing() {
        for headers in [
            &[][..],
            &[("authorization", "Bearer ")],
            &[("authorization", "Bearer")],
            &[("authorization", "Basic ZGQ6ZGQ=")],
            &[("x-api-key", "")],
        ] {
            assert_eq!(hash_of(headers), None, "{headers:?}");
        }
    }
}
