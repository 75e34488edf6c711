//! Query parameters: each declared once.
//!
//! [`query!`] declares a list's filters: the reader and the parameters in the `OpenAPI` document follow from it.

use application::PageRequest;
use axum::{
    extract::{FromRequestParts, Query as AxumQuery},
    http::request::Parts,
};
use domain::{ErrorCode, Invalid, Timestamp, delivery::Status, pattern::Pattern};
use utoipa::openapi::{
    ObjectBuilder, RefOr, Schema, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

use crate::{error::ApiError, schema};

const MAX_LIMIT: usize = 200;
const DEFAULT_LIMIT: usize = 25;

/// A query's parameters, which are taken one by one. Parameters that nobody took are refused.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = AxumQuery::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let unreadable = |_| Invalid::whole(ErrorCode::QueryInvalid, "The query string cannot be read");
        let AxumQuery(parameters) = query.map_err(unreadable)?;
        Ok(Self(parameters))
    }
}

impl Parameters {
    /// Takes the parameter's value, if it is given. It is an error to give it twice.
    fn take(&mut self, name: &'static str) -> Result<Option<String>, Invalid> {
        let (taken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = rest;

        let mut values = taken.into_iter().map(|(_, value)| value);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => {
                let message = format!("{name} is given more than once");
                Err(Invalid::param(name, ErrorCode::ParameterRepeated, message))
            }
        }
    }

    /// Takes a parameter that may be missing.
    pub(crate) fn read<T: QueryValue>(&mut self, name: &'static str) -> Result<Option<T>, Invalid> {
        self.take(name)?.map(|text| T::read(text, name)).transpose()
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Invalid> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(64).collect();
                let message = format!("Unknown query parameter \"{shown}\"");
                Err(Invalid::param(shown, ErrorCode::ParameterUnknown, message))
            }
        }
    }
}

/// The filters of a list.
pub(crate) trait Filters: Sized {
    fn read(parameters: &mut Parameters) -> Result<Self, Invalid>;
    fn documented() -> Vec<Parameter>;
}

/// No filters.
impl Filters for () {
    fn read(_: &mut Parameters) -> Result<Self, Invalid> {
        Ok(())
    }

    fn documented() -> Vec<Parameter> {
        Vec::new()
    }
}

/// The request for a list: its filters, and which page.
#[derive(Debug)]
pub(crate) struct Listing<F = ()> {
    pub(crate) filters: F,
    pub(crate) page: PageRequest,
}

impl<S: Send + Sync, F: Filters> FromRequestParts<S> for Listing<F> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let mut parameters = Parameters::from_request_parts(parts, state).await?;

        let filters = F::read(&mut parameters)?;
        let Page { limit, cursor } = Page::read(&mut parameters)?;
        parameters.finish()?;

        let limit = limit.map_or(DEFAULT_LIMIT, |Limit(limit)| limit);
        Ok(Self { filters, page: PageRequest { limit, cursor: cursor.map(|Cursor(text)| text) } })
    }
}

impl<F: Filters> utoipa::IntoParams for Listing<F> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        F::documented().into_iter().chain(Page::documented()).collect()
    }
}

/// A type that a query parameter can be read as.
pub(crate) trait QueryValue: Sized {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid>;
    fn schema() -> RefOr<Schema>;
}

/// How many items a page has at most.
#[derive(Debug)]
pub(crate) struct Limit(usize);

impl QueryValue for Limit {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid> {
        let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let message = format!("{name} must be an integer between 1 and {MAX_LIMIT}");
        limit.map(Self).ok_or_else(|| Invalid::param(name, ErrorCode::LimitInvalid, message))
    }

    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).format(Some(schema::int32()));
        number.minimum(Some(1)).maximum(Some(MAX_LIMIT)).default(Some(DEFAULT_LIMIT.into())).into()
    }
}

/// A cursor, not opened yet.
#[derive(Debug)]
pub(crate) struct Cursor(String);

impl QueryValue for Cursor {
    fn read(text: String, _: &'static str) -> Result<Self, Invalid> {
        Ok(Self(text))
    }

    fn schema() -> RefOr<Schema> {
        schema::reference::<schema::Cursor>()
    }
}

/// Which end of a list comes first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

impl QueryValue for Order {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid> {
        match text.as_str() {
            "asc" => Ok(Self::Ascending),
            "desc" => Ok(Self::Descending),
            _ => Err(wrong_type(name, "asc or desc")),
        }
    }

    fn schema() -> RefOr<Schema> {
        schema::reference::<schema::Order>()
    }
}

impl QueryValue for bool {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid> {
        text.parse().map_err(|_| wrong_type(name, "true or false"))
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

impl QueryValue for String {
    fn read(text: String, _: &'static str) -> Result<Self, Invalid> {
        Ok(text)
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl QueryValue for Timestamp {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid> {
        Self::of_request(&text).map_err(|problem| problem.invalid(name, ErrorCode::ParameterType))
    }

    fn schema() -> RefOr<Schema> {
        schema::reference::<schema::Moment>()
    }
}

impl QueryValue for Pattern {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid> {
        Self::parse(&text, name)
    }

    fn schema() -> RefOr<Schema> {
        schema::reference::<schema::Pattern>()
    }
}

/// A status that deliveries can be listed by. A pending delivery has no record. To list by `pending` would give an empty list,
/// as if there were none.
impl QueryValue for Status {
    fn read(text: String, name: &'static str) -> Result<Self, Invalid> {
        let found = Self::RECORDED.into_iter().find(|status| status.name() == text);
        found.ok_or_else(|| {
            let known = Self::RECORDED.map(Self::name).join(", ");
            let hint = if text == Self::Pending.name() {
                ". A pending delivery is shown with its event: GET /v1/events/{id}"
            } else {
                ""
            };
            Invalid::param(name, ErrorCode::StatusInvalid, format!("{name} must be one of {known}{hint}"))
        })
    }

    fn schema() -> RefOr<Schema> {
        schema::reference::<schema::ListedStatus>()
    }
}

fn wrong_type(name: &'static str, expected: &str) -> Invalid {
    Invalid::param(name, ErrorCode::ParameterType, format!("{name} must be {expected}"))
}

/// A query parameter in the document.
pub(crate) fn documented<T: QueryValue>(
    name: &str,
    description: &[&str],
    example: Option<&str>,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(crate::request::text(description)))
        .schema(Some(T::schema()))
        .example(example.map(Into::into))
        .build()
}

/// Declares the query parameters of a list. All of them may be missing.
macro_rules! query {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $field_doc:literal])*
                $(#[example = $example:literal])?
                $field_vis:vis $field:ident $(= $parameter:literal)?: Option<$type:ty>,
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug)]
        $vis struct $name {
            $($(#[doc = $field_doc])* $field_vis $field: Option<$type>,)*
        }

        impl $crate::query::Filters for $name {
            fn read(parameters: &mut $crate::query::Parameters) -> Result<Self, domain::Invalid> {
                Ok(Self { $($field: parameters.read($crate::request::name!($field $($parameter)?))?,)* })
            }

            fn documented() -> Vec<utoipa::openapi::path::Parameter> {
                vec![$($crate::query::documented::<$type>(
                    $crate::request::name!($field $($parameter)?),
                    &[$($field_doc),*],
                    None$(.or(Some($example)))?,
                ),)*]
            }
        }
    };
}

pub(crate) use query;

query! {
    /// Which page of a list is asked for.
    struct Page {
        /// How many items the page has at most.
        limit: Option<Limit>,
        /// Where the page before ended.
        cursor: Option<Cursor>,
    }
}
