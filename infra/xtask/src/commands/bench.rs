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
const ADVICE_KEPT: &str = "name target/bench/bootstraps or a copy of it, as an earlier run left it";

/// The programs of the baselines: one for the AWS SDK, one for HTTP clients.
const CALLS: &str = "bench_calls";
const POSTS: &str = "bench_post";

/// What to measure, and how.
#[derive(Debug)]
pub struct BenchOptions {
    /// One measurement, or all of them.
    pub name: Option<String>,
    /// Short runs, for trying.
    pub quick: bool,
    /// Also write `docs/PERFORMANCE.md` and its plots.
    pub write_docs: bool,
    /// Programs that were built earlier. They are measured instead of this checkout's.
    pub bootstraps: Option<PathBuf>,
}

/// Programs that cargo built, by name.
type Built = BTreeMap<String, PathBuf>;

/// Builds the functions as they are deployed, or takes those that an earlier run kept, and measures them beside the baselines.
/// The tool is a crate of its own: it needs more than a fresh clone should compile first.
pub fn bench(options: &BenchOptions) -> Result<()> {
    // The tool's own speed does not matter.
    let tool = cargo_build(["--package", "bench"])?;
    let tool = program(&tool, "bench")?;
    let output = tool.ancestors().nth(2).unwrap_or(paths::root()).join("bench");

    let bootstraps = bootstraps(options.bootstraps.as_deref(), &output.join("bootstraps"), build)?;
    let posts = build(&[POSTS])?;
    let baselines = program(&posts, POSTS)?.parent().unwrap_or(paths::root());

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

/// The folder of the functions to measure. It is the one that was kept, as it is, or else `folder`, with the functions of this
/// checkout. The baseline for the AWS SDK is built in both cases.
fn bootstraps(
    kept: Option<&Path>,
    folder: &Path,
    build: impl FnOnce(&[&str]) -> Result<Built>,
) -> Result<PathBuf> {
    if let Some(kept) = kept {
        // The tool runs in the project's own folder. There, a relative path of the caller would lead elsewhere.
        let found =
            fs::canonicalize(kept).or_fail(|| format!("cannot find {}", kept.display()), ADVICE_KEPT)?;
        build(&[CALLS])?;
        return Ok(found);
    }

    // The baseline for the AWS SDK has the functions' dependencies and no further features, so they are compiled once. The
    // baseline for HTTP clients would add features that a deployed function does not have.
    let packages: Vec<_> = FUNCTIONS.into_iter().chain([CALLS]).collect();
    keep(&build(&packages)?, folder)?;
    Ok(folder.to_owned())
}

/// Builds the programs of these packages with the release profile.
fn build(packages: &[&str]) -> Result<Built> {
    cargo_build(["--release"].into_iter().chain(packages.iter().flat_map(|name| ["--package", *name])))
}

/// Copies the functions to `<function>/bootstrap` in `folder`, and notes their commit. So they can be measured again beside
/// later ones.
fn keep(programs: &Built, folder: &Path) -> Result<()> {
    for name in FUNCTIONS {
        let built = program(programs, name)?;
        let to = folder.join(name);
        fs::create_dir_all(&to)
            .and_then(|()| fs::copy(built, to.join("bootstrap")))
            .or_fail(|| format!("cannot copy {} to {}", built.display(), to.display()), ADVICE_FILES)?;
    }

    let commit = folder.join("commit");
    fs::write(&commit, measured_commit()?)
        .or_fail(|| format!("cannot write {}", commit.display()), ADVICE_FILES)
}

fn program<'a>(built: &'a Built, name: &str) -> Result<&'a Path> {
    let found = built.get(name).map(PathBuf::as_path);
    found.ok_or_else(|| Failure::new(format!("cargo built no program {name}"), ADVICE_BUILD))
}

/// The commit that is checked out, followed by `-dirty` if files differ from it.
fn measured_commit() -> Result<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]).current_dir(paths::root());
    output_of(&mut git, "git describe", "measure in a checkout of the project's repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with programs of an earlier commit, and the programs that cargo would build now. Each test removes the folder's
    /// parent.
    fn kept_and_built(test: &str) -> (PathBuf, Built) {
        let folder = std::env::temp_dir().join(format!("bench-{test}-{}", std::process::id()));
        let (kept, target) = (folder.join("bootstraps"), folder.join("target"));
        fs::create_dir_all(&target).unwrap();
        for name in FUNCTIONS {
            fs::create_dir_all(kept.join(name)).unwrap();
            fs::write(kept.join(name).join("bootstrap"), "earlier").unwrap();
            fs::write(target.join(name), "now").unwrap();
        }
        let built = FUNCTIONS.map(|name| (name.to_owned(), target.join(name))).into();
        (kept, built)
    }

    fn measured(folder: &Path) -> Vec<String> {
        let read = |name: &str| fs::read_to_string(folder.join(name).join("bootstrap")).unwrap();
        FUNCTIONS.map(read).into()
    }

    #[test]
    fn programs_that_were_kept_are_measured_as_they_are_even_from_the_folder_of_new_ones() {
        let (kept, built) = kept_and_built("kept");
        let mut asked = Vec::new();

        let folder = bootstraps(Some(&kept), &kept, |packages| {
            asked.extend(packages.iter().map(|name| (*name).to_owned()));
            Ok(built)
        })
        .unwrap();

        assert_eq!(measured(&folder), ["earlier"; 3]);
        assert_eq!(asked, [CALLS], "functions are not built for nothing");
        fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    }

    #[test]
    fn without_kept_ones_this_checkout_s_are_built_and_measured() {
        let (folder, built) = kept_and_built("built");

        let folder = bootstraps(None, &folder, |packages| {
            assert_eq!(packages, ["api", "fan_out", "deliver", CALLS]);
            Ok(built)
        })
        .unwrap();

        assert_eq!(measured(&folder), ["now"; 3]);
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named_before_anything_is_built() {
        let failure = bootstraps(Some(Path::new("no/such/folder")), Path::new("x"), |_| panic!("built"));
        assert!(failure.unwrap_err().to_string().contains("no/such/folder"));
    }
}
