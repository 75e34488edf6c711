//! The crates of this workspace and their targets, as cargo knows them.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::failure::Failure;

/// A crate of the workspace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) targets: Vec<Target>,
}

/// What cargo compiles of a crate at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) root: PathBuf,
    /// It is no part of what is shipped: a test, an example or a benchmark, or anything in the crate `tests`.
    pub(crate) is_test: bool,
}

/// Every crate, in the order of their folders, and the workspace's own folder.
pub(crate) fn crates() -> Result<(PathBuf, Vec<Crate>), Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| Failure::new(format!("cannot run cargo metadata: {error}")))?;

    if !output.status.success() {
        return Err(Failure::new(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr))));
    }
    let metadata = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("cargo metadata wrote no JSON: {error}")))?;
    read(&metadata).ok_or_else(|| Failure::new("cargo metadata has another form than was expected"))
}

fn read(metadata: &Value) -> Option<(PathBuf, Vec<Crate>)> {
    let packages = metadata["packages"].as_array()?;
    let mut crates: Vec<_> = packages.iter().map(read_crate).collect::<Option<_>>()?;
    crates.sort_by(|one, other| one.folder.cmp(&other.folder));
    Some((metadata["workspace_root"].as_str()?.into(), crates))
}

fn read_crate(package: &Value) -> Option<Crate> {
    let name = package["name"].as_str()?.to_owned();
    let folder = Path::new(package["manifest_path"].as_str()?).parent()?.to_owned();

    let target = |target: &Value| {
        let kind = target["kind"][0].as_str()?;
        let is_test = name == "tests" || matches!(kind, "test" | "example" | "bench");
        Some(Target { root: target["src_path"].as_str()?.into(), is_test })
    };
    let targets = package["targets"].as_array()?.iter().map(target).collect::<Option<_>>()?;
    Some(Crate { name, folder, targets })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn crates_are_read_with_their_targets() {
        let target = |kind: &str, path: &str| json!({ "kind": [kind], "src_path": path });
        let package = |name: &str, targets: &[Value]| {
            let manifest = format!("/w/{name}/Cargo.toml");
            json!({ "name": name, "manifest_path": manifest, "targets": targets })
        };
        let metadata = json!({ "workspace_root": "/w", "packages": [
            package("tests", &[target("lib", "/w/tests/src/lib.rs")]),
            package("api", &[target("lib", "/w/api/src/lib.rs"), target("test", "/w/api/tests/a.rs")]),
        ] });

        let (root, crates) = read(&metadata).unwrap();
        assert_eq!(root, Path::new("/w"));
        let found = crates.iter().map(|it| {
            let tests: Vec<_> = it.targets.iter().map(|target| target.is_test).collect();
            (it.name.as_str(), tests)
        });
        assert_eq!(found.collect::<Vec<_>>(), [("api", vec![false, true]), ("tests", vec![true])]);
    }

    #[test]
    fn what_is_no_metadata_is_a_failure() {
        assert!(read(&json!({ "packages": [{ "name": "a" }] })).is_none());
    }
}
