//! Where things are in this checkout.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The checkout that this runs in. It is found at run time, because two checkouts that share cargo's target folder also share
/// this program.
pub fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let found = [package, env::current_dir().ok()].into_iter().flatten().find_map(|start| {
            start.ancestors().find(|folder| folder.join("infra/xtask").is_dir()).map(Path::to_owned)
        });
        found.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
    });
    &ROOT
}

/// The folder for everything that is made on this machine and never committed.
pub(crate) fn local() -> PathBuf {
    root().join(".local")
}

/// The template that is deployed, here and to AWS.
pub fn template() -> PathBuf {
    root().join("template.yaml")
}

/// The local stack's folder.
pub(crate) fn local_stack() -> PathBuf {
    local().join("stack")
}

/// The file with what a shell or a program needs to know to use the local stack.
pub(crate) fn local_stack_env() -> PathBuf {
    local().join("stack.env")
}

/// The folder of the stack that `cargo xtask test` runs beside the local one.
pub(crate) fn test_stack() -> PathBuf {
    local().join("test")
}
