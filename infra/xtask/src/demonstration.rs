//! Shows the main job: an event that is published through the API arrives at a receiver, signed.

use std::time::{Duration, Instant};

use minreq::Method::{Delete, Post};
use serde_json::{Value, json};

use crate::api::{call, text};
use crate::emulator::log_file;
use crate::failure::{Failure, Result};
use crate::paths;
use crate::receiver::{Received, Receiver, Reply};
use crate::signature::{Verdict, verify};
use crate::stack_env::StackEnv;
use crate::terminal::say;

const ARRIVES_WITHIN: Duration = Duration::from_mins(1);

/// Registers a receiver of its own, publishes an event, and prints and verifies what arrives.
pub(crate) fn demonstrate(env: &StackEnv) -> Result<()> {
    let receiver = Receiver::start(0, Reply { status: 200, delay: Duration::ZERO })?;
    let endpoint = register(env, &receiver.url())?;
    let id = text(&endpoint, "id")?;
    say(format_args!("\nPOST /v1/webhooks → {id} for send.email.* at {}", receiver.url()));
    let shown = text(&endpoint, "signing_secret").and_then(|secret| publish_and_show(env, &receiver, secret));
    // The endpoint is removed even after a failure, because nothing listens there from now on.
    let path = format!("/v1/webhooks/{id}");
    let removed = call(env, Delete, &path, None)?.expect(204, &format!("DELETE {path}"));
    shown.and(removed.map(|_| ()))
}

fn register(env: &StackEnv, url: &str) -> Result<Value> {
    let endpoint = json!({
        "url": url,
        "enabled_events": ["send.email.*"],
        "description": "cargo xtask up",
    });
    call(env, Post, "/v1/webhooks", Some(&endpoint))?.expect(201, "POST /v1/webhooks")
}

fn publish_and_show(env: &StackEnv, receiver: &Receiver, secret: &str) -> Result<()> {
    let event = json!({
        "type": "send.email.sent",
        "data": {
            "messageId": "msg_abc123",
            "from": "hello@example.com",
            "to": ["user@example.com"],
            "subject": "Welcome!",
        },
    });

    let published = Instant::now();
    let answer = call(env, Post, "/v1/events", Some(&event))?.expect(202, "POST /v1/events")?;
    let event_id = text(&answer, "eventId")?;
    say(format_args!("POST /v1/events   → {event_id} send.email.sent\n"));

    let delivery = wait_for(receiver, event_id)?;
    say(format_args!("Delivered after {:.1} s:\n", published.elapsed().as_secs_f64()));
    show(&delivery);

    match verify(&delivery, secret) {
        Verdict::Valid => say("\nVerified: HMAC-SHA256 of timestamp and body under the endpoint's secret."),
        verdict => {
            return Err(Failure::new(
                verdict.to_string(),
                "compare what functions/deliver signs with the delivery above",
            ));
        }
    }
    Ok(())
}

fn wait_for(receiver: &Receiver, event_id: &str) -> Result<Received> {
    let deadline = Instant::now() + ARRIVES_WITHIN;
    while let Some(request) = receiver.next(deadline.saturating_duration_since(Instant::now())) {
        if request.header("X-DoDevWebhook-Id") == Some(event_id) {
            return Ok(request);
        }
    }
    Err(Failure::new(
        format!("{event_id} was published but did not arrive within {} s", ARRIVES_WITHIN.as_secs()),
        format!(
            "see what the functions logged (cargo xtask logs fan_out, cargo xtask logs deliver) and the emulator in {}",
            log_file(&paths::local_stack()).display()
        ),
    ))
}

/// Prints a request as it came over the wire.
pub(crate) fn show(request: &Received) {
    say(format_args!("  {} {}", request.method, request.path));
    for (name, value) in &request.headers {
        say(format_args!("  {name}: {value}"));
    }
    say(format_args!("\n  {}", String::from_utf8_lossy(&request.body)));
}
