//! `MiniStack`, the emulator of AWS. It is a process of its own, and goes on after the command that started it has ended.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{ADVICE_FILES, create, end_of};
use crate::failure::{Failure, OrFail as _, Result};
use crate::process::Leader;
use crate::python::Tools;

/// The region of everything local.
pub(crate) const REGION: &str = "us-east-1";
/// The emulator's root credentials. They are good for nothing else.
pub(crate) const ACCESS_KEY: &str = "test";

const STARTS_WITHIN: Duration = Duration::from_mins(1);
const STOPS_WITHIN: Duration = Duration::from_secs(30);
const CHECK_EVERY: Duration = Duration::from_millis(50);
const PROGRAM: &str = "ministack";

/// How to start an emulator.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) python: &'a Path,
    /// For its log, pid and state.
    pub(crate) folder: &'a Path,
    pub(crate) port: u16,
    /// Whether it saves its state when it stops, and reads it when it starts.
    pub(crate) keeps_state: bool,
}

/// A running emulator.
#[derive(Debug)]
pub(crate) struct Emulator {
    leader: Leader,
    /// The process to wait for, if this process started it.
    child: Option<Child>,
    folder: PathBuf,
}

impl Emulator {
    /// The emulator that was started for this folder, if it still runs.
    pub(crate) fn find(folder: &Path) -> Option<Self> {
        let leader = Leader::read(&pid_file(folder), PROGRAM)?;
        Some(Self { leader, child: None, folder: folder.to_owned() })
    }

    /// Starts an emulator and waits until it answers.
    pub(crate) fn start(settings: &Settings<'_>) -> Result<Self> {
        refuse_taken_port(settings.port)?;
        let log = log_file(settings.folder);
        let output = create(&log)?;
        let errors =
            output.try_clone().or_fail(|| format!("cannot write {}", log.display()), ADVICE_FILES)?;
        let temporary = settings.folder.join("tmp");
        // The emulator unpacks the functions there. It does so again whenever it needs them.
        let _ = fs::remove_dir_all(&temporary);
        fs::create_dir_all(&temporary)
            .or_fail(|| format!("cannot make {}", temporary.display()), ADVICE_FILES)?;
        let child = command(settings, &temporary)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C at this terminal is not meant for the emulator. And `down` finds its functions by the process group.
            .process_group(0)
            .spawn()
            .or_fail(
                || "cannot start the emulator".to_owned(),
                "remove the folder .local/venv, then try again",
            )?;
        let pid_file = pid_file(settings.folder);
        fs::write(&pid_file, child.id().to_string())
            .or_fail(|| format!("cannot write {}", pid_file.display()), ADVICE_FILES)?;
        wait_until_ready(child, settings)
    }

    /// Stops the emulator and the functions that it runs. If it was started to keep its state, it saves that first.
    pub(crate) fn stop(mut self) {
        let child = self.child.as_mut();
        match child {
            Some(child) => {
                self.leader.stop(STOPS_WITHIN, || child.try_wait().is_ok_and(|status| status.is_some()));
            }
            None => self.leader.stop(STOPS_WITHIN, || false),
        }
        if let Some(mut child) = self.child {
            let _ = child.wait();
        }
        let _ = fs::remove_file(pid_file(&self.folder));
    }

    /// Whether its Python packages were replaced after it was started.
    pub(crate) fn is_older_than_its_packages(&self) -> bool {
        let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        modified(&pid_file(&self.folder)) < modified(&Tools::emulator_stamp())
    }

    pub(crate) fn pid(&self) -> i32 {
        self.leader.pid()
    }
}

/// The URL of an emulator on this port. It is an address and not a name, because `localhost` may be `::1`, where nothing
/// listens.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// A port that is free at this moment.
pub fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .or_fail(|| "no free port on 127.0.0.1".to_owned(), "end some of the programs that listen there")
}

pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join("emulator.log")
}

fn pid_file(folder: &Path) -> PathBuf {
    folder.join("emulator.pid")
}

fn refuse_taken_port(port: u16) -> Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        return Ok(());
    }
    Err(Failure::new(
        format!("port {port} on 127.0.0.1 is taken by another program"),
        format!(
            "end that program, or use another port: cargo xtask up --port {}",
            free_port().unwrap_or(port.wrapping_add(100))
        ),
    ))
}

fn command(settings: &Settings<'_>, temporary: &Path) -> Command {
    let mut command = Command::new(settings.python);
    command.args(["-m", PROGRAM]).current_dir(settings.folder).env_clear();
    // The functions inherit this environment. On AWS they would see nothing of this machine either.
    for name in ["PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command
        .env("AUTH", "true")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", settings.port.to_string())
        .env("AWS_ENDPOINT_URL", url(settings.port))
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ACCESS_KEY)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("MINISTACK_REGION", REGION)
        // Otherwise two servers of other services would listen on every address of this machine.
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        // Otherwise it would look for a Docker daemon. Here, functions run as plain processes.
        .env("DOCKER_HOST", "unix:///dev/null/none")
        .env("TMPDIR", temporary);
    if settings.keeps_state {
        command
            .env("PERSIST_STATE", "1")
            .env("STATE_DIR", settings.folder.join("state"))
            .env("S3_PERSIST", "1")
            .env("S3_DATA_DIR", settings.folder.join("s3"));
    } else {
        command.env("S3_DATA_DIR", temporary.join("s3"));
    }
    command
}

fn wait_until_ready(mut child: Child, settings: &Settings<'_>) -> Result<Emulator> {
    let log = log_file(settings.folder);
    let started = Instant::now();
    let ready = format!("{}/_ministack/ready", url(settings.port));

    while started.elapsed() < STARTS_WITHIN {
        if child.try_wait().is_ok_and(|status| status.is_some()) {
            break;
        }
        if minreq::get(&ready).with_timeout(2).send().is_ok_and(|answer| answer.status_code == 200) {
            let leader = Leader::read(&pid_file(settings.folder), PROGRAM);
            if let Some(leader) = leader {
                return Ok(Emulator { leader, child: Some(child), folder: settings.folder.to_owned() });
            }
        }
        thread::sleep(CHECK_EVERY);
    }

    let _ = child.kill();
    let _ = child.wait();
    Err(Failure::new(
        format!("the emulator does not start. The end of {}:\n{}", log.display(), end_of(&log)),
        "if its saved state is the cause, start afresh: cargo xtask down --wipe, then cargo xtask up",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_with_another_one_to_use() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let failure = refuse_taken_port(listener.local_addr().unwrap().port()).unwrap_err().to_string();
        assert!(
            failure.contains("is taken by another program") && failure.contains("up --port"),
            "{failure}"
        );
    }

    #[test]
    fn a_folder_without_a_pid_file_has_no_emulator() {
        assert!(Emulator::find(Path::new("/nonexistent")).is_none());
    }
}
