//! Schemas of single values. Bodies and parameters are made of them. Bounds are the domain's own constants.

pub(crate) mod examples;

use std::{fmt::Write, ops::RangeInclusive};

use domain::{
    Timestamp as DomainTimestamp,
    catalogue::Catalogue,
    delivery::Status,
    endpoint::{MAX_DESCRIPTION_CHARS, TimeoutSeconds as DomainTimeout},
    format::Format,
    key::MAX_NAME_CHARS,
    metadata::{MAX_KEY_CHARS, MAX_KEYS, MAX_VALUE_CHARS},
    retry::RetryPolicy as DomainPolicy,
    scope::Scope,
};
use egress::PostError;
use serde_json::{Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type,
        schema::{AdditionalProperties, AnyOfBuilder, Object, SchemaType},
    },
};

/// A text that people see, by the rules of [`domain::text`]: one line, no character that changes the direction of text, and at
/// least one character that can be seen. The pattern leaves out the few unseen characters beyond U+FFFF, because not every
/// reader of patterns can write them.
const SHOWN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*",
    r"[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e",
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8]",
    r"[^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$",
);

/// Declares schemas by the objects that describe them.
macro_rules! schemas {
    ($($(#[$doc:meta])* $name:ident => $schema:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) enum $name {}

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    $schema.into()
                }
            }

            impl ToSchema for $name {}
        )*
    };
}

schemas! {
    /// A webhook endpoint's id.
    EndpointId => id("A webhook endpoint's id.", "^whep_[0-9a-f]{32}$", "whep_018bcfe56800700180000000abc123de");
    /// An event's id.
    EventId => id(
        "An event's id: `evt_` and a UUIDv7. Receivers get it too and drop duplicates by it.",
        "^evt_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "evt_018bcfe5-6800-7001-8000-00000000002a",
    );
    /// A key's id.
    KeyId => id("A key's id; not the key itself.", "^key_[0-9a-f]{32}$", "key_018bcfe568007001800000000000002a");
    /// A moment in an answer.
    Timestamp => ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(0))
        .description(Some("Unix milliseconds."))
        .examples([json!(1_700_000_000_000_i64)]);
    /// A moment in a request.
    Moment => AnyOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([0])))
        .item(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(100_000_000_001_i64))
                .maximum(Some(DomainTimestamp::MAX.millis())),
        )
        .item(
            text("")
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .pattern(Some("^(19[7-9][0-9]|[2-9][0-9]{3})-")),
        )
        .description(Some(
            "Unix milliseconds or RFC 3339, from 1970 to the end of 9999. A number from 1 to 10^11 is plainly in seconds \
             and refused.",
        ));
    /// Where deliveries are sent.
    WebhookUrl => text(
        "HTTPS, without credentials, on a host whose addresses are all publicly reachable. This is checked when it is \
         saved and again at every delivery.",
    )
    .max_length(Some(egress::MAX_URL_CHARS))
    .pattern(Some("^[Hh][Tt][Tt][Pp][Ss]://"))
    .examples(["https://example.com/webhooks/dodev"]);
    /// What an endpoint subscribes to.
    Pattern => text(
        "`*` for all events, `send.*` for all of a service, `send.email.*` for all below that, or one exact type. A \
         pattern must cover at least one event type; see `GET /v1/event-types`.",
    )
    .enum_values(Some(patterns()))
    .examples(["send.email.*"]);
    /// An event type that a key may publish.
    PublishableType => text(
        "One type of the catalogue; see `GET /v1/event-types`. `platform.*` types are the platform's own and answer 403.",
    )
    .enum_values(Some(publishable_types()));
    /// How deliveries are wrapped and signed.
    FormatName => text(
        "How deliveries are wrapped and signed: as do.dev's own, as Devotel Orbit's, as EKDSend's, or after Standard \
         Webhooks.",
    )
    .enum_values(Some(Format::ALL.iter().map(|format| format.name)));
    /// What a key may do.
    ScopeName => text("What a key may do.").enum_values(Some(Scope::ALL.map(Scope::name)));
    /// Where a delivery stands.
    DeliveryStatus => text(
        "`pending`: queued. `retrying`: an attempt failed, the next one is at `next_attempt_at`. `delivered`: the \
         receiver took it. `failed`: its retries are used up, or its endpoint was disabled or deleted before. `held`: \
         its endpoint is failing or paused; it waits without losing a retry and goes out on recovery or unpausing.",
    )
    .enum_values(Some(Status::ALL.map(Status::name)));
    /// What an endpoint's deliveries can be listed by.
    ListedStatus => text(
        "Only these deliveries. What is `pending` is not among them, as it has no record yet: `GET /v1/events/{id}` shows it.",
    )
    .enum_values(Some(Status::RECORDED.map(Status::name)));
    /// Why an attempt failed.
    AttemptError => text(&attempt_errors()).enum_values(Some(PostError::ALL.iter().map(|error| error.code())));
    /// What a replay can be narrowed to.
    ReplayableStatus => text("Only these deliveries.")
        .enum_values(Some([Status::Failed, Status::Held].map(Status::name)));
    /// Which end of the log comes first.
    Order => text("`desc`: newest first. `asc`: oldest first.")
        .enum_values(Some(["desc", "asc"]))
        .default(Some(json!("desc")));
    /// A secret that a user brings.
    GivenSecret => text(
        "A secret of your own: 16 to 256 printable ASCII characters, not only spaces; for the format `standard`, \
         `whsec_` and the base64 of 24 to 64 bytes.",
    )
    .min_length(Some(16))
    .max_length(Some(256))
    .pattern(Some("^ *[!-~][ -~]*$"));
    /// A secret in the one answer that shows it.
    SigningSecret => text(
        "What deliveries are signed with. Shown this once: store it securely.",
    )
    .examples(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="]);
    /// What people wrote about an endpoint.
    Description => shown(
        "What it is for, in your words: one line, with something to see in it, and without characters that turn the \
         direction of text.",
    )
    .max_length(Some(MAX_DESCRIPTION_CHARS));
    /// A key's name.
    KeyName => shown(
        "What it is called among people: one line, with something to see in it, and without characters that turn the \
         direction of text.",
    )
    .max_length(Some(MAX_NAME_CHARS))
    .examples(["CI"]);
    /// When failed attempts are tried again.
    RetryPolicy => retry_policy();
    /// What users note on an endpoint.
    Metadata => metadata();
    /// An event's data.
    EventData => json_object(
        "What happened: a JSON object of at most 200 KiB that satisfies the JSON Schema of its type, which \
         `GET /v1/event-types` lists. Fields that the schema does not name may be added. It may be nested at most 60 \
         levels deep: itself the first, and each object or array in it one further. It reaches receivers to the letter: \
         key order, spelling of numbers and escapes are kept.",
    );
    /// Any JSON object.
    JsonObject => json_object("");
    /// A JSON Schema.
    JsonSchema => json_object("A JSON Schema, draft 2020-12.");
    /// A document such as this one.
    OpenApiDocument => json_object("An OpenAPI 3.1 document.");
    /// Where a list goes on.
    Cursor => text(
        "`next_cursor` of the page before. It is opaque, and bound to this list and its filters: another one is refused.",
    )
    .min_length(Some(1));
}

/// What each error code of an attempt means.
fn attempt_errors() -> String {
    let mut description = "Why no answer came, or none to its end.".to_owned();
    for error in PostError::ALL {
        let _ = write!(description, " `{}`: {error}.", error.code());
    }
    description
}

fn text(description: &str) -> ObjectBuilder {
    let description = (!description.is_empty()).then_some(description);
    ObjectBuilder::new().schema_type(Type::String).description(description)
}

/// A text that people see.
fn shown(description: &str) -> ObjectBuilder {
    text(description).min_length(Some(1)).pattern(Some(SHOWN))
}

fn id(description: &str, pattern: &str, example: &str) -> ObjectBuilder {
    text(description).pattern(Some(pattern)).examples([example])
}

fn json_object(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .description((!description.is_empty()).then_some(description))
}

fn metadata() -> ObjectBuilder {
    let names = shown("").max_length(Some(MAX_KEY_CHARS)).build();
    let values = shown("").max_length(Some(MAX_VALUE_CHARS)).build();
    json_object("Notes of your own: up to 50 strings by name, each a line with something to see in it.")
        .max_properties(Some(MAX_KEYS))
        .property_names(Some(Schema::Object(names)))
        .additional_properties(Some(Schema::Object(values)))
}

fn publishable_types() -> impl Iterator<Item = &'static str> {
    let types = Catalogue::get().iter().filter(|event_type| !event_type.is_reserved());
    types.map(domain::catalogue::EventType::name)
}

/// Every pattern that covers an event type: wildcards first.
fn patterns() -> Vec<String> {
    let mut wildcards = vec!["*".to_owned()];
    let mut names = Vec::new();
    for event_type in Catalogue::get().iter() {
        let name = event_type.name();
        for (dot, _) in name.match_indices('.') {
            let wildcard = format!("{}.*", &name[..dot]);
            if !wildcards.contains(&wildcard) {
                wildcards.push(wildcard);
            }
        }
        names.push(name.to_owned());
    }
    wildcards.extend(names);
    wildcards
}

/// The retry policy of an answer.
fn retry_policy() -> ObjectBuilder {
    let number = |kind, format, bounds: fn(&mut Object), description: &str| {
        let mut number = ObjectBuilder::new().schema_type(kind).format(Some(format)).build();
        number.description = Some(description.into());
        bounds(&mut number);
        number
    };
    let whole = |bounds, description| number(Type::Integer, int32(), bounds, description);

    let names = ["max_retries", "initial_delay_seconds", "backoff_factor", "max_delay_seconds"];
    let numbers = [
        whole(|it| within(&DomainPolicy::MAX_RETRIES)(it), "How many retries follow the first attempt."),
        whole(
            |it| within(&DomainPolicy::INITIAL_DELAY_SECONDS)(it),
            "The wait before the first retry, in seconds.",
        ),
        number(
            Type::Number,
            double(),
            |it| within(&DomainPolicy::BACKOFF_FACTOR)(it),
            "What each further wait is multiplied by.",
        ),
        whole(|it| within(&DomainPolicy::MAX_DELAY_SECONDS)(it), "The longest wait, in seconds."),
    ];
    let described = ObjectBuilder::new().schema_type(Type::Object).description(Some(
        "When failed attempts are tried again: the n-th retry waits `initial_delay_seconds` × `backoff_factor`^(n−1), at most \
         `max_delay_seconds`, ±10 %.",
    ));
    names
        .into_iter()
        .zip(numbers)
        .fold(described, |object, (name, number)| object.property(name, number).required(name))
}

/// How long one attempt may take.
pub(crate) fn timeout_seconds() -> ObjectBuilder {
    let number = ObjectBuilder::new().schema_type(Type::Integer).format(Some(int32()));
    number.minimum(Some(DomainTimeout::MIN.get())).maximum(Some(DomainTimeout::MAX.get()))
}

/// The same in an answer.
pub(crate) fn answered_timeout_seconds() -> ObjectBuilder {
    timeout_seconds().description(Some("How long one attempt may take, in seconds."))
}

/// Adds the bounds of a number to its schema.
pub(crate) fn within<T: Copy + Into<utoipa::Number>>(bounds: &RangeInclusive<T>) -> impl Fn(&mut Object) {
    let (least, most) = (*bounds.start(), *bounds.end());
    move |object| {
        object.minimum = Some(least.into());
        object.maximum = Some(most.into());
    }
}

pub(crate) fn int32() -> SchemaFormat {
    SchemaFormat::KnownFormat(KnownFormat::Int32)
}

pub(crate) fn int64() -> SchemaFormat {
    SchemaFormat::KnownFormat(KnownFormat::Int64)
}

pub(crate) fn double() -> SchemaFormat {
    SchemaFormat::KnownFormat(KnownFormat::Double)
}

/// A reference to a schema that the document has under its name.
pub(crate) fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

/// The schema of `T`, an object, with one more property.
pub(crate) fn extended<T: ToSchema>(name: &str, property: ObjectBuilder) -> ObjectBuilder {
    let mut object = match T::schema() {
        RefOr::T(Schema::Object(object)) => object,
        _ => Object::with_type(SchemaType::AnyValue),
    };
    // They are examples of what lacks the property.
    object.examples.clear();
    ObjectBuilder::from(object).property(name, property).required(name)
}

/// One event type of the catalogue.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "says how the catalogue's type looks in answers")]
pub(crate) struct EventType {
    /// Its name.
    #[schema(example = "send.email.sent")]
    r#type: String,
    /// The service that publishes it: the first segment of its name.
    #[schema(example = "send")]
    service: String,
    /// What happened.
    #[schema(example = "Email accepted for delivery")]
    description: String,
    /// `follows_key`: true for what a live key publishes. `always_false`: never live.
    #[schema(value_type = LivemodeRule)]
    livemode: domain::catalogue::LivemodeRule,
    /// A plausible `data`.
    #[schema(value_type = EventData)]
    example: Value,
    /// What `data` must satisfy.
    #[schema(value_type = JsonSchema)]
    schema: Value,
}

/// How an event comes by its `livemode`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "says how the catalogue's type looks in answers")]
pub(crate) enum LivemodeRule {
    FollowsKey,
    AlwaysFalse,
}
