use std::collections::HashSet;

use super::*;
use crate::event_data::CarriedData;

/// The seeds' types with the codes they were given; neither ever changes.
const SEEDS: &[(u16, &str)] = &[
    (1, "send.email.sent"),
    (2, "send.email.delivered"),
    (3, "send.email.bounced"),
    (4, "send.email.complained"),
    (5, "send.email.opened"),
    (6, "send.email.clicked"),
    (7, "send.domain.verified"),
    (8, "send.suppression.added"),
    (9, "telco.lookup.completed"),
    (10, "telco.search.completed"),
    (11, "talk.speech.generated"),
    (12, "voip.call.incoming"),
    (13, "voip.call.completed"),
    (14, "voip.call.missed"),
    (15, "transcribe.session.completed"),
    (16, "platform.key.created"),
    (17, "platform.key.revoked"),
    (18, "platform.test"),
    (19, "platform.webhook.paused"),
    (20, "email.sent"),
    (21, "email.delivered"),
    (22, "email.opened"),
    (23, "email.clicked"),
    (24, "email.bounced"),
    (25, "email.complained"),
    (26, "sms.sent"),
    (27, "sms.delivered"),
    (28, "sms.failed"),
    (29, "sms.received"),
    (30, "call.initiated"),
    (31, "call.answered"),
    (32, "call.completed"),
    (33, "call.failed"),
    (34, "message.delivered"),
    (35, "message.failed"),
    (36, "verification.approved"),
];

fn data(json: &str) -> EventData {
    EventData::parse(json).unwrap()
}

fn problem(event_type: &str, json: &str) -> DataProblem {
    Catalogue::get().find(event_type).unwrap().check(&data(json)).unwrap_err()
}

fn example(event_type: &str) -> String {
    serde_json::to_string(&Catalogue::get().find(event_type).unwrap().example()).unwrap()
}

fn schema(event_type: &str) -> serde_json::Value {
    serde_json::to_value(Catalogue::get().find(event_type).unwrap().schema()).unwrap()
}

#[test]
fn every_type_of_the_seeds_is_there_under_its_code() {
    for (code, name) in SEEDS {
        assert_eq!(Catalogue::get().find(name).map(EventType::code), Some(*code), "{name}");
        assert_eq!(Catalogue::get().by_code(*code).map(EventType::name), Some(*name), "{code}");
    }
}

#[test]
fn what_is_not_in_the_catalogue_is_not_found() {
    for name in ["", "send", "send.email", "send.*", "Send.email.sent", "send.email.sent "] {
        assert_eq!(Catalogue::get().find(name), None, "{name:?}");
    }
    // 0 stays free, so that an id of zeros names no type.
    assert_eq!(Catalogue::get().by_code(0), None);
    assert_eq!(Catalogue::get().by_code(1023), None);
}

#[test]
fn names_and_codes_are_unique_and_codes_fit_an_event_id() {
    let (mut names, mut codes) = (HashSet::new(), HashSet::new());
    for event_type in Catalogue::get().iter() {
        let (name, code) = (event_type.name(), event_type.code());
        assert!(names.insert(name), "{name} has two entries");
        let next = Catalogue::get().iter().map(EventType::code).max().unwrap() + 1;
        assert!(codes.insert(code), "{name} has the code {code} of another type; {next} is free");
        assert!((1..=crate::ids::EventId::MAX_TYPE_CODE).contains(&code), "{name}: {code}");
    }
}

#[test]
fn names_are_dotted_lower_case_and_start_with_their_service() {
    for event_type in Catalogue::get().iter() {
        let name = event_type.name();
        let segments: Vec<_> = name.split('.').collect();
        assert!(segments.len() >= 2, "{name}");
        assert!(
            segments.iter().all(|s| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase())),
            "{name}"
        );
        assert_eq!(event_type.service(), segments[0]);
        assert!(!event_type.description().is_empty() && !event_type.description().ends_with('.'), "{name}");
    }
}

#[test]
fn only_a_test_event_is_never_live() {
    for event_type in Catalogue::get().iter() {
        assert!(!event_type.livemode().decide(false));
        assert_eq!(event_type.livemode().decide(true), event_type.name() != "platform.test");
    }
}

#[test]
fn the_examples_of_the_seeds_are_theirs_to_the_letter() {
    let seeds = [
        (
            "send.email.sent",
            r#"{"messageId":"msg_abc123","from":"hello@mail.example.com","to":["user@example.com"],"subject":"Welcome to our platform"}"#,
        ),
        (
            "send.email.bounced",
            r#"{"messageId":"msg_abc123","to":"user@example.com","bounceType":"hard","diagnosticCode":"550 5.1.1 User unknown"}"#,
        ),
        (
            "telco.lookup.completed",
            r#"{"tn":"2125551234","npa":"212","nxx":"555","hasCarrier":true,"hasInventory":false}"#,
        ),
        ("telco.search.completed", r#"{"source":"npanxx","filters":{"state":"NY","npa":"212"}}"#),
        ("talk.speech.generated", r#"{"voice":"asteria","format":"mp3","textLength":256,"speed":1.0}"#),
        (
            "platform.test",
            r#"{"message":"This is a test webhook event from do.dev","endpoint_id":"whep_abc123"}"#,
        ),
        (
            "email.delivered",
            r#"{"message_id":"msg_abcdef123456","to":"user@example.com","from":"hello@yourdomain.com","subject":"Welcome!","delivered_at":"2024-01-15T10:30:00Z"}"#,
        ),
    ];
    for (name, expected) in seeds {
        assert_eq!(example(name), expected, "{name}");
    }
}

#[test]
fn every_example_satisfies_its_own_schema() {
    for event_type in Catalogue::get().iter() {
        assert_eq!(event_type.check(&data(&example(event_type.name()))), Ok(()), "{}", event_type.name());
    }
}

#[test]
fn fields_that_the_schema_does_not_name_are_free() {
    let deep = format!(
        r#"{{"messageId":"m","big":1e999999,"n":{},"nested":{}1{}}}"#,
        "9".repeat(5000),
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    // This is deeper than is accepted today. But deeper data was accepted once, and the check must still read it.
    let deep = CarriedData::Text(deep).open().unwrap();
    assert_eq!(Catalogue::get().find("send.email.sent").unwrap().check(&deep), Ok(()));
}

#[test]
fn where_no_document_says_what_identifies_an_event_nothing_is_required() {
    assert_eq!(Catalogue::get().find("voip.call.incoming").unwrap().check(&data("{}")), Ok(()));
}

#[test]
fn the_first_field_that_breaks_the_schema_is_named() {
    let cases = [
        ("send.email.sent", r"{}", "data.messageId is required"),
        ("send.email.sent", r#"{"messageId":null}"#, "data.messageId must be a string"),
        ("send.email.sent", r#"{"messageId":"a","messageId":7}"#, "data.messageId must be a string"),
        ("send.email.sent", r#"{"messageId":"m","to":"a@b.c"}"#, "data.to must be an array of strings"),
        ("send.email.sent", r#"{"messageId":"m","to":["a",7]}"#, "data.to[1] must be a string"),
        ("send.email.bounced", r#"{"messageId":"m","to":[]}"#, "data.to must be a string"),
        (
            "send.email.bounced",
            r#"{"messageId":"m","bounceType":"firm"}"#,
            "data.bounceType must be one of hard, soft",
        ),
        (
            "send.email.bounced",
            r#"{"messageId":"m","bounceType":1}"#,
            "data.bounceType must be one of hard, soft",
        ),
        ("telco.lookup.completed", r#"{"tn":2125551234}"#, "data.tn must be a string"),
        (
            "telco.lookup.completed",
            r#"{"tn":"1","hasCarrier":"yes"}"#,
            "data.hasCarrier must be true or false",
        ),
        ("telco.search.completed", r#"{"source":"s","filters":["NY"]}"#, "data.filters must be an object"),
        (
            "telco.search.completed",
            r#"{"source":"s","filters":{"npa":212}}"#,
            "data.filters.npa must be a string",
        ),
        (
            "talk.speech.generated",
            r#"{"voice":"v","textLength":1.5}"#,
            "data.textLength must be a whole number from 0",
        ),
        (
            "talk.speech.generated",
            r#"{"voice":"v","textLength":-1}"#,
            "data.textLength must be a whole number from 0",
        ),
        ("talk.speech.generated", r#"{"voice":"v","speed":"fast"}"#, "data.speed must be a number"),
        ("email.delivered", r#"{"message_id":"m","delivered_at":0}"#, "data.delivered_at must be a string"),
        ("send.email.sent", r#"{"messageId":"m","\ud800":1}"#, "data has a key that is not valid Unicode"),
    ];
    for (event_type, json, message) in cases {
        let problem = problem(event_type, json);
        assert_eq!(problem.to_string(), message, "{json}");
        assert_eq!(problem.path(), message.split(' ').next().unwrap());
    }
}

#[test]
fn of_a_field_that_is_repeated_the_last_one_counts_at_every_level() {
    let long_first = format!(r#"{{"messageId":{}7{},"messageId":"m"}}"#, "[".repeat(50), "]".repeat(50));
    let passing = [
        ("send.email.sent", r#"{"messageId":7,"messageId":"m"}"#),
        ("send.email.sent", r#"{"messageId":7,"message\u0049d":"m"}"#),
        ("send.email.sent", r#"{"message\u0049d":7,"messageId":"m"}"#),
        ("send.email.sent", &long_first),
        ("send.email.sent", r#"{"messageId":"m","to":[1],"to":["a"]}"#),
        ("send.email.sent", r#"{"messageId":"m","to":"a","t\u006f":["a"]}"#),
        ("send.email.bounced", r#"{"messageId":"m","bounceType":"none","bounceType":"hard"}"#),
        ("telco.search.completed", r#"{"source":"s","filters":{"npa":1,"npa":"212"}}"#),
        ("telco.search.completed", r#"{"source":"s","filters":{"npa":1,"n\u0070a":"212"}}"#),
        ("telco.search.completed", r#"{"source":"s","filters":{"npa":1},"filters":{}}"#),
        ("telco.search.completed", r#"{"source":"s","filters":7,"f\u0069lters":{"npa":7,"npa":"212"}}"#),
    ];
    for (event_type, json) in passing {
        assert_eq!(Catalogue::get().find(event_type).unwrap().check(&data(json)), Ok(()), "{json}");
    }

    let string = "data.messageId must be a string";
    let npa = "data.filters.npa must be a string";
    let breaking = [
        ("send.email.sent", r#"{"messageId":"m","messageId":7}"#, string),
        ("send.email.sent", r#"{"messageId":"m","message\u0049d":7}"#, string),
        ("send.email.sent", r#"{"message\u0049d":"m","messageId":null}"#, string),
        ("send.email.sent", r#"{"messageId":"m","to":["a"],"to":["a",1]}"#, "data.to[1] must be a string"),
        (
            "send.email.bounced",
            r#"{"messageId":"m","bounceType":"hard","bounceType":"none"}"#,
            "data.bounceType must be one of hard, soft",
        ),
        ("telco.search.completed", r#"{"source":"s","filters":{"npa":"212","npa":1}}"#, npa),
        ("telco.search.completed", r#"{"source":"s","filters":{"npa":"212","n\u0070a":1}}"#, npa),
        ("telco.search.completed", r#"{"source":"s","filters":{"npa":"212"},"filters":{"npa":1}}"#, npa),
        (
            "telco.search.completed",
            r#"{"source":"s","filters":{"npa":"212"},"f\u0069lters":[]}"#,
            "data.filters must be an object",
        ),
    ];
    for (event_type, json, message) in breaking {
        assert_eq!(problem(event_type, json).to_string(), message, "{json}");
    }
}

#[test]
fn other_spellings_of_the_same_value_pass() {
    for (event_type, json) in [
        ("talk.speech.generated", r#"{"voice":"v","textLength":256.0,"speed":1}"#),
        ("talk.speech.generated", r#"{"voice":"v","textLength":2e2}"#),
        ("send.email.bounced", r#"{"message\u0049d" : "m" , "bounceType" : "\u0068ard" }"#),
    ] {
        assert_eq!(Catalogue::get().find(event_type).unwrap().check(&data(json)), Ok(()), "{json}");
    }
}

#[test]
fn a_problem_is_a_callers_mistake_with_its_path_as_the_parameter() {
    let invalid = crate::Invalid::from(problem("send.email.sent", "{}"));
    assert_eq!(invalid.param.as_deref(), Some("data.messageId"));
    assert_eq!(invalid.code, "data_breaks_schema");
    assert_eq!(invalid.message, "data.messageId is required");
}

#[test]
fn schemas_are_json_schema() {
    assert_eq!(
        schema("telco.search.completed"),
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "source": {"type": "string"},
                "filters": {
                    "type": "object",
                    "properties": {"state": {"type": "string"}, "npa": {"type": "string"}},
                    "required": [],
                    "additionalProperties": true,
                },
            },
            "required": ["source"],
            "additionalProperties": true,
        })
    );
    let bounced = schema("send.email.bounced");
    assert_eq!(bounced["properties"]["bounceType"], serde_json::json!({"enum": ["hard", "soft"]}));
    let sent = schema("send.email.sent");
    assert_eq!(sent["properties"]["to"], serde_json::json!({"type": "array", "items": {"type": "string"}}));
    let speech = schema("talk.speech.generated");
    assert_eq!(speech["properties"]["textLength"], serde_json::json!({"type": "integer", "minimum": 0}));
    assert_eq!(speech["properties"]["speed"], serde_json::json!({"type": "number"}));
    let lookup = schema("telco.lookup.completed");
    assert_eq!(lookup["properties"]["hasCarrier"], serde_json::json!({"type": "boolean"}));
    let delivered = schema("email.delivered");
    assert_eq!(
        delivered["properties"]["delivered_at"],
        serde_json::json!({"type": "string", "format": "date-time"})
    );
}

#[test]
fn an_entry_serializes_as_the_api_shows_it() {
    let entry = serde_json::to_value(Catalogue::get().find("platform.test").unwrap()).unwrap();
    assert_eq!(entry["type"], "platform.test");
    assert_eq!(entry["service"], "platform");
    assert_eq!(entry["description"], "Test event (from webhook test button)");
    assert_eq!(entry["livemode"], "always_false");
    assert_eq!(entry["example"]["endpoint_id"], "whep_abc123");
    assert_eq!(entry["schema"], schema("platform.test"));
    assert!(entry.get("code").is_none());
}

#[test]
fn a_prefix_covers_types_at_any_depth_and_ends_at_a_dot() {
    for prefix in ["send", "send.email", "call", "platform.webhook"] {
        assert!(Catalogue::get().has_prefix(prefix), "{prefix}");
    }
    for prefix in ["", "*", "sen", "send.", "send.emai", "send.email.sent", "send.email.*", "webhook"] {
        assert!(!Catalogue::get().has_prefix(prefix), "{prefix}");
    }
}

#[test]
fn the_nearest_pattern_is_what_was_meant() {
    let cases = [
        ("send.emial.sent", "send.email.sent"),
        ("sned.*", "send.*"),
        ("send.emails.*", "send.email.*"),
        ("send.email", "send.email.*"),
        ("CALL.*", "call.*"),
        ("telco.lookup.complete", "telco.lookup.completed"),
        ("emails.sent", "email.sent"),
        ("**", "*"),
        ("", "*"),
    ];
    for (typo, meant) in cases {
        assert_eq!(Catalogue::get().nearest(typo), Some(meant), "{typo}");
    }
}

#[test]
fn the_platform_s_own_types_are_reserved_and_no_others() {
    for event_type in Catalogue::get().iter() {
        let name = event_type.name();
        assert_eq!(event_type.is_reserved(), name.starts_with("platform."), "{name}");
    }
}

#[test]
fn a_reserved_type_is_never_suggested_to_a_publisher() {
    for typo in ["platform.tst", "platform.key.create", "platform.webhook.pause"] {
        let nearest = Catalogue::get().nearest_type(typo).unwrap();
        assert!(!Catalogue::get().find(nearest).unwrap().is_reserved(), "{typo}: {nearest}");
    }
}

#[test]
fn the_nearest_type_is_never_a_pattern() {
    let nearest_type = |typo| Catalogue::get().nearest_type(typo).unwrap();
    assert_eq!(nearest_type("send.emial.sent"), "send.email.sent");
    assert_eq!(nearest_type("call.complete"), "call.completed");
    for typo in ["send.*", "*", ""] {
        assert_ne!(Catalogue::get().find(nearest_type(typo)), None, "{typo:?}");
    }
}

#[test]
fn the_documentation_page_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/event-types.md");
    let expected = markdown().unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let current = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        current == expected,
        "docs/event-types.md is not what the catalogue says: run `UPDATE_DOCS=1 cargo test -p domain catalogue`"
    );
}
