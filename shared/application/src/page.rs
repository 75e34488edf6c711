//! Pages of lists.
//!
//! A cursor is sealed with the vault's data key, and bound to its organization, list and filters. Its holder cannot read it. A
//! cursor that was changed, or is from another list, does not open.

use domain::{ErrorCode, Invalid, ids::OrganizationId};

use crate::{Application, Error};

/// Which page of a list to return.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// How many items it has at most.
    pub limit: usize,
    /// The `next_cursor` of the page before. The first page has none.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next_cursor: Option<String>,
}

/// One list of an organization. Its cursors are bound to it.
pub(crate) struct List<'a> {
    application: &'a Application,
    binding: String,
    limit: usize,
    /// Where the page before ended.
    position: Option<String>,
}

impl Application {
    /// Opens the page's cursor. `name` stands for the list and its filters.
    pub(crate) async fn open_list(
        &self,
        organization: OrganizationId,
        name: &str,
        page: &PageRequest,
    ) -> Result<List<'_>, Error> {
        let binding = format!("cursor/{organization}/{name}");

        let position = match &page.cursor {
            None => None,
            Some(cursor) => {
                let opened = self.vault.open_text(cursor, &binding).await?.ok_or_else(foreign_cursor)?;
                Some(opened.to_string())
            }
        };
        Ok(List { application: self, binding, limit: page.limit, position })
    }
}

impl List<'_> {
    /// Where the page before ended, if this is not the first.
    pub(crate) fn position<T>(&self, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.position.as_deref().and_then(parse)
    }

    /// How many items to read: one more than the page holds, to know whether there are more.
    pub(crate) fn look_ahead(&self) -> usize {
        self.limit + 1
    }

    /// How many items the page holds.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Makes a page of items that were read with [`List::look_ahead`]. `position_of` gives an item's position.
    pub(crate) async fn page<T>(
        self,
        mut items: Vec<T>,
        position_of: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Error> {
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);

        self.page_of(items, has_more, position_of).await
    }

    /// Makes a page of these items. `has_more` says whether more follow.
    pub(crate) async fn page_of<T>(
        self,
        items: Vec<T>,
        has_more: bool,
        position_of: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Error> {
        let Self { application, binding, .. } = self;

        let next_cursor = match items.last().filter(|_| has_more).map(position_of) {
            None => None,
            Some(position) => {
                Some(application.vault.seal_text(&position, &binding, application.clock.now()).await?)
            }
        };
        Ok(Page { items, next_cursor })
    }
}

fn foreign_cursor() -> Invalid {
    let message = "cursor is not one that this list returned for these filters";
    Invalid::param("cursor", ErrorCode::CursorInvalid, message)
}
