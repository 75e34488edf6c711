//! `/v1/keys`

use application::{Application, ManageKeys, keys::CreatedKey as NewlyCreated, keys::NewKey};
use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Timestamp,
    ids::KeyId,
    key::{KeyName, KeyRecord},
    scope::{Scope, Scopes},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    caller::Caller,
    documented::{KEYS, Routes},
    error::ApiError,
    path::Id,
    query::Listing,
    request::{Body, Call, request},
    schema::{self, examples},
    views::{PageEnd, listed},
};

pub(super) fn routes() -> Routes {
    Routes::new().with(routes!(list, create)).with(routes!(revoke))
}

request! {
    /// A new key.
    #[examples(examples::create_key)]
    struct CreateKey {
        /// What it is called; 1 to 128 characters.
        name: KeyName,
        /// What it may do: at least one scope, and only what the calling key may do itself.
        scopes: Scopes,
        /// Whether the events that it publishes are live; by default as the calling key. A test key cannot create a live one.
        livemode: Option<bool>,
    }
}

impl Call for CreateKey {}

/// An API key as it is known once its text is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyView {
    #[schema(value_type = schema::KeyId)]
    id: KeyId,
    #[schema(value_type = schema::KeyName)]
    name: KeyName,
    /// What it may do.
    #[schema(value_type = Vec<schema::ScopeName>)]
    scopes: Scopes,
    /// Whether the events that it publishes are live.
    livemode: bool,
    #[schema(value_type = schema::Timestamp)]
    created_at: Timestamp,
}

/// A new API key, with its text this once.
#[derive(Serialize, ToSchema)]
#[schema(examples(examples::created_key))]
struct CreatedKey {
    #[serde(flatten)]
    view: KeyView,
    /// The key itself: shown this once.
    key: String,
    message: &'static str,
}

/// A page of API keys.
#[derive(Serialize, ToSchema)]
#[schema(examples(examples::keys))]
struct KeyList {
    keys: Vec<KeyView>,
    #[serde(flatten)]
    end: PageEnd,
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        let KeyRecord { id, name, scopes, livemode, created_at, .. } = record;
        Self { id, name, scopes, livemode, created_at }
    }
}

impl From<NewlyCreated> for CreatedKey {
    fn from(created: NewlyCreated) -> Self {
        Self {
            view: created.record.into(),
            key: created.key.reveal().to_owned(),
            message: "Key created. Save it - it will not be shown again.",
        }
    }
}

/// Create an API key
///
/// The key is in the answer this once. It can be granted only scopes that the calling key allows, and a test key can
/// create only test keys. Emits `platform.key.created`.
#[utoipa::path(
    post,
    path = "/v1/keys",
    operation_id = "createKey",
    tag = KEYS,
    request_body = CreateKey,
    responses((status = CREATED, description = "The key, with its text this once.", body = CreatedKey)),
    security(("bearer" = [Scope::KeysManage])),
)]
async fn create(
    State(application): State<Application>,
    Caller(actor): Caller<ManageKeys>,
    body: Body<CreateKey>,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    let (CreateKey { name, scopes, livemode }, request) = body.split();
    let new = NewKey { name, scopes, livemode };
    let created = application.create_key(&actor, request.as_ref(), new).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// List API keys
///
/// Your organization's keys that are not revoked, newest first, without their texts.
#[utoipa::path(
    get,
    path = "/v1/keys",
    operation_id = "listKeys",
    tag = KEYS,
    params(Listing),
    responses((status = OK, description = "A page of keys.", body = KeyList)),
    security(("bearer" = [Scope::KeysManage])),
)]
async fn list(
    State(application): State<Application>,
    Caller(actor): Caller<ManageKeys>,
    listing: Listing,
) -> Result<Json<KeyList>, ApiError> {
    let (keys, end) = listed(application.keys(&actor, listing.page).await?);
    Ok(Json(KeyList { keys, end }))
}

/// Revoke an API key
///
/// It takes effect on the next request. A key may revoke itself. A test key can revoke only test keys. Emits
/// `platform.key.revoked`.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    operation_id = "revokeKey",
    tag = KEYS,
    params(Id<KeyId>),
    responses((status = NO_CONTENT, description = "It is revoked.")),
    security(("bearer" = [Scope::KeysManage])),
)]
async fn revoke(
    State(application): State<Application>,
    Caller(actor): Caller<ManageKeys>,
    Id(id): Id<KeyId>,
) -> Result<StatusCode, ApiError> {
    application.revoke_key(&actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
