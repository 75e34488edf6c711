//! One signed POST.

use domain::{
    attempt::{Attempt, Outcome},
    event::Event,
    format::{Rendered, SigningSecrets},
};
use egress::{Bytes, EndpointUrl, HeaderMap, HeaderName, HeaderValue, PostError, PostOutcome, PostResult};
use storage::EndpointRecord;

use crate::{Deliver, Problem};

/// An attempt and what its answer asked for.
pub(crate) struct Attempted {
    pub(crate) attempt: Attempt,
    /// The answer's `Retry-After`.
    pub(crate) retry_after: Option<String>,
}

/// Signs the event for this moment and POSTs it.
pub(crate) async fn attempt(
    deliver: &Deliver,
    target: &EndpointRecord,
    event: &Event,
    number: u32,
) -> Result<Attempted, Problem> {
    let settings = &target.endpoint.settings;
    let secrets = open_secrets(deliver, target).await?;
    let at = deliver.clock.now();
    let Rendered { body, headers } = settings.format.render(event, &secrets, at);
    let posted = match EndpointUrl::parse(&settings.url, deliver.address_policy) {
        Ok(url) => {
            let timeout = settings.timeout.duration();
            let posting = deliver.client.post(&url, header_map(headers), Bytes::from(body), timeout);
            deliver.outcome_of(&target.endpoint, posting).await
        }
        // Saved under rules that have been tightened since.
        Err(_) => refused(),
    };
    let attempt = Attempt {
        number,
        at,
        outcome: match posted.result {
            PostResult::Answered(status) => Outcome::Status(status),
            PostResult::Truncated { status, error } => {
                Outcome::Truncated { status, error: error.code().to_owned() }
            }
            PostResult::Failed(error) => Outcome::Error(error.code().to_owned()),
        },
        duration_ms: u64::try_from(posted.duration.as_millis()).unwrap_or(u64::MAX),
        address: posted.address,
        answer: Some(posted.body_excerpt).filter(|answer| !answer.is_empty()),
    };
    Ok(Attempted { attempt, retry_after: posted.retry_after })
}

fn refused() -> PostOutcome {
    PostOutcome {
        result: PostResult::Failed(PostError::RefusedAddress),
        duration: std::time::Duration::ZERO,
        address: None,
        retry_after: None,
        body_excerpt: String::new(),
    }
}

async fn open_secrets(deliver: &Deliver, target: &EndpointRecord) -> Result<SigningSecrets, Problem> {
    let (organization, endpoint) = (target.endpoint.organization, target.endpoint.id);
    let current = deliver.vault.open(organization, endpoint, &target.secrets.current).await?;
    let previous = match target.secrets.previous_at(deliver.clock.now()) {
        Some(sealed) => Some(deliver.vault.open(organization, endpoint, sealed).await?),
        None => None,
    };
    Ok(SigningSecrets { current, previous })
}

fn header_map(signature: Vec<(&'static str, String)>) -> HeaderMap {
    let common =
        [("Content-Type", "application/json".to_owned()), ("User-Agent", "DoDevWebhook/1.0".to_owned())];
    let headers = common.into_iter().chain(signature);
    // Names are the formats' own and values hex, base64, ids and digits: none is ever left out here.
    headers
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(&value).ok()?))
        })
        .collect()
}
