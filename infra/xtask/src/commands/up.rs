use std::thread;
use std::time::Instant;

use crate::demonstration::demonstrate;
use crate::failure::{Failure, Result};
use crate::functions::Programs;
use crate::paths;
use crate::python::Tools;
use crate::stack::{Stack, StackOptions, recorded_port};
use crate::stack_env::StackEnv;
use crate::terminal::{say, step};

const DEFAULT_PORT: u16 = 4566;

/// Starts the local stack, from nothing or from its saved state, and shows an event being delivered.
pub fn up(port: Option<u16>) -> Result<()> {
    let started = Instant::now();
    let port = agreed_port(recorded_port(&paths::local_stack()), port)?;
    let (tools, programs) = prepare()?;
    let stack = Stack::start_with(&StackOptions::local(port), &tools, programs)?;
    demonstrate(stack.env())?;
    say(format_args!("\nThe stack is up, after {:.0} s in all.\n", started.elapsed().as_secs_f64()));
    explain(stack.env());
    Ok(())
}

/// Builds the functions while pip fetches the Python packages.
fn prepare() -> Result<(Tools, Programs)> {
    thread::scope(|scope| {
        let tools = scope.spawn(Tools::prepare);
        let programs =
            step("cargo build of the functions", || Programs::build(&paths::local_stack().join("build")));
        let tools =
            tools.join().unwrap_or_else(|_| Err(Failure::new("a thread ended early", "try again")))?;
        Ok((tools, programs?))
    })
}

fn agreed_port(recorded: Option<u16>, asked: Option<u16>) -> Result<u16> {
    match (recorded, asked) {
        (Some(recorded), Some(asked)) if recorded != asked => Err(Failure::new(
            format!("the local stack's state belongs to port {recorded}"),
            format!(
                "leave out --port, or start afresh: cargo xtask down --wipe, then cargo xtask up --port {asked}"
            ),
        )),
        (Some(port), _) | (None, Some(port)) => Ok(port),
        (None, None) => Ok(DEFAULT_PORT),
    }
}

fn explain(env: &StackEnv) {
    say(format_args!("  API         {}/v1", env.base_url()));
    say("  variables   set -a; . .local/stack.env; set +a");
    say(
        "  schedules   in seconds here: first retry after 2 s, doubling; probes of a failing endpoint from 1 s to 30 s",
    );
    say("  receiver    cargo xtask listen");
    say("  more        cargo xtask status, logs, down");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_stays_on_its_port() {
        assert_eq!(agreed_port(None, None).unwrap(), DEFAULT_PORT);
        assert_eq!(agreed_port(Some(5000), None).unwrap(), 5000);
        assert_eq!(agreed_port(Some(5000), Some(5000)).unwrap(), 5000);
        assert!(
            agreed_port(Some(5000), Some(5001)).unwrap_err().to_string().contains("belongs to port 5000")
        );
    }
}
