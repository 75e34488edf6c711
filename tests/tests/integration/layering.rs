//! Dependencies point one way: functions → application → adapters → domain. Read from the manifests.

use std::{collections::BTreeMap, fs, path::Path};

/// What each crate of `shared/` may use of the others.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("domain", &[]),
    ("aws", &[]),
    ("egress", &[]),
    ("messaging", &["aws", "domain"]),
    ("storage", &["aws", "domain"]),
    ("runtime", &["domain"]),
    ("vault", &["aws", "domain", "storage"]),
    ("application", &["domain", "egress", "messaging", "runtime", "storage", "vault"]),
];

const SHARED: [&str; 8] =
    ["application", "aws", "domain", "egress", "messaging", "runtime", "storage", "vault"];

/// The crates of a folder, and which of this project's crates their `[dependencies]` name.
fn crates_in(folder: &str) -> BTreeMap<String, Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("Cargo.toml").exists()).map(|path| used_by(&path)).collect()
}

fn used_by(path: &Path) -> (String, Vec<String>) {
    let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let names = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    let ours = |name: &&str| {
        SHARED.contains(name)
            || ["api", "fan_out", "deliver", "bench", "operator", "style", "xtask"].contains(name)
    };
    let used = names.filter(ours).map(str::to_owned).collect();
    (path.file_name().unwrap().to_string_lossy().into_owned(), used)
}

#[test]
fn shared_crates_use_only_what_lies_below_them() {
    let found = crates_in("shared");
    assert_eq!(found.len(), MAY_USE.len(), "a new crate needs its place in this table: {found:?}");
    for (name, allowed) in MAY_USE {
        for used in &found[name] {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn functions_use_no_other_function_and_no_tool() {
    for (name, used) in crates_in("functions") {
        assert!(used.len() > 2, "{name} uses {used:?}: the manifest was not read");
        for used in used {
            assert!(SHARED.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_domain_is_pure() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/domain/Cargo.toml"))
            .unwrap();
    for impure in ["aws", "tokio", "hyper", "futures", "getrandom", "ring"] {
        assert!(!manifest.lines().any(|line| line.starts_with(impure)), "the domain must not use {impure}");
    }
}
