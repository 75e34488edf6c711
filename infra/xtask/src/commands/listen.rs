use crate::demonstration::show;
use crate::failure::Result;
use crate::receiver::{Receiver, Reply};
use crate::signature::verify;
use crate::terminal::say;

/// Runs a receiver that prints what it gets, and verifies it if the endpoint's secret is known.
pub fn listen(port: u16, reply: Reply, secret: Option<&str>) -> Result<()> {
    let receiver = Receiver::start(port, reply)?;
    say(format_args!("Listening. Register this as an endpoint's url: {}", receiver.url()));
    if secret.is_none() {
        say(
            "Signatures are not checked: give the endpoint's secret with --secret whsec_… or in SIGNING_SECRET.",
        );
    }
    while let Some(request) = receiver.wait() {
        say("");
        show(&request);
        match secret {
            Some(secret) => say(format_args!("\n  → {} ({})", reply.status, verify(&request, secret))),
            None => say(format_args!("\n  → {} (signature not checked)", reply.status)),
        }
    }
    Ok(())
}
