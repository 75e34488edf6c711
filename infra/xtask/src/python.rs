//! The Python environments of the emulator and of the SAM CLI. Their packages are pinned and have hashes, and they are made
//! once.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::command::{ADVICE_FILES, output_of, run_logged};
use crate::failure::{Failure, OrFail as _, Result};
use crate::paths;
use crate::terminal::step;

const OLDEST: (u32, u32) = (3, 10);
const CANDIDATES: [&str; 7] =
    ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
const INSTALL_PYTHON: &str =
    "install Python 3.10 or newer, or name one in the environment variable PYTHON (PYTHON=/path/to/python3)";

/// The interpreters of the two environments. There are two, because their packages pin different releases of botocore.
#[derive(Debug, Clone)]
pub(crate) struct Tools {
    emulator_python: PathBuf,
    sam_python: PathBuf,
}

impl Tools {
    /// Makes the environments, or finds those that were made from the same requirements.
    pub(crate) fn prepare() -> Result<Self> {
        Ok(Self { emulator_python: prepare("emulator")?, sam_python: prepare("sam")? })
    }

    /// The interpreter that has `MiniStack` and boto3.
    pub(crate) fn emulator_python(&self) -> &Path {
        &self.emulator_python
    }

    /// The file that is written when the emulator's packages are complete.
    pub(crate) fn emulator_stamp() -> PathBuf {
        stamp_file("emulator")
    }

    /// The SAM CLI, without the caller's AWS settings, so that nothing here ever reaches a real account.
    pub(crate) fn sam(&self, aws_settings: &BTreeMap<String, String>) -> Command {
        let mut sam = without_aws_settings(Command::new(&self.sam_python));
        sam.args(["-m", "samcli"]).env("SAM_CLI_TELEMETRY", "0").envs(aws_settings);
        sam
    }
}

/// Removes every `AWS_…` variable that the command would inherit, and hides the files of profiles and credentials.
pub(crate) fn without_aws_settings(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

fn prepare(name: &str) -> Result<PathBuf> {
    let requirements = paths::root().join(format!("infra/local/requirements-{name}.txt"));
    let folder = folder(name);
    let python = folder.join("bin/python");
    let stamp_file = stamp_file(name);
    let stamp = stamp_of(&requirements)?;
    // The interpreter is tried, too: an upgrade of the system's Python may have removed it.
    if fs::read_to_string(&stamp_file).is_ok_and(|made_from| made_from == stamp) && version(&python).is_some()
    {
        return Ok(python);
    }
    step(&format!("Python environment of the {name}"), || {
        make(&folder, &requirements)?;
        fs::write(&stamp_file, &stamp)
            .or_fail(|| format!("cannot write {}", stamp_file.display()), ADVICE_FILES)
    })?;
    Ok(python)
}

fn folder(name: &str) -> PathBuf {
    paths::local().join("venv").join(name)
}

fn stamp_file(name: &str) -> PathBuf {
    folder(name).join("made-from.sha256")
}

fn stamp_of(requirements: &Path) -> Result<String> {
    let text = fs::read(requirements)
        .or_fail(|| format!("cannot read {}", requirements.display()), "restore it with git")?;
    Ok(hex::encode(Sha256::digest(text)))
}

fn make(folder: &Path, requirements: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).or_fail(|| format!("cannot remove {}", folder.display()), ADVICE_FILES)?;
    }
    let system = find_python()?;
    let log = folder.with_extension("log");
    run_logged(
        Command::new(&system).args(["-m", "venv"]).arg(folder),
        "python3 -m venv",
        &log,
        "if Python's venv module is missing, install it (on Debian and Ubuntu: apt install python3-venv)",
    )?;
    run_logged(
        Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
            // The file lists every package, so pip has nothing to resolve and could only add something.
            .args(["--no-deps", "--require-hashes", "--requirement"])
            .arg(requirements),
        "pip install",
        &log,
        "make sure that pip reaches its package index (PIP_INDEX_URL, HTTPS_PROXY), then try again",
    )
}

fn find_python() -> Result<String> {
    let named = env::var("PYTHON").ok();
    let found = named
        .iter()
        .map(String::as_str)
        .chain(CANDIDATES)
        .find(|python| version(Path::new(python)).is_some_and(|version| version >= OLDEST));
    let python = found.ok_or_else(|| Failure::new("no Python 3.10 or newer found", INSTALL_PYTHON))?;
    Ok(python.to_owned())
}

fn version(python: &Path) -> Option<(u32, u32)> {
    let ask = "import sys; print(*sys.version_info[:2])";
    let answer = output_of(Command::new(python).args(["-c", ask]), "python", INSTALL_PYTHON).ok()?;
    parse_version(&answer)
}

fn parse_version(answer: &str) -> Option<(u32, u32)> {
    let (major, minor) = answer.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("3 9\n"), Some((3, 9)));
        assert!(parse_version("3 9").unwrap() < OLDEST);
        assert!(parse_version("3 14").unwrap() > OLDEST);
        assert_eq!(parse_version("Python 2.7.18"), None);
    }

    #[test]
    fn the_callers_aws_settings_do_not_reach_a_command() {
        let command = without_aws_settings(Command::new("sam"));
        let profile_file = command.get_envs().find(|(name, _)| *name == "AWS_CONFIG_FILE");
        assert_eq!(profile_file.and_then(|(_, value)| value), Some("/dev/null".as_ref()));
    }
}
