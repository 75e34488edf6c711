use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use xtask::commands::{self, BenchOptions, Function};
use xtask::{Reply, Result};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up and start the local stack, then show an event being delivered.
    Up {
        /// The emulator's port on 127.0.0.1 (4566 the first time, then the same again).
        #[arg(long)]
        port: Option<u16>,
    },
    /// Stop the local stack. Its state stays.
    Down {
        /// Also remove its state: organizations, endpoints, events.
        #[arg(long)]
        wipe: bool,
    },
    /// Say whether the local stack runs, and where.
    Status,
    /// Print what the functions of the local stack logged.
    Logs {
        function: Option<Function>,
        /// Go on printing as they log more.
        #[arg(long, short)]
        follow: bool,
    },
    /// Run a receiver that prints and verifies the deliveries it gets.
    Listen {
        /// The port on 127.0.0.1; 0 takes a free one.
        #[arg(long, default_value_t = 9000)]
        port: u16,
        /// The status that it answers with.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(100..=599))]
        status: u16,
        /// Milliseconds before it answers.
        #[arg(long, default_value_t = 0)]
        delay: u64,
        /// The endpoint's signing secret, whsec_ included. Without it signatures are not checked.
        #[arg(long, env = "SIGNING_SECRET", hide_env_values = true)]
        secret: Option<String>,
    },
    /// Run all tests: unit, integration, and end to end against a stack of their own.
    Test {
        /// Only tests whose names have this in them.
        #[arg(long)]
        filter: Option<String>,
        /// Passed on to cargo nextest run, or to cargo test where nextest is not installed.
        #[arg(last = true)]
        extra: Vec<String>,
    },
    /// Measure what the functions cost, as they are deployed: CPU, memory, start, size, beside baselines.
    Bench {
        /// deliver, `fan_out`, publish, start or sizes; all without a name.
        name: Option<String>,
        /// Short runs, for trying it.
        #[arg(long)]
        quick: bool,
        /// Put the figures and plots into docs/PERFORMANCE.md.
        #[arg(long)]
        write_docs: bool,
        /// Measure programs that an earlier run kept (target/bench/bootstraps or a copy of it), instead of building them.
        #[arg(long)]
        bootstraps: Option<PathBuf>,
    },
    /// Measure how the code is written: lines, lengths, module cycles, handlers, paragraphs.
    Style {
        /// Print JSON, with every handler.
        #[arg(long)]
        json: bool,
    },
    /// Check template.yaml with `sam validate --lint`.
    LintTemplate,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nFailed: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Up { port } => commands::up(port),
        Command::Down { wipe } => commands::down(wipe),
        Command::Status => commands::status(),
        Command::Logs { function, follow } => commands::logs(function, follow),
        Command::Listen { port, status, delay, secret } => {
            let reply = Reply { status, delay: Duration::from_millis(delay) };
            commands::listen(port, reply, secret.as_deref())
        }
        Command::Test { filter, extra } => commands::test(filter.as_deref(), &extra),
        Command::Bench { name, quick, write_docs, bootstraps } => {
            commands::bench(&BenchOptions { name, quick, write_docs, bootstraps })
        }
        Command::Style { json } => commands::style(json),
        Command::LintTemplate => commands::lint_template(),
    }
}
