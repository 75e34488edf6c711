//! What Linux counts of a process, from `/proc` (proc(5)).

use std::{collections::BTreeMap, fs, io, path::PathBuf, time::Duration};

use crate::{Failure, Result};

/// What `utime` and `stime` are counted in. The kernel scales them to this for every program on every architecture that Lambda
/// has (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process has used, all its threads together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    /// In the program, in ticks of 10 ms.
    user: Duration,
    /// In the kernel on its behalf, in ticks of 10 ms.
    system: Duration,
    /// Both together to the nanosecond, for each thread that runs.
    threads: BTreeMap<u32, Duration>,
}

/// CPU time that was used between two readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuUsed {
    /// In the program.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl CpuUsed {
    /// Both together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }
}

impl Cpu {
    /// Reads it. Errors: the process has ended.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = read(&format!("/proc/{pid}/stat"))?;
        let (user, system) = parse_stat(&stat).ok_or_else(|| malformed("stat", &stat))?;
        Ok(Self { user, system, threads: threads(pid)? })
    }

    /// What was used since an earlier reading. The sum is exact unless a thread ended in between, and to a tick then; how it
    /// is shared between program and kernel is as the ticks have it.
    pub fn since(&self, earlier: &Self) -> CpuUsed {
        let user = self.user.saturating_sub(earlier.user);
        let system = self.system.saturating_sub(earlier.system);
        let ticks = user + system;
        if earlier.threads.keys().any(|thread| !self.threads.contains_key(thread)) {
            return CpuUsed { user, system };
        }

        let before = |thread| earlier.threads.get(thread).copied().unwrap_or_default();
        let exact: Duration =
            self.threads.iter().map(|(thread, time)| time.saturating_sub(before(thread))).sum();
        // A thread that began and ended in between is in the ticks alone. Each of the two is cut off at a tick.
        if ticks > exact + 2 * TICK {
            return CpuUsed { user, system };
        }
        let share = if ticks.is_zero() { 1.0 } else { user.div_duration_f64(ticks) };
        let user = exact.mul_f64(share).min(exact);
        CpuUsed { user, system: exact.saturating_sub(user) }
    }
}

/// The most memory that a process has had resident, in KiB.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let status = read(&format!("/proc/{pid}/status"))?;
    parse_peak(&status).ok_or_else(|| malformed("status", &status))
}

fn threads(pid: u32) -> Result<BTreeMap<u32, Duration>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path: PathBuf = entry?.path().join("schedstat");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // It ended since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("cannot read {}: {error}", path.display()).into()),
        };
        let name = path.parent().and_then(|folder| folder.file_name()?.to_str()?.parse().ok());
        let time = parse_schedstat(&text);
        let (thread, time) = name.zip(time).ok_or_else(|| malformed("schedstat", &text))?;
        threads.insert(thread, time);
    }
    Ok(threads)
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}").into())
}

fn malformed(file: &str, text: &str) -> Failure {
    format!("/proc has another form of {file} than was expected: {text}").into()
}

/// `utime` and `stime`, the 14th and 15th field. The second is the program's name in parentheses and may have any letters in it,
/// parentheses and spaces too.
fn parse_stat(stat: &str) -> Option<(Duration, Duration)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok().map(|ticks| TICK * ticks);
    Some((ticks()?, ticks()?))
}

/// Nanoseconds on a CPU, the first of three numbers.
fn parse_schedstat(text: &str) -> Option<Duration> {
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn cpu(user: u64, system: u64, threads: &[(u32, u64)]) -> Cpu {
        let millis = Duration::from_millis;
        let threads = threads.iter().map(|(thread, time)| (*thread, millis(*time))).collect();
        Cpu { user: millis(user), system: millis(system), threads }
    }

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 97 0 0 0 123 45 0 0 20 0 3 0 58152 3133440 361";
        assert_eq!(parse_stat(stat), Some((Duration::from_millis(1_230), Duration::from_millis(450))));
        assert_eq!(parse_stat("42 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn nanoseconds_are_the_first_number() {
        assert_eq!(parse_schedstat("4499346 1200 7\n"), Some(Duration::from_nanos(4_499_346)));
        assert_eq!(parse_schedstat(""), None);
    }

    #[test]
    fn peak_memory_is_in_kib() {
        assert_eq!(
            parse_peak("Name:\tapi\nVmPeak:\t  9 kB\nVmHWM:\t   18204 kB\nVmRSS:\t 1 kB\n"),
            Some(18_204)
        );
        assert_eq!(parse_peak("Name:\tzombie\n"), None);
    }

    #[test]
    fn the_sum_is_exact_and_its_shares_are_the_ticks() {
        let used = cpu(40, 20, &[(1, 50), (2, 13)]).since(&cpu(10, 10, &[(1, 20)]));
        assert_eq!(used.total(), Duration::from_millis(43));
        assert_eq!(used.user, Duration::from_micros(32_250));

        let too_short_for_a_tick = cpu(10, 10, &[(1, 21)]).since(&cpu(10, 10, &[(1, 20)]));
        assert_eq!(too_short_for_a_tick.total(), Duration::from_millis(1));
    }

    #[test]
    fn ticks_count_where_a_thread_has_ended() {
        let used = cpu(40, 20, &[(1, 50)]).since(&cpu(10, 10, &[(1, 20), (2, 5)]));
        let ticks = CpuUsed { user: Duration::from_millis(30), system: Duration::from_millis(10) };
        assert_eq!(used, ticks);

        let began_and_ended = cpu(40, 20, &[(1, 21)]).since(&cpu(10, 10, &[(1, 20)]));
        assert_eq!(began_and_ended, ticks);
    }

    #[test]
    fn a_process_that_works_uses_cpu_and_has_a_peak() {
        let before = Cpu::of(std::process::id()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            std::hint::black_box((0..100_000_u64).sum::<u64>());
            let used = Cpu::of(std::process::id()).unwrap().since(&before);
            if used.total() >= Duration::from_millis(1) {
                break;
            }
            assert!(Instant::now() < deadline, "{used:?}");
        }
        assert!(peak_memory(std::process::id()).unwrap() > 100);
    }

    #[test]
    fn a_process_that_is_not_there_is_a_failure() {
        assert!(Cpu::of(u32::MAX).is_err());
        assert!(peak_memory(u32::MAX).is_err());
    }
}
