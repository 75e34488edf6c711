//! Parameters of paths and queries.
#![expect(
    dead_code,
    reason = "they are read by hand; these structs describe them, and a test holds the two together"
)]

use utoipa::{IntoParams, PartialSchema, ToSchema, openapi::Components};

use super::values;

/// Adds the schemas that parameters refer to: unlike bodies, they do not bring theirs along.
pub(super) fn add_schemas(components: &mut Components) {
    fn add<T: ToSchema + PartialSchema>(components: &mut Components) {
        components.schemas.insert(T::name().into(), T::schema());
    }
    add::<values::Cursor>(components);
    add::<values::EndpointId>(components);
    add::<values::EventId>(components);
    add::<values::KeyId>(components);
    add::<values::ListedStatus>(components);
    add::<values::Moment>(components);
    add::<values::Order>(components);
    add::<values::Pattern>(components);
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EndpointPath {
    /// The webhook endpoint.
    #[param(value_type = values::EndpointId)]
    id: String,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct EventPath {
    /// The event.
    #[param(value_type = values::EventId)]
    id: String,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct KeyPath {
    /// The key.
    #[param(value_type = values::KeyId)]
    id: String,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// How many items the page has at most.
    #[param(minimum = 1, maximum = 200, default = 25)]
    limit: Option<u32>,
    /// Where the page before ended.
    #[param(value_type = Option<values::Cursor>)]
    cursor: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryFilter {
    /// Only deliveries that stand like this.
    #[param(value_type = Option<values::ListedStatus>)]
    status: Option<String>,
    /// Only deliveries of events created at or after this moment.
    #[param(value_type = Option<values::Moment>)]
    after: Option<String>,
    /// Only deliveries of events created before this moment.
    #[param(value_type = Option<values::Moment>)]
    before: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFilter {
    /// Only events of these types: `*`, `send.*`, `send.email.*` or one exact type, as in a subscription.
    #[param(value_type = Option<values::Pattern>)]
    r#type: Option<String>,
    /// Only events of this service, such as `send`.
    #[param(example = "send")]
    service: Option<String>,
    /// Only live events, or only test events.
    livemode: Option<bool>,
    /// `desc`: newest first. `asc`: oldest first.
    #[param(value_type = Option<values::Order>)]
    order: Option<String>,
    /// Only events created at or after this moment.
    #[param(value_type = Option<values::Moment>)]
    after: Option<String>,
    /// Only events created before this moment.
    #[param(value_type = Option<values::Moment>)]
    before: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct Idempotency {
    /// A text of your own that stands for this request. Within 24 hours, the same key with the same body gets the same
    /// answer and makes no second event; with another body it is refused.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[ -~]+$")]
    idempotency_key: Option<String>,
}
