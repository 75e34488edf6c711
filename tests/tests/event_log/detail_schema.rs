//! `docs/event-detail.schema.json` says of a detail what fan-out says of it.

use domain::{
    Timestamp,
    audience::Audience,
    catalogue::Catalogue,
    event::Event,
    event_data::EventData,
    ids::{EndpointId, EventId, Lane, OrganizationId},
};
use messaging::{Detail, Envelope};
use serde_json::{Value, json};

use crate::{schema_check::satisfies, stage::TYPE};

const SCHEMA: &str = include_str!("../../../docs/event-detail.schema.json");
const AT: Timestamp = Timestamp::from_millis(1_705_314_600_000);
const ORGANIZATION: &str = "org_018d0cf0e0c071d6a3b4c5d6e7f80911";
const ENDPOINT: &str = "whep_018d0cf0e0c071d6a3b4c5d6e7f80911";

fn schema() -> Value {
    SCHEMA.parse().unwrap()
}

fn accepted(detail: &Value) -> bool {
    let envelope = json!({
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "source": "dodev.send",
        "detail-type": TYPE,
        "time": "2024-01-15T10:30:00Z",
        "detail": detail,
    });
    Envelope::parse(&envelope.to_string()).unwrap().event().is_ok()
}

fn event_id(livemode: bool) -> EventId {
    EventId::new(AT, Catalogue::get().find(TYPE).unwrap().code(), Lane { livemode, shard: 0 }, [5; 8])
}

/// A good detail with some fields replaced, or left out where they are null.
fn with(changes: Value) -> Value {
    let mut detail = json!({ "organizationId": ORGANIZATION, "data": { "messageId": "m" } });
    let fields = detail.as_object_mut().unwrap();
    let Value::Object(changes) = changes else { panic!("changes are fields") };
    for (name, value) in changes {
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
    detail
}

fn good() -> Vec<Value> {
    let mut good = vec![
        with(json!({})),
        with(json!({ "data": { "messageId": "m", "of": ["any", { "depth": 1.5 }] } })),
        with(json!({ "livemode": true })),
        with(json!({ "livemode": false, "eventId": event_id(false) })),
        with(json!({ "eventId": event_id(true) })),
        with(json!({ "data": null, "carriedData": { "text": r#"{"messageId":"m"}"# } })),
        with(json!({ "audience": "subscribers" })),
        with(json!({ "audience": { "subscribersBut": ENDPOINT } })),
        with(json!({ "audience": { "only": ENDPOINT } })),
    ];
    // As the API writes them, plain and deflated.
    for length in [1, 5_000] {
        let data = json!({ "messageId": "m".repeat(length) }).to_string();
        let event = Event {
            id: event_id(true),
            organization: OrganizationId::parse(ORGANIZATION).unwrap(),
            event_type: TYPE.into(),
            data: EventData::parse(&data).unwrap(),
            livemode: true,
            created_at: AT,
        };
        let audience = Audience::Only(EndpointId::parse(ENDPOINT).unwrap());
        good.push(serde_json::to_value(Detail::of(&event, audience)).unwrap());
    }
    good
}

fn bad() -> Vec<Value> {
    let uuid = "018d0cf0-e0c0-71d6-a3b4-c5d6e7f80911";
    let data = json!({ "text": r#"{"messageId":"m"}"# });
    vec![
        json!({}),
        json!([]),
        json!("a text"),
        with(json!({ "organizationId": null })),
        with(json!({ "organizationId": 7 })),
        with(json!({ "organizationId": "org_1" })),
        with(json!({ "organizationId": ORGANIZATION.to_uppercase() })),
        with(json!({ "organizationId": ENDPOINT })),
        with(json!({ "organizationId": format!("{ORGANIZATION}0") })),
        with(json!({ "data": null })),
        with(json!({ "data": [] })),
        with(json!({ "data": "{}" })),
        with(json!({ "carriedData": data })),
        with(json!({ "data": null, "carriedData": {} })),
        with(json!({ "data": null, "carriedData": "{}" })),
        with(json!({ "data": null, "carriedData": { "text": {} } })),
        with(json!({ "data": null, "carriedData": { "text": "{}", "deflated": "" } })),
        with(json!({ "data": null, "carriedData": { "deflated": "no base64" } })),
        with(json!({ "data": null, "carriedData": { "zipped": "AAAA" } })),
        with(json!({ "livemode": "true" })),
        with(json!({ "livemode": 1 })),
        with(json!({ "eventId": uuid })),
        with(json!({ "eventId": format!("evt_{}", uuid.replace("-7", "-4")) })),
        with(json!({ "eventId": format!("evt_{}", uuid.replace('-', "")) })),
        with(json!({ "eventId": format!("evt_{}", uuid.to_uppercase()) })),
        with(json!({ "audience": "everyone" })),
        with(json!({ "audience": { "only": ORGANIZATION } })),
        with(json!({ "audience": { "only": ENDPOINT, "subscribersBut": ENDPOINT } })),
        with(json!({ "colour": "red" })),
        with(json!({ "organization_id": ORGANIZATION })),
    ]
}

#[test]
fn the_schema_and_fan_out_accept_the_same_details() {
    for detail in good() {
        assert!(satisfies(&schema(), &detail), "the schema refuses {detail}");
        assert!(accepted(&detail), "fan-out refuses {detail}");
    }
    for detail in bad() {
        assert!(!satisfies(&schema(), &detail), "the schema accepts {detail}");
        assert!(!accepted(&detail), "fan-out accepts {detail}");
    }
}

#[test]
fn the_schema_s_own_examples_are_good() {
    let schema = schema();
    let examples = schema["examples"].as_array().unwrap();
    assert!(examples.len() > 1);
    for example in examples {
        assert!(satisfies(&schema, example) && accepted(example), "{example}");
    }
}

/// What no schema can say: the id belongs to the type and the mode, the text is JSON of an object, the base64 deflated.
#[test]
fn fan_out_refuses_more_than_the_schema_can_say() {
    for detail in [
        with(json!({ "eventId": "evt_018d0cf0-e0c0-71d6-a3b4-c5d6e7f80911" })),
        with(json!({ "eventId": event_id(true), "livemode": false })),
        with(json!({ "data": null, "carriedData": { "text": "[]" } })),
        with(json!({ "data": null, "carriedData": { "text": "{" } })),
        with(json!({ "data": null, "carriedData": { "deflated": "AAAA" } })),
        with(json!({ "data": { "messageId": "m".repeat(200 * 1024) } })),
    ] {
        let shown: String = detail.to_string().chars().take(200).collect();
        assert!(satisfies(&schema(), &detail) && !accepted(&detail), "{shown}");
    }
}
