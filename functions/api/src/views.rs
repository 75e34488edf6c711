//! What callers see of endpoints, events and deliveries.

use std::net::IpAddr;

use application::{Page, endpoints::CreatedEndpoint, events::RoutedEvent};
use domain::{
    Timestamp,
    attempt::Attempt,
    delivery::{Delivery, Status},
    endpoint::Endpoint,
    event::Event,
    event_data::EventData,
    format::Format,
    ids::{EndpointId, EventId},
    metadata::Metadata,
    pattern::Patterns,
    retry::RetryPolicy,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schema::{self, examples};

/// A webhook endpoint; never with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint, examples(examples::endpoint))]
pub(crate) struct EndpointView {
    #[schema(value_type = schema::EndpointId)]
    pub(crate) id: EndpointId,
    /// Where events are delivered.
    url: String,
    /// What it is for, in its owner's words.
    #[schema(required)]
    description: Option<String>,
    /// What is delivered.
    #[schema(value_type = Vec<String>)]
    enabled_events: Patterns,
    /// False when it was disabled by its owner or because its receiver answered 410 Gone: nothing is sent or kept for it.
    is_active: bool,
    /// True after 10 failed attempts in a row, or when a person paused it: everything is held until it is unpaused.
    is_paused: bool,
    /// Failed attempts since the last success.
    #[schema(minimum = 0)]
    consecutive_failures: u32,
    /// When an attempt last ended, to within a minute while all is well; null before the first.
    #[schema(value_type = Option<schema::Timestamp>, required)]
    last_delivery_at: Option<Timestamp>,
    /// The HTTP status of that attempt; null where no answer came.
    #[schema(required, minimum = 100, maximum = 999)]
    last_delivery_status: Option<u16>,
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
    #[schema(schema_with = schema::answered_timeout_seconds)]
    timeout_seconds: u8,
    #[schema(value_type = schema::RetryPolicy)]
    retry_policy: RetryPolicy,
    #[schema(value_type = schema::FormatName)]
    format: &'static Format,
    #[schema(value_type = schema::Metadata)]
    metadata: Metadata,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        let Endpoint { id, settings, is_paused, health, created_at, .. } = endpoint;
        Self {
            id,
            url: settings.url,
            description: settings.description.map(|description| description.as_str().to_owned()),
            enabled_events: settings.enabled_events,
            is_active: settings.is_active,
            is_paused,
            consecutive_failures: health.consecutive_failures,
            last_delivery_at: health.last_delivery_at,
            last_delivery_status: health.last_delivery_status,
            created_at,
            timeout_seconds: settings.timeout.get(),
            retry_policy: settings.retry_policy,
            format: settings.format,
            metadata: settings.metadata,
        }
    }
}

/// An endpoint that was just created: the seed's fields in the seed's order, its secret this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(
    as = CreatedWebhookEndpoint,
    description = "A new webhook endpoint, with its secret this once.",
    examples(examples::created_endpoint),
)]
pub(crate) struct CreatedEndpointView {
    #[schema(value_type = schema::EndpointId)]
    id: EndpointId,
    url: String,
    #[schema(value_type = Vec<String>)]
    enabled_events: Patterns,
    #[schema(required)]
    description: Option<String>,
    #[schema(value_type = schema::SigningSecret)]
    signing_secret: String,
    is_active: bool,
    message: &'static str,
    is_paused: bool,
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
    #[schema(schema_with = schema::answered_timeout_seconds)]
    timeout_seconds: u8,
    #[schema(value_type = schema::RetryPolicy)]
    retry_policy: RetryPolicy,
    #[schema(value_type = schema::FormatName)]
    format: &'static Format,
    #[schema(value_type = schema::Metadata)]
    metadata: Metadata,
}

impl From<CreatedEndpoint> for CreatedEndpointView {
    fn from(created: CreatedEndpoint) -> Self {
        let CreatedEndpoint { endpoint, secret } = created;
        let EndpointView {
            id,
            url,
            description,
            enabled_events,
            is_active,
            is_paused,
            created_at,
            timeout_seconds,
            retry_policy,
            format,
            metadata,
            ..
        } = endpoint.into();

        Self {
            id,
            url,
            enabled_events,
            description,
            signing_secret: secret.reveal().to_owned(),
            is_active,
            message: "Webhook endpoint created. Save the signing_secret - it will not be shown again.",
            is_paused,
            created_at,
            timeout_seconds,
            retry_policy,
            format,
            metadata,
        }
    }
}

/// An event as receivers get it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Event, examples(examples::event))]
pub(crate) struct EventView {
    #[schema(value_type = schema::EventId)]
    event_id: EventId,
    #[serde(rename = "type")]
    event_type: String,
    /// The service that published it: its type's first segment.
    service: String,
    /// What happened, to the letter as it was published.
    #[schema(value_type = schema::JsonObject)]
    data: EventData,
    /// False for what a test key published and for tests.
    livemode: bool,
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            event_id: event.id,
            service: event.service().to_owned(),
            event_type: event.event_type,
            data: event.data,
            livemode: event.livemode,
            created_at: event.created_at,
        }
    }
}

/// An event and what became of it: one delivery for each endpoint that it was sent to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventWithDeliveries, examples(examples::routed_event))]
pub(crate) struct RoutedEventView {
    #[schema(value_type = schema::EventId)]
    event_id: EventId,
    #[serde(rename = "type")]
    event_type: String,
    /// The service that published it: its type's first segment.
    service: String,
    /// What happened, to the letter as it was published.
    #[schema(value_type = schema::JsonObject)]
    data: EventData,
    /// False for what a test key published and for tests.
    livemode: bool,
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
    /// One for each endpoint that it matched or was sent to later on request.
    deliveries: Vec<DeliveryView>,
    /// Endpoints that subscribed to it but were disabled: nothing was sent or kept for them.
    #[serde(rename = "disabled_endpoints")]
    #[schema(value_type = Vec<schema::EndpointId>)]
    disabled: Vec<EndpointId>,
}

impl From<RoutedEvent> for RoutedEventView {
    fn from(routed: RoutedEvent) -> Self {
        let RoutedEvent { event, deliveries, disabled } = routed;

        // The fields are repeated here, because a flattened view would parse `data` and write it anew.
        let EventView { event_id, event_type, service, data, livemode, created_at } = event.into();
        let deliveries = deliveries.into_iter().map(DeliveryView::from).collect();
        Self { event_id, event_type, service, data, livemode, created_at, deliveries, disabled }
    }
}

/// What became of one event at one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery, examples(examples::delivery))]
pub(crate) struct DeliveryView {
    #[schema(value_type = schema::EventId)]
    event_id: EventId,
    #[schema(value_type = schema::EndpointId)]
    endpoint_id: EndpointId,
    /// The event's type.
    #[serde(rename = "type")]
    event_type: String,
    #[schema(value_type = schema::DeliveryStatus)]
    status: Status,
    /// When it is tried again; null where nothing more is planned.
    #[schema(value_type = Option<schema::Timestamp>, required)]
    next_attempt_at: Option<Timestamp>,
    /// The attempts made, oldest first.
    attempts: Vec<AttemptView>,
    #[schema(value_type = schema::Timestamp)]
    updated_at: Timestamp,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            event_id: delivery.event,
            endpoint_id: delivery.endpoint,
            event_type: delivery.event_type,
            status: delivery.status,
            next_attempt_at: delivery.next_attempt_at,
            attempts: delivery.attempts.into_iter().map(AttemptView::from).collect(),
            updated_at: delivery.updated_at,
        }
    }
}

/// One attempt of a delivery: with a status code, an error code, or both if an answer began and broke off.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptView {
    /// 1 for the first.
    #[schema(minimum = 1)]
    number: u32,
    /// When it began.
    #[schema(value_type = schema::Timestamp)]
    at: Timestamp,
    /// The receiver's HTTP status; null where no answer came.
    #[schema(required, minimum = 100, maximum = 999)]
    status_code: Option<u16>,
    /// Null where a whole answer came.
    #[schema(value_type = Option<schema::AttemptError>, required)]
    error_code: Option<String>,
    /// From its beginning to its outcome, in milliseconds.
    #[schema(minimum = 0)]
    duration_ms: u64,
    /// The IP address that was connected to; null where none was.
    #[schema(value_type = Option<String>, required)]
    address: Option<IpAddr>,
    /// The first KiB of the answer's body.
    #[schema(required)]
    response_body: Option<String>,
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            number: attempt.number,
            at: attempt.at,
            status_code: attempt.outcome.status(),
            error_code: attempt.outcome.error().map(str::to_owned),
            duration_ms: attempt.duration_ms,
            address: attempt.address,
            response_body: attempt.answer,
        }
    }
}

/// What every list ends with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PageEnd {
    /// What to ask the next page with, as `cursor`; null at the end.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
    /// Whether there is a next page.
    pub(crate) has_more: bool,
}

/// Converts the items of a page to their views, and says how the list goes on.
pub(crate) fn listed<T, V: From<T>>(page: Page<T>) -> (Vec<V>, PageEnd) {
    let Page { items, next_cursor } = page;
    (items.into_iter().map(V::from).collect(), PageEnd { has_more: next_cursor.is_some(), next_cursor })
}
