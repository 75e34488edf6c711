//! `POST /v1/events` and `POST /v1/events/batch`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use domain::{
    Invalid, Timestamp, audience::Audience, event::Event, ids::EventId, key::KeyRecord, scope::Scope,
};
use runtime::metrics::{self, Metric};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use storage::Claim;
use utoipa::ToSchema;

use super::publication::{Publication, digest_of, object, required};
use crate::{
    Api,
    auth::{Authorized, Caller},
    body::JsonText,
    error::{ApiError, ErrorBody},
    openapi::{
        self, EVENTS, examples,
        parameters::Idempotency,
        requests::{PublishEvent, PublishEvents},
        values,
    },
};

/// The largest body of one event: `data` at its bound, twice over for white space around and in it.
const MAX_BYTES: usize = 512 * 1024;
/// The largest body of a batch. The gateway hands it on as a JSON string, in which quotes, of which JSON is full, take two
/// bytes each; and a Lambda may be handed 6 MB.
const MAX_BATCH_BYTES: usize = 3_000_000;
/// The most events of a batch.
const MAX_BATCH: usize = 100;
/// The longest idempotency key, in characters.
const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;

const KEY_REUSED: ApiError = ApiError::Conflict {
    code: "idempotency_key_reused",
    message: "This Idempotency-Key was used with another body within the last 24 hours",
};

/// An event that will be delivered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublishedEvent, examples(examples::published))]
pub(crate) struct Published {
    #[schema(value_type = values::EventId)]
    event_id: EventId,
    #[serde(rename = "type")]
    event_type: String,
    /// Its type's first segment.
    service: String,
    #[schema(value_type = values::Timestamp)]
    created_at: Timestamp,
}

impl From<&Event> for Published {
    fn from(event: &Event) -> Self {
        Self {
            event_id: event.id,
            event_type: event.event_type.clone(),
            service: event.service().to_owned(),
            created_at: event.created_at,
        }
    }
}

/// One event's result in a batch.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum BatchResult {
    Published {
        status: u16,
        #[serde(flatten)]
        published: Published,
    },
    Refused {
        status: u16,
        #[serde(flatten)]
        problem: crate::error::Problem,
    },
}

/// What became of each event of a batch, in its order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(examples::batch_results))]
pub(super) struct BatchResults {
    #[schema(value_type = Vec<openapi::BatchResult>)]
    results: Vec<BatchResult>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    events: Option<Box<RawValue>>,
}

/// An event ready for the bus, and the key that is to be noted once the bus has it.
struct Ready {
    event: Event,
    idempotency_key: Option<String>,
    /// False for what an earlier request with the same key has published.
    to_publish: bool,
}

/// Publish an event
///
/// Once this is answered, the event will be delivered to every webhook endpoint that subscribes to it, at least once.
/// What a test key publishes has `livemode: false`. `platform.*` types are the platform's own and cannot be published.
#[utoipa::path(
    post,
    path = "/v1/events",
    operation_id = "publishEvent",
    tag = EVENTS,
    params(Idempotency),
    request_body = PublishEvent,
    responses(
        (status = ACCEPTED, description = "The event is accepted.", body = Published),
        (
            status = FORBIDDEN,
            description = "The API key lacks the scope that the message names, or the event type is the platform's own.",
            body = ErrorBody,
        ),
        (status = CONFLICT, description = "The Idempotency-Key was used with another body.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::EventsPublish])),
)]
pub(super) async fn publish(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    JsonText(text): JsonText<MAX_BYTES>,
) -> Result<(StatusCode, Json<Published>), ApiError> {
    let Authorized { key, .. } = caller.require(Scope::EventsPublish)?;
    let idempotency_key = idempotency_key(&headers)?;
    let idempotency_key = idempotency_key.map(|key| format!("single/{key}"));
    let ready = prepare(&api, &key, &text, idempotency_key).await?;
    if ready.to_publish {
        api.bus.publish(&ready.event, Audience::Subscribers).await?;
        metrics::measure(api.clock.now(), &[(Metric::EventsPublished, 1)]);
        note_published(&api, &ready).await;
    }
    Ok((StatusCode::ACCEPTED, Json(Published::from(&ready.event))))
}

/// Publish several events
///
/// Up to 100 events, each with its own result: one that is refused does not keep the others from being published. With
/// an `Idempotency-Key`, a batch that is sent again makes no second events. Send what was refused, corrected and alone,
/// under another key. The body must be at most 3 MB.
#[utoipa::path(
    post,
    path = "/v1/events/batch",
    operation_id = "publishEvents",
    tag = EVENTS,
    params(Idempotency),
    request_body = PublishEvents,
    responses(
        (status = ACCEPTED, description = "Each event's own result.", body = BatchResults),
        (status = CONFLICT, description = "The Idempotency-Key was used with another body.", body = ErrorBody),
    ),
    security(("bearer" = [Scope::EventsPublish])),
)]
pub(super) async fn publish_batch(
    State(api): State<Api>,
    caller: Caller,
    headers: HeaderMap,
    JsonText(text): JsonText<MAX_BATCH_BYTES>,
) -> Result<(StatusCode, Json<BatchResults>), ApiError> {
    let Authorized { key, .. } = caller.require(Scope::EventsPublish)?;
    let idempotency_key = idempotency_key(&headers)?;
    let batch = parse_batch(&text)?;
    if let Some(idempotency_key) = &idempotency_key {
        claim_for_batch(&api, &key, idempotency_key, &batch).await?;
    }
    let mut prepared = Vec::with_capacity(batch.len());
    for (position, json) in batch.iter().enumerate() {
        // Each event's place in the batch is part of its key, so that a batch sent again makes no second events, and no
        // single event's key is ever the same.
        let idempotency_key = idempotency_key.as_ref().map(|key| format!("batch/{position}/{key}"));
        prepared.push(prepare(&api, &key, json.get(), idempotency_key).await);
    }
    let to_publish = prepared.iter().flatten().filter(|ready| ready.to_publish);
    let events: Vec<_> = to_publish.map(|ready| ready.event.clone()).collect();
    let mut outcomes = api.bus.publish_all(&events).await?.into_iter();
    let mut results = Vec::with_capacity(prepared.len());
    let mut published = 0;
    for prepared in prepared {
        results.push(match prepared {
            Err(error) => BatchResult::refused(&error),
            Ok(ready) if !ready.to_publish => BatchResult::published(&ready.event),
            Ok(ready) => match outcomes.next() {
                Some(Err(error)) => BatchResult::refused(&error.into()),
                _ => {
                    published += 1;
                    note_published(&api, &ready).await;
                    BatchResult::published(&ready.event)
                }
            },
        });
    }
    metrics::measure(api.clock.now(), &[(Metric::EventsPublished, published)]);
    Ok((StatusCode::ACCEPTED, Json(BatchResults { results })))
}

impl BatchResult {
    fn published(event: &Event) -> Self {
        Self::Published { status: StatusCode::ACCEPTED.as_u16(), published: event.into() }
    }

    fn refused(error: &ApiError) -> Self {
        Self::Refused { status: error.status().as_u16(), problem: error.problem() }
    }
}

/// Checks a publication and gives it its id, the one that its idempotency key stands for if it has one.
async fn prepare(
    api: &Api,
    key: &KeyRecord,
    json: &str,
    idempotency_key: Option<String>,
) -> Result<Ready, ApiError> {
    let publication = Publication::parse(json, key)?;
    let now = api.clock.now();
    let [draw] = runtime::random()?;
    let lane = api.log.lane(&publication.arrival(key, now, draw)).await?;
    let id = publication.id(now, lane, runtime::random()?);
    let Some(idempotency_key) = idempotency_key else {
        return Ok(Ready { event: publication.event(key, id), idempotency_key: None, to_publish: true });
    };
    let (key_digest, digest) = (digest_of_key(&idempotency_key), publication.digest());
    let (id, to_publish) = match api.log.claim_key(key.organization, &key_digest, id, &digest, now).await? {
        Claim::Fresh => (id, true),
        Claim::Taken(earlier) if earlier.digest != digest => return Err(KEY_REUSED),
        // If that request died before the bus had the event, this one publishes it: the same event, by its id.
        Claim::Taken(earlier) => (earlier.event, !earlier.published),
    };
    Ok(Ready { event: publication.event(key, id), idempotency_key: Some(key_digest), to_publish })
}

fn digest_of_key(idempotency_key: &str) -> String {
    hex::encode(Sha256::digest(idempotency_key))
}

/// Refuses a key that stands for another batch, before any event of this one is published.
async fn claim_for_batch(
    api: &Api,
    key: &KeyRecord,
    idempotency_key: &str,
    batch: &[Box<RawValue>],
) -> Result<(), ApiError> {
    let key_digest = digest_of_key(idempotency_key);
    let digest = digest_of(batch.iter().map(|event| event.get()));
    if api.log.claim_batch_key(key.organization, &key_digest, &digest, api.clock.now()).await? {
        Ok(())
    } else {
        Err(KEY_REUSED)
    }
}

/// Logs that the bus has the event, and spares a repeated request from publishing it again. The event is published: what
/// goes wrong here must not say otherwise.
async fn note_published(api: &Api, ready: &Ready) {
    let event = &ready.event;
    tracing::info!(event.id = %event.id, event.r#type = event.event_type, "event accepted");
    let Some(key_digest) = &ready.idempotency_key else { return };
    if let Err(error) = api.log.key_published(event.organization, key_digest, event.id).await {
        tracing::warn!(event.id = %event.id, %error, "a publication was not noted under its idempotency key");
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Invalid> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let refused = || {
        let message =
            format!("Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable ASCII characters");
        Invalid::param("Idempotency-Key", "idempotency_key_invalid", message)
    };
    let key = value.to_str().map_err(|_| refused())?;
    if (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&key.len()) {
        Ok(Some(key.to_owned()))
    } else {
        Err(refused())
    }
}

fn parse_batch(text: &str) -> Result<Vec<Box<RawValue>>, Invalid> {
    let batch: Batch = object(text, &["events"])?;
    let events: Vec<Box<RawValue>> = required("events", batch.events, "an array")?;
    if (1..=MAX_BATCH).contains(&events.len()) {
        Ok(events)
    } else {
        Err(Invalid::param("events", "batch_size", format!("events must have 1 to {MAX_BATCH} events")))
    }
}
