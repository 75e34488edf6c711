//! `cargo xtask bench` builds and starts this; see the library.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tokio::net::TcpListener;

use bench::{
    Result, aws_server,
    measures::{self, Effort, Name},
    receiver, report,
    results::Report,
    stage::Folders,
};

#[derive(Parser)]
#[command(about = "Measures the functions' programs beside baselines")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, print tables and keep the figures as JSON.
    Run {
        /// What to measure: deliver, `fan_out`, publish, start or sizes. All of them without a name.
        #[arg(value_parser = Name::parse)]
        name: Option<Name>,
        /// The folder with `<function>/bootstrap` and a file `commit`.
        #[arg(long)]
        bootstraps: PathBuf,
        /// The folder with `bench_calls` and `bench_post`.
        #[arg(long)]
        baselines: PathBuf,
        /// The folder for figures, logs and profiles.
        #[arg(long)]
        output: PathBuf,
        /// Short runs, for trying the tool.
        #[arg(long)]
        quick: bool,
        /// The checkout into whose docs/PERFORMANCE.md all figures go that are in `output`.
        #[arg(long)]
        write_docs: Option<PathBuf>,
    },
    /// The models of AWS; started by `run`.
    ServeAws,
    /// The receiver; started by `run`.
    ServeReceiver,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("Failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::ServeAws => aws_server::run(listen().await?).await,
        Command::ServeReceiver => receiver::run(listen().await?).await,
        Command::Run { name, bootstraps, baselines, output, quick, write_docs } => {
            let folders = Folders { bootstraps, baselines, logs: output.join("logs") };
            std::fs::create_dir_all(&folders.logs)?;

            let effort = Effort::new(quick).await;
            for name in name.map_or_else(|| Name::ALL.to_vec(), |name| vec![name]) {
                eprintln!("Measuring {name} …");
                let report = measures::run(name, &folders, effort).await?;
                report.write(&output)?;
                say(&report::terminal(&report));
            }

            let Some(root) = write_docs else { return Ok(()) };
            let kept = Name::ALL.map(|name| Report::read(&output, name.text()));
            let kept: Vec<_> = kept.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?;
            report::write_docs(&root, &kept)
        }
    }
}

/// Listens on a free port of 127.0.0.1, and says where.
async fn listen() -> Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    say(&format!("{}\n", listener.local_addr()?));
    Ok(listener)
}

/// Prints. A closed pipe is nobody's failure.
fn say(text: &str) {
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(text.as_bytes());
    let _ = output.flush();
}
