//! `POST /v1/events` and `POST /v1/events/batch`

use std::borrow::Cow;

use application::{
    Application, Error, PublishEvents as MayPublish,
    events::{MAX_BATCH, NewEvent, Published},
};
use axum::{Json, extract::State, http::StatusCode};
use domain::{ErrorCode, Invalid, Timestamp, ids::EventId, scope::Scope};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, Type, schema::OneOfBuilder},
};

use crate::{
    caller::Caller,
    documented::EVENTS,
    error::{ApiError, ErrorBody, Problem},
    request::{Body, Call, Field, Fields, PublishableType, RawData, ReadFields as _, Schemas, request},
    schema::{self, examples},
};

/// The largest body of one event: more than twice the largest `data`, because there may be white space in it.
const MAX_BYTES: usize = 512 * 1024;
/// The largest body of a batch. The gateway hands it over as a JSON string. In that string, each quote takes two bytes, and
/// JSON is full of quotes. A Lambda function may be handed 6 MB.
const MAX_BATCH_BYTES: usize = 3_000_000;

request! {
    /// A new event.
    #[examples(examples::publish_event)]
    pub(super) struct PublishEvent {
        event_type = "type": PublishableType,
        data: RawData,
        /// Whether it is live; by default as the publishing key, and never live for a test key.
        livemode: Option<bool>,
    }
}

request! {
    /// Several new events.
    #[examples(examples::publish_batch)]
    pub(super) struct PublishEvents {
        /// 1 to 100 events, each of which is published or refused on its own.
        events: Events,
    }
}

impl Call for PublishEvent {
    const MAX_BYTES: usize = MAX_BYTES;

    /// Only the type's schema says what `data` may have. It is kept to the letter.
    fn split(text: &str) -> Result<Fields, Invalid> {
        Fields::parse_outermost(text)
    }
}

impl Call for PublishEvents {
    const MAX_BYTES: usize = MAX_BATCH_BYTES;

    fn split(text: &str) -> Result<Fields, Invalid> {
        Fields::parse_outermost(text)
    }
}

impl From<PublishEvent> for NewEvent {
    fn from(event: PublishEvent) -> Self {
        let PublishEvent { event_type: PublishableType(event_type), data: RawData(data), livemode } = event;
        Self { event_type, data, livemode }
    }
}

/// The events of a batch, each as it was sent.
struct Events(Vec<Box<RawValue>>);

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Customers' data stays out of logs.
        write!(f, "Events({})", self.0.len())
    }
}

impl Field for Events {
    fn read(json: &RawValue, name: &str) -> Result<Self, Invalid> {
        let invalid = |code, message| Invalid::param(name.to_owned(), code, message);

        let events: Vec<Box<RawValue>> = serde_json::from_str(json.get())
            .map_err(|_| invalid(ErrorCode::FieldType, format!("{name} must be an array")))?;
        if (1..=MAX_BATCH).contains(&events.len()) {
            Ok(Self(events))
        } else {
            Err(invalid(ErrorCode::BatchSize, format!("{name} must have 1 to {MAX_BATCH} events")))
        }
    }

    fn schema() -> RefOr<Schema> {
        let items = Ref::from_schema_name(PublishEvent::name());
        ArrayBuilder::new().items(items).min_items(Some(1)).max_items(Some(MAX_BATCH)).into()
    }

    fn schemas(schemas: &mut Schemas) {
        schemas.push((PublishEvent::name().into(), PublishEvent::schema()));
        PublishEvent::schemas(schemas);
    }
}

/// Reads one event of a batch. An error in it is the result of this event alone.
fn read_event(json: &RawValue) -> Result<NewEvent, Error> {
    let fields = Fields::parse_outermost(json.get())?;
    Ok(PublishEvent::read_all(fields)?.into())
}

/// An event that will be delivered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublishedEvent, examples(examples::published))]
pub(super) struct PublishedView {
    #[schema(value_type = schema::EventId)]
    event_id: EventId,
    #[serde(rename = "type")]
    event_type: &'static str,
    /// Its type's first segment.
    service: &'static str,
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
}

impl From<Published> for PublishedView {
    fn from(published: Published) -> Self {
        Self {
            event_id: published.id,
            event_type: published.event_type,
            service: published.service(),
            created_at: published.created_at(),
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
        published: PublishedView,
    },
    Refused {
        status: u16,
        #[serde(flatten)]
        problem: Problem,
    },
}

/// What became of each event of a batch, in its order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(examples::batch_results))]
pub(super) struct BatchResults {
    #[schema(value_type = Vec<BatchResultSchema>)]
    results: Vec<BatchResult>,
}

impl From<Result<Published, Error>> for BatchResult {
    fn from(result: Result<Published, Error>) -> Self {
        match result {
            Ok(published) => {
                Self::Published { status: StatusCode::ACCEPTED.as_u16(), published: published.into() }
            }
            Err(error) => {
                let error = ApiError::from(error);
                Self::Refused { status: error.status().as_u16(), problem: error.problem() }
            }
        }
    }
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
    request_body = PublishEvent,
    responses(
        (status = ACCEPTED, description = "The event is accepted.", body = PublishedView),
        (
            status = FORBIDDEN,
            description = "The API key lacks the scope that the message names, or the event type is the platform's own.",
            body = ErrorBody,
        ),
    ),
    security(("bearer" = [Scope::EventsPublish])),
)]
pub(super) async fn publish(
    State(application): State<Application>,
    Caller(actor): Caller<MayPublish>,
    body: Body<PublishEvent>,
) -> Result<(StatusCode, Json<PublishedView>), ApiError> {
    let (event, request) = body.split();
    let published = application.publish(&actor, request.as_ref(), event.into()).await?;
    Ok((StatusCode::ACCEPTED, Json(published.into())))
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
    request_body = PublishEvents,
    responses(
        (status = ACCEPTED, description = "Each event's own result.", body = BatchResults),
    ),
    security(("bearer" = [Scope::EventsPublish])),
)]
pub(super) async fn publish_batch(
    State(application): State<Application>,
    Caller(actor): Caller<MayPublish>,
    body: Body<PublishEvents>,
) -> Result<(StatusCode, Json<BatchResults>), ApiError> {
    let (PublishEvents { events: Events(events) }, request) = body.split();
    let events = events.iter().map(|json| read_event(json)).collect();
    let results = application.publish_batch(&actor, request.as_ref(), events).await?;
    let results = results.into_iter().map(BatchResult::from).collect();
    Ok((StatusCode::ACCEPTED, Json(BatchResults { results })))
}

/// One event's result in a batch.
#[derive(Debug)]
enum BatchResultSchema {}

impl PartialSchema for BatchResultSchema {
    fn schema() -> RefOr<Schema> {
        let status = |description: &str| {
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .description(Some(description))
                .minimum(Some(100))
                .maximum(Some(599))
        };
        let published = schema::extended::<PublishedView>(
            "status",
            status("202: the event is published.").enum_values(Some([202])),
        );
        let refused = schema::extended::<Problem>(
            "status",
            status("What the event alone would have been answered with."),
        );

        OneOfBuilder::new()
            .item(published)
            .item(refused)
            .description(Some("The event as it was published, or why it was not."))
            .into()
    }
}

impl ToSchema for BatchResultSchema {
    fn name() -> Cow<'static, str> {
        "BatchResult".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        PublishedView::schemas(schemas);
        Problem::schemas(schemas);
    }
}
