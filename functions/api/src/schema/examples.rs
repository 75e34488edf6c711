//! Examples of bodies, like those in the seeds. A test sends every request, and checks the example of every answer.

use serde_json::{Value, json};

pub(crate) fn create_webhook() -> Value {
    json!({
        "url": "https://example.com/webhooks/dodev",
        "enabled_events": ["send.email.*", "telco.lookup.completed"],
        "description": "Production webhook handler",
    })
}

pub(crate) fn create_webhook_in_full() -> Value {
    json!({
        "url": "https://example.com/webhooks/alerts",
        "enabled_events": ["send.email.bounced", "send.email.complained"],
        "description": "Alerts",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
        "is_active": true,
        "timeout_seconds": 5,
        "retry_policy": { "max_retries": 3, "initial_delay_seconds": 30, "backoff_factor": 2, "max_delay_seconds": 3600 },
        "format": "standard",
        "metadata": { "team": "growth" },
    })
}

pub(crate) fn update_webhook() -> Value {
    json!({ "enabled_events": ["telco.*"], "description": null, "timeout_seconds": 20 })
}

pub(crate) fn nothing() -> Value {
    json!({})
}

pub(crate) fn unpause_without_replay() -> Value {
    json!({ "replay": false })
}

pub(crate) fn rotate_secret() -> Value {
    json!({ "grace_seconds": 3600 })
}

pub(crate) fn replay() -> Value {
    json!({ "after": "2023-11-14T22:13:20Z", "status": "failed" })
}

pub(crate) fn create_key() -> Value {
    json!({ "name": "CI", "scopes": ["platform:webhooks:read", "platform:events:publish"] })
}

/// The platform's default policy.
pub(crate) fn retry_policy() -> Value {
    json!({ "max_retries": 5, "initial_delay_seconds": 60, "backoff_factor": 5.0, "max_delay_seconds": 43_200 })
}

pub(crate) fn endpoint() -> Value {
    json!({
        "id": "whep_018bcfe56800700180000000abc123de",
        "url": "https://example.com/webhooks/dodev",
        "description": "Production webhook handler",
        "enabled_events": ["send.email.*", "telco.lookup.completed"],
        "is_active": true,
        "is_paused": false,
        "consecutive_failures": 0,
        "last_delivery_at": 1_700_000_000_000_i64,
        "last_delivery_status": 200,
        "created_at": 1_699_900_000_000_i64,
        "timeout_seconds": 10,
        "retry_policy": retry_policy(),
        "format": "dodev",
        "metadata": {},
    })
}

pub(crate) fn created_endpoint() -> Value {
    json!({
        "id": "whep_018bcfe56800700180000000abc123de",
        "url": "https://example.com/webhooks/dodev",
        "enabled_events": ["send.email.*", "telco.lookup.completed"],
        "description": "Production webhook handler",
        "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
        "is_active": true,
        "message": "Webhook endpoint created. Save the signing_secret - it will not be shown again.",
        "is_paused": false,
        "created_at": 1_699_900_000_000_i64,
        "timeout_seconds": 10,
        "retry_policy": retry_policy(),
        "format": "dodev",
        "metadata": {},
    })
}

pub(crate) fn endpoints() -> Value {
    json!({ "endpoints": [endpoint()], "next_cursor": null, "has_more": false })
}

pub(crate) fn rotated() -> Value {
    json!({
        "id": "whep_018bcfe56800700180000000abc123de",
        "signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=",
        "previous_secret_expires_at": 1_700_086_400_000_i64,
        "message": "Secret rotated. Save the signing_secret - it will not be shown again.",
    })
}

pub(crate) fn test_published() -> Value {
    json!({
        "success": true,
        "eventId": "evt_018bcfe5-6800-7001-8000-00000000002a",
        "message": "Test event published. The webhook will be delivered shortly.",
    })
}

pub(crate) fn replay_started() -> Value {
    json!({
        "success": true,
        "message": "Replay started. What failed or was held in that time will be sent again shortly.",
    })
}

fn attempt() -> Value {
    json!({
        "number": 1,
        "at": 1_700_000_000_250_i64,
        "status_code": 200,
        "error_code": null,
        "duration_ms": 84,
        "address": "93.184.215.14",
        "response_body": "OK",
    })
}

pub(crate) fn delivery() -> Value {
    json!({
        "event_id": "evt_018bcfe5-6800-7001-8000-00000000002a",
        "endpoint_id": "whep_018bcfe56800700180000000abc123de",
        "type": "send.email.sent",
        "status": "delivered",
        "next_attempt_at": null,
        "attempts": [attempt()],
        "updated_at": 1_700_000_000_334_i64,
    })
}

pub(crate) fn deliveries() -> Value {
    json!({ "deliveries": [delivery()], "next_cursor": null, "has_more": false })
}

fn key() -> Value {
    json!({
        "id": "key_018bcfe568007001800000000000002a",
        "name": "CI",
        "scopes": ["platform:webhooks:read", "platform:events:publish"],
        "livemode": true,
        "created_at": 1_700_000_000_000_i64,
    })
}

pub(crate) fn keys() -> Value {
    json!({ "keys": [key()], "next_cursor": null, "has_more": false })
}

pub(crate) fn created_key() -> Value {
    let mut created = key();
    created["key"] = json!("dd_live_EXAMPLE_KEY_DO_NOT_USE");
    created["message"] = json!("Key created. Save it - it will not be shown again.");
    created
}

pub(crate) fn event() -> Value {
    json!({
        "eventId": "evt_018bcfe5-6800-7001-8000-00000000002a",
        "type": "send.email.sent",
        "service": "send",
        "data": {
            "messageId": "msg_abc123",
            "from": "hello@mail.example.com",
            "to": ["user@example.com"],
            "subject": "Welcome to our platform",
        },
        "livemode": true,
        "createdAt": 1_700_000_000_000_i64,
    })
}

pub(crate) fn routed_event() -> Value {
    let mut event = event();
    event["deliveries"] = json!([delivery()]);
    event["disabled_endpoints"] = json!([]);
    event
}

pub(crate) fn events() -> Value {
    json!({ "events": [event()], "next_cursor": null, "has_more": false })
}

pub(crate) fn publish_event() -> Value {
    json!({
        "type": "send.email.sent",
        "data": {
            "messageId": "msg_abc123",
            "from": "hello@mail.example.com",
            "to": ["user@example.com"],
            "subject": "Welcome to our platform",
        },
    })
}

pub(crate) fn publish_batch() -> Value {
    let lookup = json!({
        "type": "telco.lookup.completed",
        "data": { "tn": "2125551234", "npa": "212", "nxx": "555", "hasCarrier": true, "hasInventory": false },
        "livemode": false,
    });
    json!({ "events": [publish_event(), lookup] })
}

pub(crate) fn published() -> Value {
    json!({
        "eventId": "evt_018bcfe5-6800-7001-8000-00000000002a",
        "type": "send.email.sent",
        "service": "send",
        "createdAt": 1_700_000_000_000_i64,
    })
}

pub(crate) fn batch_results() -> Value {
    let mut published = published();
    published["status"] = json!(202);
    let refused = json!({
        "status": 400,
        "error": "data.tn is required",
        "code": "data_breaks_schema",
        "param": "data.tn",
    });
    json!({ "results": [published, refused] })
}

pub(crate) fn resend() -> Value {
    json!({ "endpoint_id": "whep_018bcfe56800700180000000abc123de" })
}

pub(crate) fn resent() -> Value {
    json!({
        "success": true,
        "eventId": "evt_018bcfe5-6800-7001-8000-00000000002a",
        "endpointIds": ["whep_018bcfe56800700180000000abc123de"],
        "message": "The event will be sent again shortly.",
    })
}

pub(crate) fn orbit_register() -> Value {
    json!({
        "url": "https://yourapp.com/webhooks/orbit",
        "events": ["message.delivered", "message.failed", "call.completed"],
    })
}

fn orbit_endpoint() -> Value {
    json!({
        "id": "whep_018bcfe56800700180000000abc123de",
        "url": "https://yourapp.com/webhooks/orbit",
        "events": ["message.delivered", "message.failed", "call.completed"],
        "active": true,
        "description": null,
        "timeout_seconds": 30,
        "retry_policy": retry_policy(),
        "created_at": 1_700_000_000_000_i64,
    })
}

pub(crate) fn orbit_registered() -> Value {
    let mut endpoint = orbit_endpoint();
    endpoint["secret"] = json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=");
    json!({ "data": endpoint })
}

pub(crate) fn orbit_listed() -> Value {
    json!({ "data": [orbit_endpoint()], "meta": { "pagination": { "cursor": null, "has_more": false } } })
}
