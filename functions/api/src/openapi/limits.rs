//! What a deployment chooses by its template parameters.

use application::Limits;
use utoipa::openapi::{OpenApi, RefOr, Schema};

/// Adds the deployment's defaults.
pub(super) fn add(document: &mut OpenApi, limits: &Limits) {
    let policy = limits.retry_policy;
    let defaults = [
        ("max_retries", policy.max_retries().to_string()),
        ("initial_delay_seconds", policy.initial_delay_seconds().to_string()),
        ("backoff_factor", policy.backoff_factor().to_string()),
        ("max_delay_seconds", policy.max_delay_seconds().to_string()),
    ];

    let components = document.components.get_or_insert_default();
    let Some(RefOr::T(Schema::Object(input))) = components.schemas.get_mut("RetryPolicyInput") else {
        return;
    };
    for (name, default) in defaults {
        if let Some(RefOr::T(Schema::Object(number))) = input.properties.get_mut(name) {
            let description = number.description.take().unwrap_or_default();
            number.description = Some(format!("{description} By default {default}."));
        }
    }
}
