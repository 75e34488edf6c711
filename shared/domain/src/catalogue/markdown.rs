//! The documentation page of the catalogue.

use super::{Catalogue, EventType, LivemodeRule};

const INTRODUCTION: &str = "\
<!-- Generated from shared/domain/src/catalogue: edit the entries there, then run
     UPDATE_DOCS=1 cargo test -p domain catalogue -->

# Event types

What can be published, subscribed to and found in the event log. `GET /v1/event-types` answers with the same.

The schema of a type says what its `data` must look like. It names the fields that receivers can expect; others may
be present, so a receiver should ignore what it does not know.

`platform.*` types are the platform's own: it publishes them itself, and a key that tries to is refused.
";

/// The page `docs/event-types.md`: for each service a table of its types, then each type's example and schema.
///
/// # Errors
/// When an entry cannot be written as JSON, which the catalogue's tests rule out.
pub fn markdown() -> serde_json::Result<String> {
    let mut page = INTRODUCTION.to_owned();
    for service in services() {
        page.push_str(&section(service)?);
    }
    Ok(page)
}

/// The services in the order of the catalogue.
fn services() -> Vec<&'static str> {
    let mut services = Vec::new();
    for service in Catalogue::get().iter().map(EventType::service) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    services
}

fn section(service: &str) -> serde_json::Result<String> {
    let types = || Catalogue::get().iter().filter(|event_type| event_type.service() == service);
    let rows: String = types().map(row).collect();
    let entries = types().map(entry).collect::<serde_json::Result<String>>()?;
    Ok(format!("\n## `{service}`\n\n| Event type | Description |\n| --- | --- |\n{rows}{entries}"))
}

fn row(event_type: &EventType) -> String {
    let name = event_type.name();
    // Where a heading's link leads: its text without the dots.
    let anchor = name.replace('.', "");
    format!("| [`{name}`](#{anchor}) | {} |\n", event_type.description())
}

fn entry(event_type: &EventType) -> serde_json::Result<String> {
    let name = event_type.name();
    let description = event_type.description();
    let livemode = match event_type.livemode() {
        LivemodeRule::FollowsKey => "",
        LivemodeRule::AlwaysFalse => " Its `livemode` is always `false`.",
    };
    let example = serde_json::to_string_pretty(&event_type.example())?;
    let schema = serde_json::to_string_pretty(&event_type.schema())?;
    Ok(format!(
        "\n### `{name}`\n\n{description}.{livemode}\n\n```json\n{example}\n```\n\n\
         <details><summary>Schema</summary>\n\n```json\n{schema}\n```\n\n</details>\n"
    ))
}
