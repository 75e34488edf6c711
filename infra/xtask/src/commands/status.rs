use minreq::Method::Get;

use crate::api;
use crate::emulator::{Emulator, log_file};
use crate::failure::Result;
use crate::paths;
use crate::stack::recorded_port;
use crate::stack_env::StackEnv;
use crate::terminal::say;

/// Says whether the local stack runs, and where.
pub fn status() -> Result<()> {
    let folder = paths::local_stack();
    let Some(emulator) = Emulator::find(&folder) else {
        say("The local stack is not running. Start it with: cargo xtask up");
        return Ok(());
    };

    let port = recorded_port(&folder).map_or_else(|| "an unknown port".to_owned(), |port| port.to_string());
    say(format_args!(
        "emulator    pid {}, 127.0.0.1:{port}, log in {}",
        emulator.pid(),
        log_file(&folder).display()
    ));

    let Some(env) = StackEnv::read(&paths::local_stack_env()) else {
        say("stack       not deployed. Finish with: cargo xtask up");
        return Ok(());
    };
    say(format_args!("stack       {}, organization {}", env.stack_name(), env.organization_id()));

    let answer = api::call(&env, Get, "/v1/webhooks?limit=1", None)?;
    let verdict = match answer.status {
        200 => "answers",
        401 => "answers, but does not know the key in .local/stack.env; make a new one with: cargo xtask up",
        _ => "fails; see cargo xtask logs api",
    };
    say(format_args!("API         {}/v1 {verdict}", env.base_url()));
    Ok(())
}
