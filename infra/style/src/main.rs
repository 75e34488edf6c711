//! `cargo xtask style`: how the code is written, in figures.
//!
//! Every crate's files are found as the compiler finds them, from each target's root by its `mod` items, and are parsed.
//! A file that does not parse ends the program with its place. What is counted stands at the top of each module:
//! [`lines`], [`functions`], [`handlers`], [`modules`]; what it is counted against in [`measures`].
//!
//! Tests are told apart everywhere: files of tests, examples and benchmarks, the crate `tests`, and in other files what is
//! compiled for tests only.

mod failure;
mod functions;
mod handlers;
mod lines;
mod measures;
mod modules;
mod numbers;
mod paths;
mod report;
mod source;
mod workspace;

use std::{io::Write as _, process::ExitCode};

use clap::Parser;

use failure::Failure;
use measures::Measures;

/// How the code is written: lines, lengths, cycles, paragraphs.
#[derive(Parser)]
struct Arguments {
    /// Print JSON, with every handler.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("Failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (root, crates) = workspace::crates()?;
    let measures = Measures::of(&root, &crates)?;

    let text = if arguments.json { format!("{:#}\n", measures.json()) } else { measures.tables() };
    // A closed pipe is nobody's failure.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    Ok(())
}
