//! The routes, by resource: each decodes a request, makes one call, and encodes its answer.

mod event_types;
mod events;
mod keys;
mod orbit;
mod webhooks;

use crate::documented::Routes;

/// Every route of a resource, with its documentation.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .merge(webhooks::routes())
        .merge(events::routes())
        .merge(keys::routes())
        .merge(event_types::routes())
        .merge(orbit::routes())
}
