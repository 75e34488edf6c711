//! `/v1/events`

mod list;
mod publish;
mod read;
mod resend;

use utoipa_axum::routes;

use crate::documented::Routes;

pub(super) fn routes() -> Routes {
    Routes::new()
        .with(routes!(list::list, publish::publish))
        .with(routes!(publish::publish_batch))
        .with(routes!(read::read))
        .with(routes!(read::deliveries))
        .with(routes!(resend::resend))
}
