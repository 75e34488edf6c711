//! Processes that go on after the command that started them has ended.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

const CHECK_EVERY: Duration = Duration::from_millis(50);

/// A process that leads a process group of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leader(Pid);

impl Leader {
    /// The process that a pid file names, if it still runs and is the program that was started. The pid may have been given to
    /// another program since, or belong to a process that has ended and that nobody waited for. Then the answer is `None`.
    pub(crate) fn read(pid_file: &Path, program: &str) -> Option<Self> {
        let pid = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
        let leader = Self(Pid::from_raw(pid)?);
        command_line(pid).is_some_and(|line| line.contains(program)).then_some(leader)
    }

    /// Asks the leader of the group to end, and waits. Then it ends by force whatever is left of the group.
    pub(crate) fn stop(self, patience: Duration, mut has_ended: impl FnMut() -> bool) {
        let started = Instant::now();
        // At first only the leader is asked. While it saves its state, it still needs its children.
        let mut ended = kill_process(self.0, Signal::TERM).is_err();
        while !ended && started.elapsed() < patience {
            thread::sleep(CHECK_EVERY);
            ended = has_ended() || !self.runs();
        }
        let _ = kill_process_group(self.0, Signal::KILL);
    }

    pub(crate) fn pid(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }

    fn runs(self) -> bool {
        test_kill_process(self.0).is_ok() && command_line(self.pid()).is_some_and(|line| !line.is_empty())
    }
}

/// The program and the arguments of a process. `None` for a process that has ended, even if nobody has waited for it yet.
fn command_line(pid: i32) -> Option<String> {
    if Path::new("/proc/self").exists() {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::CommandExt as _;
    use std::process::Stdio;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn stop_ends_the_leader_and_its_children() {
        let mut leading = Command::new("sh")
            .args(["-c", "sleep 600 & echo $!; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut started = String::new();
        BufReader::new(leading.stdout.take().unwrap()).read_line(&mut started).unwrap();
        let started: i32 = started.trim().parse().unwrap();
        let pid_file = std::env::temp_dir().join(format!("xtask-{}.pid", leading.id()));
        fs::write(&pid_file, leading.id().to_string()).unwrap();

        let leader = Leader::read(&pid_file, "sleep 600").unwrap();
        leader.stop(PATIENCE, || leading.try_wait().is_ok_and(|status| status.is_some()));

        assert!(!leader.runs());
        assert!(Leader::read(&pid_file, "sleep 600").is_none());
        let deadline = Instant::now() + PATIENCE;
        while command_line(started).is_some_and(|line| !line.is_empty()) {
            assert!(Instant::now() < deadline, "the child still runs");
            thread::sleep(CHECK_EVERY);
        }
        fs::remove_file(pid_file).unwrap();
    }

    #[test]
    fn a_pid_file_that_names_another_program_is_stale() {
        let pid_file = std::env::temp_dir().join(format!("xtask-stale-{}.pid", std::process::id()));
        fs::write(&pid_file, std::process::id().to_string()).unwrap();
        assert!(Leader::read(&pid_file, "no such program").is_none());
        fs::remove_file(pid_file).unwrap();
    }
}
