//! `POST /v1/events/{id}/resend`

use application::{Application, ManageWebhooks, events::ResentEvent};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    ids::{EndpointId, EventId},
    scope::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    caller::Caller,
    documented::EVENTS,
    error::{ApiError, ErrorBody},
    path::Id,
    request::{Body, Call, EndpointReference, request},
    schema::{self, examples},
};

request! {
    /// To whom an event is sent again.
    #[examples(examples::nothing, examples::resend)]
    pub(super) struct ResendEvent {
        /// Only to this endpoint, which the event was sent to before, or whose patterns match its type now; by default to all that
        /// it was sent to.
        endpoint_id: Option<EndpointReference>,
    }
}

impl Call for ResendEvent {}

/// An event is being sent again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ResendStarted, examples(examples::resent))]
pub(super) struct Resent {
    success: bool,
    #[schema(value_type = schema::EventId)]
    event_id: EventId,
    /// To which endpoints: the one that was named, or those that it was sent to and that are not disabled.
    #[schema(value_type = Vec<schema::EndpointId>, min_items = 1)]
    endpoint_ids: Vec<EndpointId>,
    message: &'static str,
}

impl From<ResentEvent> for Resent {
    fn from(resent: ResentEvent) -> Self {
        Self {
            success: true,
            event_id: resent.event,
            endpoint_ids: resent.endpoints,
            message: "The event will be sent again shortly.",
        }
    }
}

/// Resend an event
///
/// Sends it again, with all its retries, to the endpoints that it matched, whatever became of it there. An endpoint that it
/// did not match, as one that was made later, can be named if its patterns match the event's type now; from then on it is
/// one of the event's. What is paused gets it once it is unpaused.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/resend",
    operation_id = "resendEvent",
    tag = EVENTS,
    params(Id<EventId>),
    request_body = Option<ResendEvent>,
    responses(
        (status = ACCEPTED, description = "The event is on its way again.", body = Resent),
        (
            status = CONFLICT,
            description = "The webhook endpoint that is named is disabled, or none of the event's is there and enabled.",
            body = ErrorBody,
        ),
    ),
    security(("bearer" = [Scope::WebhooksManage])),
)]
pub(super) async fn resend(
    State(application): State<Application>,
    Caller(actor): Caller<ManageWebhooks>,
    Id(id): Id<EventId>,
    body: Body<ResendEvent>,
) -> Result<(StatusCode, Json<Resent>), ApiError> {
    let (ResendEvent { endpoint_id }, request) = body.split();
    let only = endpoint_id.map(|EndpointReference(text)| text);
    let resent = application.resend(&actor, request.as_ref(), id, only).await?;
    Ok((StatusCode::ACCEPTED, Json(resent.into())))
}
