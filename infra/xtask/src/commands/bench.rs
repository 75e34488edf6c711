use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{output_of, run_shown};
use crate::failure::{Failure, OrFail as _, Result};
use crate::functions::{FUNCTIONS, cargo_build};
use crate::paths;

const ADVICE_BUILD: &str = "look into that crate's Cargo.toml and src";
const ADVICE_FILES: &str =
    "make room on the disk, and make sure that cargo's target folder is yours to write";

/// What to measure, and how.
#[derive(Debug)]
pub struct BenchOptions {
    /// One measurement; all without it.
    pub name: Option<String>,
    /// Short runs, for trying.
    pub quick: bool,
    /// Also write `docs/PERFORMANCE.md` and its plots.
    pub write_docs: bool,
    /// Programs that were built earlier, in place of this checkout's.
    pub bootstraps: Option<PathBuf>,
}

/// Builds the functions as they are deployed, and measures them. The tool is a crate of its own, since all that it needs is more
/// than a fresh clone should compile before it can do anything.
pub fn bench(options: &BenchOptions) -> Result<()> {
    // Nothing about the tool's own speed counts.
    let tool = cargo_build(["--package", "bench"])?;
    let tool = program(&tool, "bench")?;
    let output = tool.ancestors().nth(2).unwrap_or(paths::root()).join("bench");

    let (built, baselines) = build(&output.join("bootstraps"))?;
    let bootstraps = options.bootstraps.as_ref().unwrap_or(&built);

    let mut command = Command::new(tool);
    command.arg("run").args(&options.name).current_dir(paths::root());
    command.arg("--bootstraps").arg(bootstraps).arg("--baselines").arg(baselines).arg("--output").arg(output);
    command.args(options.quick.then_some("--quick"));
    if options.write_docs {
        command.arg("--write-docs").arg(paths::root());
    }
    run_shown(
        &mut command,
        "measuring",
        "read the lines above; what the processes wrote is in target/bench/logs",
    )
}

/// Builds the functions and the baselines. Copies the functions to `<function>/bootstrap` in `folder`, with the commit that they
/// are from, so that they can be measured again beside later ones. That folder, and the one of the baselines.
fn build(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    // The baseline on the AWS SDK has the functions' own dependencies with no feature more, so that they are compiled once.
    // The one on HTTP clients would add features that a deployed function does not have.
    let packages = FUNCTIONS.into_iter().chain(["bench_calls"]).flat_map(|name| ["--package", name]);
    let programs = cargo_build(["--release"].into_iter().chain(packages))?;
    let posts = cargo_build(["--release", "--package", "bench_post"])?;
    let baselines = program(&posts, "bench_post")?.parent().unwrap_or(paths::root()).to_owned();

    for name in FUNCTIONS {
        let built = program(&programs, name)?;
        let to = folder.join(name);
        fs::create_dir_all(&to)
            .and_then(|()| fs::copy(built, to.join("bootstrap")))
            .or_fail(|| format!("cannot copy {} to {}", built.display(), to.display()), ADVICE_FILES)?;
    }
    let commit = folder.join("commit");
    fs::write(&commit, measured_commit()?)
        .or_fail(|| format!("cannot write {}", commit.display()), ADVICE_FILES)?;
    Ok((folder.to_owned(), baselines))
}

fn program<'a>(built: &'a BTreeMap<String, PathBuf>, name: &str) -> Result<&'a Path> {
    let found = built.get(name).map(PathBuf::as_path);
    found.ok_or_else(|| Failure::new(format!("cargo built no program {name}"), ADVICE_BUILD))
}

/// The commit that is checked out, with `-dirty` behind it where files differ from it.
fn measured_commit() -> Result<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]).current_dir(paths::root());
    output_of(&mut git, "git describe", "measure in a checkout of the project's repository")
}
