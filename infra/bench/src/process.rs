//! Processes that the tool starts, plain or under callgrind.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::{Failure, Result, proc};

/// Longer than any process takes to end.
const PATIENCE: Duration = Duration::from_mins(2);
const LOG_SHOWN: usize = 20;

/// How a process is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As it is.
    Plain,
    /// Under `valgrind --tool=callgrind`, which counts instructions and is about fifty times slower.
    Callgrind,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// What its log is called.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment, all of it.
    pub variables: BTreeMap<String, String>,
}

/// A process that runs; it is ended when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: u32,
    log: PathBuf,
    profile: PathBuf,
    started: Instant,
}

impl Process {
    /// Starts it. What it writes goes to a file in `folder`, named after the program.
    pub fn start(program: &Program, how: How, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{}.log", program.name));
        let output = create(&log)?;
        let errors = output.try_clone()?;
        Self::spawn(program, how, folder, |command| {
            command.stdin(Stdio::null()).stdout(output).stderr(errors)
        })
    }

    fn spawn(
        program: &Program,
        how: How,
        folder: &Path,
        streams: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self> {
        let profile = folder.join(format!("{}.callgrind", program.name));
        let mut command = match how {
            How::Plain => Command::new(&program.path),
            How::Callgrind => {
                let mut command = Command::new("valgrind");
                command.args(["--tool=callgrind", "--quiet"]);
                command.arg(format!("--callgrind-out-file={}", profile.display())).arg(&program.path);
                command
            }
        };
        command.args(&program.arguments).env_clear().envs(&program.variables).kill_on_drop(true);
        if how == How::Callgrind {
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }

        let started = Instant::now();
        let child = streams(&mut command)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.path.display()))?;
        let pid = child.id().ok_or("a process that was just started has no id")?;
        let log = folder.join(format!("{}.log", program.name));
        Ok(Self { child, pid, log, profile, started })
    }

    /// Just before it was executed.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What CPU time it has used so far.
    pub fn cpu(&self) -> Result<proc::Cpu> {
        proc::Cpu::of(self.pid)
    }

    /// The most memory that it has had so far, in KiB.
    pub fn peak_memory(&self) -> Result<u64> {
        proc::peak_memory(self.pid)
    }

    /// Waits until it ends, which it should not.
    pub async fn ended(&mut self) -> Failure {
        let status = self.child.wait().await;
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        format!("{} ended: {status}\n{}", self.log.display(), self.end_of_log()).into()
    }

    /// Ends it, and says how many instructions it executed under callgrind.
    pub async fn instructions(mut self) -> Result<u64> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).ok_or("no process id")?;
        kill_process(pid, Signal::TERM)?;
        timeout(PATIENCE, self.child.wait()).await.map_err(|_| "callgrind does not end")??;

        let profile = fs::read_to_string(&self.profile)
            .map_err(|error| format!("callgrind left no {}: {error}", self.profile.display()))?;
        parse_instructions(&profile).ok_or_else(|| format!("{} has no totals", self.profile.display()).into())
    }

    fn end_of_log(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_SHOWN)..].join("\n")
    }
}

/// A process that is told what to do by lines, and answers each with a line.
#[derive(Debug)]
pub struct Conversation {
    /// The process.
    pub process: Process,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Conversation {
    /// Starts the program. What it writes to standard error goes to a file in `folder`.
    pub fn start(program: &Program, how: How, folder: &Path) -> Result<Self> {
        let errors = create(&folder.join(format!("{}.log", program.name)))?;
        let mut process = Process::spawn(program, how, folder, |command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors)
        })?;
        let input = process.child.stdin.take().ok_or("its standard input is closed")?;
        let output = process.child.stdout.take().ok_or("its standard output is closed")?;
        Ok(Self { process, input, output: BufReader::new(output).lines() })
    }

    /// Says a line and waits for the answer.
    pub async fn ask(&mut self, line: &str) -> Result<String> {
        self.input.write_all(format!("{line}\n").as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<String> {
        match self.output.next_line().await? {
            Some(line) => Ok(line),
            None => Err(self.process.ended().await),
        }
    }
}

/// A server of ours, which said where it listens.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    _conversation: Conversation,
}

impl Server {
    /// Starts it and waits until it says its address.
    pub async fn start(program: &Program, folder: &Path) -> Result<Self> {
        let mut conversation = Conversation::start(program, How::Plain, folder)?;
        let address = conversation.answer().await?.parse()?;
        Ok(Self { address, _conversation: conversation })
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| format!("cannot write {}: {error}", path.display()).into())
}

/// The instructions of all threads in callgrind's output, which is its one event unless it is asked for more.
fn parse_instructions(profile: &str) -> Option<u64> {
    let total = |name| profile.lines().rev().find_map(|line| line.strip_prefix(name));
    total("totals:").or_else(|| total("summary:"))?.trim().parse().ok()
}

/// True if valgrind is installed.
pub async fn has_callgrind() -> bool {
    let version =
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.await.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Program {
        let variables = BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]);
        let name = format!("bench-{name}-{}", std::process::id());
        Program { name, path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], variables }
    }

    #[test]
    fn instructions_are_the_totals() {
        assert_eq!(
            parse_instructions("version: 1\nevents: Ir\nsummary: 5\nfn=a\n1 5\ntotals: 12\n"),
            Some(12)
        );
        assert_eq!(parse_instructions("events: Ir\nsummary: 5\n"), Some(5));
        assert_eq!(parse_instructions("events: Ir\n"), None);
    }

    #[tokio::test]
    async fn lines_are_answered_and_the_environment_is_the_program_s_own() {
        let program = shell("talk", "while read line; do echo \"$GREETING $line $CARGO\"; done");
        let mut conversation = Conversation::start(&program, How::Plain, &std::env::temp_dir()).unwrap();
        assert_eq!(conversation.ask("you").await.unwrap(), "hello you ");
        assert!(conversation.process.peak_memory().unwrap() > 0);
    }

    #[tokio::test]
    async fn a_process_that_ends_is_a_failure_with_the_end_of_its_log() {
        let mut process =
            Process::start(&shell("end", "echo why; exit 3"), How::Plain, &std::env::temp_dir()).unwrap();
        let failure = process.ended().await.to_string();
        assert!(failure.contains("exit status: 3") && failure.ends_with("why"), "{failure}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let program = Program { path: "/no/such/program".into(), ..shell("none", "") };
        let started = runtime.block_on(async { Process::start(&program, How::Plain, &std::env::temp_dir()) });
        assert!(started.unwrap_err().to_string().contains("/no/such/program"));
    }
}
