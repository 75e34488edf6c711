//! What people configure.

mod data_keys;
mod endpoints;
mod generation;
mod health;
mod keys;
mod organizations;
mod subscriptions;

use crate::table::Table;

pub use data_keys::DataKey;
pub use endpoints::{Created, EndpointRecord, Updated};
pub use health::Noted;
pub use subscriptions::Subscribers;

/// The registry table.
#[derive(Clone)]
pub struct Registry {
    table: Table,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Registry")
    }
}

impl Registry {
    /// The registry in the table of this name.
    pub fn new(config: &aws::SdkConfig, table: String) -> Self {
        Self { table: Table::new(config, table) }
    }
}

/// The partition of an organization's own items: itself, its keys, its endpoints.
fn partition(organization: domain::ids::OrganizationId) -> String {
    format!("ORGANIZATION#{organization}")
}
