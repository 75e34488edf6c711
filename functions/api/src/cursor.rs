//! Pages: `limit`, `cursor`, `next_cursor`, `has_more`.
//!
//! A cursor is sealed with the vault's data key and bound to its organization, list and filters: it says nothing to its
//! holder, and neither a changed one nor one from another list opens.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use domain::{Invalid, Timestamp, ids::OrganizationId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Api, error::ApiError};

const MAX_LIMIT: usize = 200;
const DEFAULT_LIMIT: usize = 25;

/// A query's parameters, taken one by one; what nobody takes is refused.
#[derive(Debug)]
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(parameters) =
            query.map_err(|_| Invalid::whole("query_invalid", "The query string cannot be read"))?;
        Ok(Self(parameters))
    }
}

impl Parameters {
    /// The parameter's value, if it is given; given twice is an error.
    pub(crate) fn take(&mut self, name: &'static str) -> Result<Option<String>, Invalid> {
        let (taken, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = rest;
        let mut values = taken.into_iter().map(|(_, value)| value);
        let value = values.next();
        match values.next() {
            None => Ok(value),
            Some(_) => {
                Err(Invalid::param(name, "parameter_repeated", format!("{name} is given more than once")))
            }
        }
    }

    /// A moment, in Unix milliseconds or RFC 3339.
    pub(crate) fn take_timestamp(&mut self, name: &'static str) -> Result<Option<Timestamp>, Invalid> {
        let read = |text: String| Timestamp::of_request(&text);
        self.take(name)?.map(read).transpose().map_err(|problem| problem.invalid(name, "parameter_type"))
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Invalid> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let shown: String = name.chars().take(64).collect();
                let message = format!("Unknown query parameter \"{shown}\"");
                Err(Invalid::param(shown, "parameter_unknown", message))
            }
        }
    }
}

/// What a caller asks for of a list.
#[derive(Debug)]
pub(crate) struct PageRequest {
    pub(crate) limit: usize,
    /// Where the page before ended.
    pub(crate) position: Option<String>,
    binding: String,
}

impl PageRequest {
    /// Takes `limit` and `cursor`. `list` names the list and its filters.
    pub(crate) async fn take(
        parameters: &mut Parameters,
        api: &Api,
        organization: OrganizationId,
        list: &str,
    ) -> Result<Self, ApiError> {
        let limit = match parameters.take("limit")? {
            None => DEFAULT_LIMIT,
            Some(text) => parse_limit(&text)?,
        };
        let binding = format!("cursor/{organization}/{list}");
        let position = match parameters.take("cursor")? {
            None => None,
            Some(cursor) => {
                let position = api.vault.open_text(&cursor, &binding).await?.ok_or_else(foreign_cursor)?;
                Some(position.to_string())
            }
        };
        Ok(Self { limit, position, binding })
    }

    /// How many items to read: one more than the page holds, to know whether there are more.
    pub(crate) fn look_ahead(&self) -> usize {
        self.limit + 1
    }

    /// The page of what was read; `position_of` says where an item stands.
    pub(crate) async fn page<T>(
        self,
        api: &Api,
        mut items: Vec<T>,
        position_of: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, PageEnd), ApiError> {
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| has_more).map(position_of);
        Ok((items, self.end(api, last).await?))
    }

    /// The end of a page that more follow after `position`, or none if it is absent.
    pub(crate) async fn end(self, api: &Api, position: Option<String>) -> Result<PageEnd, ApiError> {
        let next_cursor = match &position {
            Some(position) => Some(api.vault.seal_text(position, &self.binding, api.clock.now()).await?),
            None => None,
        };
        Ok(PageEnd { has_more: next_cursor.is_some(), next_cursor })
    }
}

fn parse_limit(text: &str) -> Result<usize, Invalid> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let message = format!("limit must be an integer between 1 and {MAX_LIMIT}");
    limit.ok_or_else(|| Invalid::param("limit", "limit_invalid", message))
}

fn foreign_cursor() -> Invalid {
    Invalid::param("cursor", "cursor_invalid", "cursor is not one that this list returned for these filters")
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
