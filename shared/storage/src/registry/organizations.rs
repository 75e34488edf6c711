//! Organizations.

use domain::{Timestamp, ids::OrganizationId};
use serde::{Deserialize, Serialize};

use super::{Registry, partition};
use crate::{
    Error,
    table::{Condition, Key},
};

#[derive(Serialize, Deserialize)]
struct OrganizationItem {
    name: String,
    created_at: Timestamp,
    /// The count is here, so that the limit holds even if many endpoints are created at once.
    endpoint_count: u32,
}

pub(super) fn key(organization: OrganizationId) -> Key {
    Key::new(partition(organization), "ORGANIZATION")
}

impl Registry {
    /// Writes a new organization. False if its id is taken.
    pub async fn create_organization(
        &self,
        organization: OrganizationId,
        name: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let item = OrganizationItem { name: name.to_owned(), created_at: now, endpoint_count: 0 };
        self.table.put_if(&key(organization), &item, Condition::absent()).await
    }

    /// Whether the organization exists.
    pub async fn organization_exists(&self, organization: OrganizationId) -> Result<bool, Error> {
        Ok(self.table.get::<OrganizationItem>(&key(organization)).await?.is_some())
    }
}
