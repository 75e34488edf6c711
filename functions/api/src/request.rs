//! Request bodies. Their size is bounded, their content type must be JSON, and each field is declared once.
//!
//! [`request!`] declares what a call takes: a struct whose fields have types that can be read ([`Field`]). The reader, its
//! error messages and the call's schema in the `OpenAPI` document follow from it. So they cannot differ.

mod field;
mod fields;
mod object;
mod repeated;
mod text;
mod types;

pub(crate) use field::{Field, Given, Schemas};
pub(crate) use fields::Fields;
pub(crate) use object::{object, property, text};
pub(crate) use types::{EndpointReference, PublishableType, RawData, ReplayableStatus, Url};

use application::idempotency;
use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, header::HeaderName},
};
use domain::{ErrorCode, Invalid};

use crate::error::ApiError;

/// The largest body of a call that manages something: 64 KiB. That is twice the size of all fields at their bounds.
const MAX_MANAGEMENT_BYTES: usize = 64 * 1024;

/// The header by which a request that is sent again is recognized.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest idempotency key, in characters.
pub(crate) const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;

/// What can be read from a JSON object's fields.
pub(crate) trait ReadFields: Sized {
    fn read(fields: &mut Fields) -> Result<Self, Invalid>;

    /// Reads all fields of an object. A field that is not declared is refused.
    fn read_all(mut fields: Fields) -> Result<Self, Invalid> {
        let read = Self::read(&mut fields)?;
        fields.finish()?;
        Ok(read)
    }
}

/// What a call takes as its body.
pub(crate) trait Call: ReadFields {
    /// The largest body.
    const MAX_BYTES: usize = MAX_MANAGEMENT_BYTES;

    /// Splits the body into its fields.
    fn split(text: &str) -> Result<Fields, Invalid> {
        Fields::parse(text)
    }
}

/// A call's body, after reading. If the request carries an idempotency key, it also has what the key needs.
#[derive(Debug)]
pub(crate) struct Body<T> {
    fields: T,
    idempotency: Option<idempotency::Request>,
}

impl<T> Body<T> {
    pub(crate) fn split(self) -> (T, Option<idempotency::Request>) {
        (self.fields, self.idempotency)
    }
}

impl<S: Send + Sync, T: Call> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts.headers)?;
        let text = text::read(body, &parts.headers, T::MAX_BYTES).await?;

        let recognisable = |key| {
            let route = format!("{} {}", parts.method, parts.uri.path());
            idempotency::Request::new(key, route, text.as_bytes())
        };
        let idempotency = key.map(recognisable).transpose()?;
        Ok(Self { fields: T::read_all(T::split(&text)?)?, idempotency })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Invalid> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };

    let bytes = value.as_bytes();
    let is_printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    if is_printable && (1..=MAX_IDEMPOTENCY_KEY_CHARS).contains(&bytes.len()) {
        return Ok(Some(String::from_utf8_lossy(bytes).into_owned()));
    }
    let message =
        format!("Idempotency-Key must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable ASCII characters");
    Err(Invalid::param("Idempotency-Key", ErrorCode::IdempotencyKeyInvalid, message))
}

/// Declares what a call takes.
///
/// ```text
/// request! {
///     /// What the document says of it.
///     #[examples(examples::rotate_secret)]
///     pub(crate) struct RotateSecret {
///         /// What the document says of the field.
///         #[with(|schema| schema.default = Some(json!(86_400)))]
///         grace_seconds: Option<Grace>,
///     }
/// }
/// ```
///
/// A field's type says whether it must be there: [`Option`] may be missing or null, [`Given`] may be missing, [`Change`] may be
/// missing, and null sets it back; any other must be there. `#[with]` adds to its schema what only this call knows, such as a default.
///
/// [`Change`]: application::endpoints::Change
macro_rules! request {
    (
        $(#[doc = $doc:literal])*
        #[examples($($example:path),* $(,)?)]
        $vis:vis struct $name:ident $(as $title:literal)? {
            $(
                $(#[doc = $field_doc:literal])*
                $(#[with($with:expr)])?
                $field_vis:vis $field:ident $(= $json:literal)?: $type:ty,
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        $vis struct $name {
            $($(#[doc = $field_doc])* $field_vis $field: $type,)*
        }

        impl $crate::request::ReadFields for $name {
            fn read(fields: &mut $crate::request::Fields) -> Result<Self, domain::Invalid> {
                // A call without fields takes none.
                let _ = &fields;
                Ok(Self {
                    $($field: <$type as $crate::request::Field>::take(
                        fields,
                        $crate::request::name!($field $($json)?),
                    )?,)*
                })
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::request::object(
                    &[$($doc),*],
                    vec![$($crate::request::property::<$type>(
                        $crate::request::name!($field $($json)?),
                        &[$($field_doc),*],
                        $crate::request::with!($($with)?),
                    ),)*],
                    vec![$($example()),*],
                )
            }
        }

        impl utoipa::ToSchema for $name {
            $(
                fn name() -> std::borrow::Cow<'static, str> {
                    $title.into()
                }
            )?

            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                // A call without fields refers to none.
                let _ = &schemas;
                $(<$type as $crate::request::Field>::schemas(schemas);)*
            }
        }
    };
}

/// A field's name in JSON: as in Rust, unless said otherwise.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $json:literal) => {
        $json
    };
}

/// What is added to a field's schema: nothing, unless said otherwise.
macro_rules! with {
    () => {
        |_| {}
    };
    ($with:expr) => {
        $with
    };
}

pub(crate) use {name, request, with};

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(key: &[u8]) -> Result<Option<String>, Invalid> {
        let headers = HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_bytes(key).unwrap())]);
        idempotency_key(&headers)
    }

    #[test]
    fn an_idempotency_key_is_1_to_255_printable_ascii_characters() {
        for key in ["k", "order 17~", &"k".repeat(255)] {
            assert_eq!(read(key.as_bytes()).unwrap().as_deref(), Some(key));
        }
        for key in ["", "a\tb", "é", &"k".repeat(256)] {
            assert_eq!(read(key.as_bytes()).unwrap_err().code, "idempotency_key_invalid", "{key:?}");
        }
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
    }
}
