//! Reading what users choose for an endpoint, the same for its creation and its changes.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    Invalid,
    endpoint::{Description, TimeoutSeconds},
    format::Format,
    metadata::Metadata,
    pattern::Patterns,
    retry::RetryPolicy,
};
use egress::EndpointUrl;
use serde_json::{Map, Value};

use crate::{Api, body::Fields};

/// How long the host's addresses are waited for when a URL is saved.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(3);

/// A URL that may be sent to: by its text, and by the addresses that its host resolves to now.
pub(super) async fn url(api: &Api, text: &str) -> Result<String, Invalid> {
    let refused = |error: egress::UrlError| Invalid::param("url", error.code(), error.to_string());
    let url = EndpointUrl::parse(text, api.address_policy).map_err(refused)?;
    egress::vet(&url, &*api.resolver, RESOLVE_PATIENCE).await.map_err(refused)?;
    Ok(url.as_str().to_owned())
}

/// The patterns of the field named `param`.
pub(super) fn patterns(texts: &[String], param: &'static str) -> Result<Patterns, Invalid> {
    Patterns::parse(texts, param)
}

pub(super) fn description(fields: &mut Fields) -> Result<Option<Description>, Invalid> {
    fields.optional::<String>("description")?.map(|text| Description::parse(&text)).transpose()
}

pub(super) fn timeout(fields: &mut Fields) -> Result<Option<TimeoutSeconds>, Invalid> {
    fields.optional("timeout_seconds")?.map(TimeoutSeconds::new).transpose()
}

pub(super) fn format(fields: &mut Fields) -> Result<Option<&'static Format>, Invalid> {
    fields.optional::<String>("format")?.map(|name| Format::parse(&name)).transpose()
}

pub(super) fn metadata(fields: &mut Fields) -> Result<Option<Metadata>, Invalid> {
    fields.optional::<BTreeMap<String, String>>("metadata")?.map(Metadata::parse).transpose()
}

pub(super) fn retry_policy(fields: &mut Fields) -> Result<Option<PartialPolicy>, Invalid> {
    fields.optional("retry_policy")?.map(PartialPolicy::read).transpose()
}

/// A retry policy of which some of the numbers are given.
#[derive(Debug)]
pub(super) struct PartialPolicy {
    max_retries: Option<u32>,
    initial_delay_seconds: Option<u32>,
    backoff_factor: Option<f64>,
    max_delay_seconds: Option<u32>,
}

impl PartialPolicy {
    fn read(map: Map<String, Value>) -> Result<Self, Invalid> {
        let mut fields = Fields::nested(map, "retry_policy.");
        // What is out of `u32` is out of the policy's bounds too, which reports it.
        let mut whole = |name| {
            let number: Option<i64> = fields.optional(name)?;
            Ok::<_, Invalid>(number.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
        };
        let max_retries = whole("max_retries")?;
        let initial_delay_seconds = whole("initial_delay_seconds")?;
        let max_delay_seconds = whole("max_delay_seconds")?;
        let backoff_factor = fields.optional("backoff_factor")?;
        fields.finish()?;
        Ok(Self { max_retries, initial_delay_seconds, backoff_factor, max_delay_seconds })
    }

    /// The policy with the other numbers as they are in `base`.
    pub(super) fn over(&self, base: RetryPolicy) -> Result<RetryPolicy, Invalid> {
        RetryPolicy::new(
            self.max_retries.unwrap_or(base.max_retries()),
            self.initial_delay_seconds.unwrap_or(base.initial_delay_seconds()),
            self.backoff_factor.unwrap_or(base.backoff_factor()),
            self.max_delay_seconds.unwrap_or(base.max_delay_seconds()),
        )
    }
}
