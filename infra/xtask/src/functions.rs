//! The programs of this workspace that a stack runs. Cargo builds them, and they are laid out as the template's functions need
//! them.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::cargo::cargo;
use crate::command::ADVICE_FILES;
use crate::failure::{Failure, OrFail as _, Result};

/// The functions, by the `Binary` in the template's build properties.
pub(crate) const FUNCTIONS: [&str; 3] = ["api", "fan_out", "deliver"];
pub(crate) const OPERATOR: &str = "operator";
/// The environment variable with the folder of programs that are already built, so that tests need not build them again.
pub(crate) const PREBUILT: &str = "XTASK_PROGRAMS";

/// A folder with `<function>/bootstrap` for each function, and the operator's tool.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds the programs and lays them out in a folder. It uses the development profile, so that tests share what is
    /// compiled.
    pub(crate) fn build(folder: &Path) -> Result<Self> {
        let packages = FUNCTIONS.into_iter().chain([OPERATOR]).flat_map(|package| ["--package", package]);
        Self::build_with(folder, packages)
    }

    /// Builds the programs together with all tests, so that cargo compiles each dependency once. If they were built apart,
    /// other features would be on.
    pub(crate) fn build_with_tests(folder: &Path) -> Result<Self> {
        Self::build_with(folder, ["--workspace", "--bins", "--tests"])
    }

    /// The programs that an enclosing `cargo xtask test` has built.
    pub(crate) fn prebuilt() -> Option<Self> {
        env::var_os(PREBUILT).map(|folder| Self { folder: folder.into() })
    }

    fn build_with<'a>(folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let executables = cargo_build(arguments)?;
        for function in FUNCTIONS {
            place(&executables, function, &folder.join(function).join("bootstrap"))?;
        }
        place(&executables, OPERATOR, &folder.join(OPERATOR))?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn operator(&self) -> PathBuf {
        self.folder.join(OPERATOR)
    }
}

/// Builds with these arguments. Returns the programs by name.
pub(crate) fn cargo_build<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, PathBuf>> {
    const ADVICE: &str = "mend what the compiler names above, then try again";
    let output = cargo()
        .arg("build")
        .args(arguments)
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .or_fail(|| "cannot run cargo".to_owned(), "install Rust with rustup")?;
    if output.status.success() {
        Ok(executables(&String::from_utf8_lossy(&output.stdout)))
    } else {
        Err(Failure::new("the build failed", ADVICE))
    }
}

/// The programs that cargo's messages name
/// (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).
fn executables(messages: &str) -> BTreeMap<String, PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "bin" && message["profile"]["test"] == false)
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?.to_owned();
            Some((name, PathBuf::from(message["executable"].as_str()?)))
        })
        .collect()
}

/// Copies a program to the place where it runs, unless the same one is there.
fn place(executables: &BTreeMap<String, PathBuf>, name: &str, to: &Path) -> Result<()> {
    let from = executables.get(name).ok_or_else(|| {
        Failure::new(
            format!("cargo built no program {name}"),
            "look into that crate's Cargo.toml and src/main.rs",
        )
    })?;
    let failed = || format!("cannot copy {} to {}", from.display(), to.display());
    to.parent().map_or(Ok(()), fs::create_dir_all).or_fail(failed, ADVICE_FILES)?;
    let stamp_file = to.with_extension("made-from");
    let stamp = stamp_of(from).or_fail(failed, ADVICE_FILES)?;
    if to.exists() && fs::read_to_string(&stamp_file).is_ok_and(|made_from| made_from == stamp) {
        return Ok(());
    }
    // A program that is running cannot be overwritten, but it can be replaced.
    let _ = fs::remove_file(to);
    if !strip(from, to) {
        fs::copy(from, to).or_fail(failed, ADVICE_FILES)?;
    }
    fs::write(stamp_file, stamp).or_fail(failed, ADVICE_FILES)
}

/// Copies a program without debug information, which is most of its size and would be uploaded with each deployment. False if
/// this machine has no `strip`, which is part of a C toolchain.
fn strip(from: &Path, to: &Path) -> bool {
    Command::new("strip")
        .arg("-S")
        .arg("-o")
        .args([to, from])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn stamp_of(program: &Path) -> std::io::Result<String> {
    let metadata = fs::metadata(program)?;
    let modified = metadata.modified()?;
    Ok(format!("{} {} {modified:?}", program.display(), metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_taken_from_cargos_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"api"},"profile":{"test":false},"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"api"},"profile":{"test":true},"executable":"/target/debug/deps/api-1"}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"api"},"profile":{"test":false},"executable":"/target/debug/api"}
{"reason":"build-finished","success":true}"#;
        let expected = BTreeMap::from([("api".to_owned(), PathBuf::from("/target/debug/api"))]);
        assert_eq!(executables(messages), expected);
    }
}
