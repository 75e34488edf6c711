//! Dependencies point one way: functions → application → adapters → domain. Read from the manifests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

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

/// What could send a request to a customer's address by itself. The AWS SDK, which cannot, brings its own.
const HTTP_CLIENTS: [&str; 6] = ["curl", "hyper", "hyper-util", "minreq", "reqwest", "ureq"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// This project's crates: those that the lock file has no source for.
fn ours() -> BTreeSet<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let packages = lock.split("[[package]]").skip(1).filter(|package| !package.contains("\nsource = "));
    packages.map(|package| package.split('"').nth(1).unwrap().to_owned()).collect()
}

/// The crates of a folder, and which crates their `[dependencies]` name.
fn crates_in(folder: &str) -> BTreeMap<String, Vec<String>> {
    let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("Cargo.toml").exists()).map(|path| used_by(&path)).collect()
}

fn used_by(path: &Path) -> (String, Vec<String>) {
    let manifest = fs::read_to_string(path.join("Cargo.toml")).unwrap();
    let (_, dependencies) = manifest.split_once("[dependencies]").unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let names = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    let used = names.map(str::to_owned).collect();
    (path.file_name().unwrap().to_string_lossy().into_owned(), used)
}

#[test]
fn shared_crates_use_only_what_lies_below_them() {
    let found = crates_in("shared");
    assert_eq!(found.len(), MAY_USE.len(), "a new crate needs its place in this table: {found:?}");
    let ours = ours();
    for (name, allowed) in MAY_USE {
        for used in found[name].iter().filter(|used| ours.contains(*used)) {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn functions_use_no_other_function_and_no_tool() {
    let ours = ours();
    assert!(ours.contains("bench_calls") && !ours.contains("serde"), "the lock file was not read: {ours:?}");
    for (name, used) in crates_in("functions") {
        let used: Vec<_> = used.into_iter().filter(|used| ours.contains(used)).collect();
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

#[test]
fn nothing_but_egress_can_send_requests_to_customers() {
    let deployed = crates_in("functions").into_iter().chain(crates_in("shared"));
    for (name, used) in deployed {
        let clients: Vec<_> = used.iter().filter(|used| HTTP_CLIENTS.contains(&used.as_str())).collect();
        assert_eq!(!clients.is_empty(), name == "egress", "{name} uses {clients:?}");
    }
}
