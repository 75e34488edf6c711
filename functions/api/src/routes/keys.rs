//! `/v1/keys`

use axum::{Json, extract::State, http::StatusCode};
use domain::{
    Invalid, Timestamp,
    audience::Audience,
    ids::KeyId,
    key::{ApiKey, KeyName, KeyRecord},
    platform_event::PlatformEvent,
    scope::{Scope, Scopes},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    Api,
    auth::{Authorized, Caller},
    body::Fields,
    cursor::{PageEnd, PageRequest, Parameters},
    error::ApiError,
    openapi::{
        KEYS, Routes, examples,
        parameters::{KeyPath, Page},
        requests::CreateKey,
        values,
    },
    path::{Id, Named},
};

pub(crate) fn routes() -> Routes {
    Routes::new().with(routes!(list, create)).with(routes!(revoke))
}

/// An API key as it is known once its text is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyView {
    #[schema(value_type = values::KeyId)]
    id: KeyId,
    #[schema(value_type = values::KeyName)]
    name: KeyName,
    /// What it may do.
    #[schema(value_type = Vec<values::ScopeName>)]
    scopes: Scopes,
    /// Whether the events that it publishes are live.
    livemode: bool,
    #[schema(value_type = values::Timestamp)]
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
    State(api): State<Api>,
    caller: Caller,
    mut fields: Fields,
) -> Result<(StatusCode, Json<CreatedKey>), ApiError> {
    let Authorized { organization, key: granter } = caller.require(Scope::KeysManage)?;
    let name = KeyName::parse(&fields.required::<String>("name")?)?;
    let scopes = Scopes::parse(&fields.required::<Vec<String>>("scopes")?)?;
    let livemode = fields.optional("livemode")?.unwrap_or(granter.livemode);
    fields.finish()?;
    if let Some(lacking) = scopes.exceeding(&granter.scopes) {
        return Err(ApiError::Forbidden(lacking));
    }
    if livemode && !granter.livemode {
        return Err(
            Invalid::param("livemode", "livemode_exceeds", "A test key cannot create a live key").into()
        );
    }
    let now = api.clock.now();
    let key = ApiKey::new(livemode, &runtime::random()?);
    let record = KeyRecord {
        id: KeyId::new(now, runtime::random()?),
        organization,
        name,
        scopes,
        livemode,
        created_at: now,
    };
    api.registry.create_key(organization, &record, &key.hash()).await?;
    if let Err(error) = announce(&api, PlatformEvent::KeyCreated(&record), &record).await {
        // Nobody has seen the key's text: it must not stay behind an answer that says it failed.
        api.registry.revoke_key(organization, record.id).await?;
        return Err(error);
    }
    let created = CreatedKey {
        view: record.into(),
        key: key.reveal().to_owned(),
        message: "Key created. Save it - it will not be shown again.",
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// List API keys
///
/// Your organization's keys that are not revoked, newest first, without their texts.
#[utoipa::path(
    get,
    path = "/v1/keys",
    operation_id = "listKeys",
    tag = KEYS,
    params(Page),
    responses((status = OK, description = "A page of keys.", body = KeyList)),
    security(("bearer" = [Scope::KeysManage])),
)]
async fn list(
    State(api): State<Api>,
    caller: Caller,
    mut parameters: Parameters,
) -> Result<Json<KeyList>, ApiError> {
    let Authorized { organization, .. } = caller.require(Scope::KeysManage)?;
    let request = PageRequest::take(&mut parameters, &api, organization, "keys").await?;
    parameters.finish()?;
    let before = request.position.as_deref().and_then(|position| KeyId::parse(position).ok());
    let keys = api.registry.list_keys(organization, before, request.look_ahead()).await?;
    let (keys, end) = request.page(&api, keys, |key| key.id.to_string()).await?;
    Ok(Json(KeyList { keys: keys.into_iter().map(KeyView::from).collect(), end }))
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
    params(KeyPath),
    responses((status = NO_CONTENT, description = "It is revoked.")),
    security(("bearer" = [Scope::KeysManage])),
)]
async fn revoke(State(api): State<Api>, caller: Caller, Id(id): Id<KeyId>) -> Result<StatusCode, ApiError> {
    let Authorized { organization, key: revoker } = caller.require(Scope::KeysManage)?;
    let key = api.registry.key(organization, id).await?.ok_or(ApiError::NotFound(KeyId::WHAT))?;
    if key.livemode && !revoker.livemode {
        return Err(ApiError::TestKey("A test key cannot revoke a live key"));
    }

    // Told first: if that fails the key stays, and the same request can be made again.
    announce(&api, PlatformEvent::KeyRevoked(&key), &key).await?;
    if api.registry.revoke_key(organization, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NotFound(KeyId::WHAT))
    }
}

async fn announce(api: &Api, happened: PlatformEvent<'_>, key: &KeyRecord) -> Result<(), ApiError> {
    let event = happened.event(key.organization, happened.id(api.clock.now(), runtime::random()?));
    Ok(api.bus.publish(&event, Audience::Subscribers).await?)
}
