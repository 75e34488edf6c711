//! Who asks, and what they may.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use domain::{ids::OrganizationId, key::ApiKey, key::KeyRecord, scope::Scope};

use crate::{Api, error::ApiError};

/// A request's key, looked up. What it may do is asked with [`Caller::require`].
#[derive(Debug)]
pub(crate) struct Caller(KeyRecord);

/// A caller whose key has the scope that the route asks for.
#[derive(Debug)]
pub(crate) struct Authorized {
    pub(crate) organization: OrganizationId,
    pub(crate) key: KeyRecord,
}

impl Caller {
    pub(crate) fn require(self, scope: Scope) -> Result<Authorized, ApiError> {
        if !self.0.scopes.allow(scope) {
            return Err(ApiError::Forbidden(scope));
        }
        Ok(Authorized { organization: self.0.organization, key: self.0 })
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let presented = presented(&parts.headers).ok_or(ApiError::Unauthorized)?;
        // Unknown, malformed and revoked keys all end in the same single read that finds nothing.
        let found = api.registry.find_key(&presented.hash()).await?;
        found.map(Self).ok_or(ApiError::Unauthorized)
    }
}

/// The key in `Authorization: Bearer` or, without that header, in `X-API-Key`.
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
