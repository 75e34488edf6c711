//! What the figures depend on beside the code.

use std::{fs, thread};

use serde::{Deserialize, Serialize};

/// A machine, as far as figures depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The CPU's model.
    pub model: String,
    /// How many of them there are.
    pub cores: usize,
    /// Linux's version.
    pub kernel: String,
    /// The load average of the last minute when the measurement began.
    pub load: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            model: model(&read("/proc/cpuinfo")).unwrap_or("unknown").to_owned(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: version(&read("/proc/sys/kernel/osrelease")).to_owned(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// Without what a distribution or a provider adds to it.
fn version(release: &str) -> &str {
    release.trim().split('-').next().unwrap_or_default()
}

/// The first processor's. arm64 has no names there, only numbers.
fn model(cpuinfo: &str) -> Option<&str> {
    let value = |name: &str| {
        let line = cpuinfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start().strip_prefix(':').map(str::trim)
    };
    value("model name").or_else(|| value("CPU part"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_s_version_is_linux_s_own() {
        assert_eq!(version("6.18.44-cloud-amd64\n"), "6.18.44");
        assert_eq!(version("6.18.44"), "6.18.44");
    }

    #[test]
    fn the_model_is_the_first_processor_s() {
        assert_eq!(model("processor\t: 0\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n"), Some("AMD EPYC"));
        assert_eq!(model("processor\t: 0\nCPU part\t: 0xd40\n"), Some("0xd40"));
        assert_eq!(model(""), None);
    }
}
