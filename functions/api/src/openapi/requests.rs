//! Request bodies.
//!
//! Handlers read them field by field, so that each problem is reported in its own words; these structs describe what
//! they read. A test sends every field named here and one that is not, and values at and beyond every bound.
#![expect(dead_code, reason = "they describe what handlers read by hand")]

use utoipa::ToSchema;

use super::{examples, values};

/// A new webhook endpoint.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::create_webhook, examples::create_webhook_in_full))]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateWebhook {
    /// Where events are delivered.
    #[schema(value_type = values::WebhookUrl)]
    url: String,
    /// What is delivered: 1 to 100 patterns. One given twice counts once.
    #[schema(value_type = Vec<values::Pattern>, min_items = 1, max_items = 100)]
    enabled_events: Vec<String>,
    /// What it is for, in your words: one line of at most 500 characters.
    #[schema(value_type = Option<values::Description>)]
    description: Option<String>,
    /// A secret of your own. One is made if you give none.
    #[schema(value_type = Option<values::GivenSecret>)]
    secret: Option<String>,
    /// Whether it is sent to from now on.
    #[schema(default = true)]
    is_active: Option<bool>,
    /// How long one attempt may take, in seconds: connecting, headers and body together.
    #[schema(minimum = 1, maximum = 30, default = 10)]
    timeout_seconds: Option<u8>,
    /// When failed attempts are tried again.
    retry_policy: Option<RetryPolicyChoice>,
    /// How its deliveries are wrapped and signed.
    #[schema(value_type = Option<values::FormatName>, default = "dodev")]
    format: Option<String>,
    /// Notes of your own: up to 50 strings by name; names of 1 to 40, values of 1 to 500 characters.
    #[schema(value_type = Option<values::Metadata>)]
    metadata: Option<String>,
}

/// Changes of a webhook endpoint: only the fields given change.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::update_webhook))]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateWebhook {
    /// Where events are delivered from now on, retries included.
    #[schema(value_type = Option<values::WebhookUrl>, nullable = false)]
    url: Option<String>,
    /// What is delivered: 1 to 100 patterns, which replace those before.
    #[schema(value_type = Option<Vec<values::Pattern>>, min_items = 1, max_items = 100, nullable = false)]
    enabled_events: Option<Vec<String>>,
    /// What it is for; null removes it.
    #[schema(value_type = Option<values::Description>)]
    description: Option<String>,
    /// Whether it is sent to. While it is false, nothing is sent or kept for it.
    #[schema(nullable = false)]
    is_active: Option<bool>,
    /// How long one attempt may take, in seconds; null for the default of 10.
    #[schema(minimum = 1, maximum = 30)]
    timeout_seconds: Option<u8>,
    /// The numbers given change; null for the default policy.
    retry_policy: Option<RetryPolicyChoice>,
    /// How its deliveries are wrapped and signed. `standard` needs a secret in its form: rotate it first where it is not.
    #[schema(value_type = Option<values::FormatName>, nullable = false)]
    format: Option<String>,
    /// Notes of your own, which replace those before; null removes them.
    #[schema(value_type = Option<values::Metadata>)]
    metadata: Option<String>,
}

/// When failed attempts are tried again. Numbers that are not given are the default's at creation and stay as they are
/// in a change.
#[derive(Debug, ToSchema)]
#[schema(as = RetryPolicyInput)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryPolicyChoice {
    /// How many retries follow the first attempt. By default 5.
    #[schema(minimum = 0, maximum = 5)]
    max_retries: Option<u32>,
    /// The wait before the first retry, in seconds. By default 60.
    #[schema(minimum = 1, maximum = 3600)]
    initial_delay_seconds: Option<u32>,
    /// What each further wait is multiplied by. By default 5.
    #[schema(minimum = 1, maximum = 10)]
    backoff_factor: Option<f64>,
    /// The longest wait, in seconds. By default 43,200, which is 12 hours.
    #[schema(minimum = 1, maximum = 43200)]
    max_delay_seconds: Option<u32>,
}

/// Nothing: the call takes no fields.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::nothing))]
#[serde(deny_unknown_fields)]
pub(crate) struct NoFields {}

/// What happens to what was held.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::nothing, examples::unpause_without_replay))]
#[serde(deny_unknown_fields)]
pub(crate) struct UnpauseWebhook {
    /// Whether what was held is sent now. If not, it stays held until it is replayed, or until the endpoint is
    /// unpaused once more with a replay.
    #[schema(default = true)]
    replay: Option<bool>,
}

/// How a secret is rotated.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::nothing, examples::rotate_secret))]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateSecret {
    /// How long the old secret signs beside the new one, in seconds: up to 7 days; 0 ends it at once.
    #[schema(minimum = 0, maximum = 604_800, default = 86_400)]
    grace_seconds: Option<i64>,
    /// A secret of your own. One is made if you give none.
    #[schema(value_type = Option<values::GivenSecret>)]
    secret: Option<String>,
}

/// Which deliveries are sent again.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::replay))]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayDeliveries {
    /// Deliveries of events created at or after this moment, which is before `before`.
    #[schema(value_type = values::Moment)]
    after: String,
    /// And before this one; by default now.
    #[schema(value_type = Option<values::Moment>)]
    before: Option<String>,
    /// Only those that stand like this; by default both.
    #[schema(value_type = Option<values::ReplayableStatus>)]
    status: Option<String>,
}

/// A new key.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::create_key))]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateKey {
    /// What it is called; 1 to 128 characters.
    #[schema(value_type = values::KeyName)]
    name: String,
    /// What it may do: at least one scope, and only what the calling key may do itself.
    #[schema(value_type = Vec<values::ScopeName>, min_items = 1)]
    scopes: Vec<String>,
    /// Whether the events that it publishes are live; by default as the calling key. A test key cannot create a live one.
    livemode: Option<bool>,
}

/// A new event.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::publish_event))]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishEvent {
    #[schema(value_type = values::PublishableType)]
    r#type: String,
    #[schema(value_type = values::EventData)]
    data: String,
    /// Whether it is live; by default as the publishing key, and never live for a test key.
    livemode: Option<bool>,
}

/// Several new events.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::publish_batch))]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishEvents {
    /// 1 to 100 events, each of which is published or refused on its own.
    #[schema(value_type = Vec<PublishEvent>, min_items = 1, max_items = 100)]
    events: Vec<String>,
}

/// To whom an event is sent again.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::nothing, examples::resend))]
#[serde(deny_unknown_fields)]
pub(crate) struct ResendEvent {
    /// Only to this endpoint, which the event was sent to before, or whose patterns match its type now; by default to all that
    /// it was sent to.
    #[schema(value_type = Option<values::EndpointId>)]
    endpoint_id: Option<String>,
}

/// A new webhook endpoint in Orbit's names.
#[derive(Debug, ToSchema)]
#[schema(examples(examples::orbit_register))]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterOrbitWebhook {
    /// Where events are delivered.
    #[schema(value_type = values::WebhookUrl)]
    url: String,
    /// What is delivered: 1 to 100 event types or patterns.
    #[schema(value_type = Vec<values::Pattern>, min_items = 1, max_items = 100)]
    events: Vec<String>,
    /// A secret of your own: 16 to 256 printable ASCII characters. One is made if you give none.
    #[schema(value_type = Option<values::GivenSecret>)]
    secret: Option<String>,
    /// Whether it is sent to from now on.
    #[schema(default = true)]
    active: Option<bool>,
    /// What it is for, in your words: one line of at most 500 characters.
    #[schema(value_type = Option<values::Description>)]
    description: Option<String>,
    /// How long one attempt may take, in seconds.
    #[schema(minimum = 1, maximum = 30, default = 30)]
    timeout_seconds: Option<u8>,
    /// When failed attempts are tried again.
    retry_policy: Option<RetryPolicyChoice>,
}
