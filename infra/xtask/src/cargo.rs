//! Cargo, called from a program that cargo itself started.

use std::env;
use std::process::Command;

use crate::paths;

/// A cargo command without the variables that describe xtask's own package. Some build scripts watch them. These would run
/// again whenever cargo is called once by xtask and once by the shell.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command.env_remove("CARGO").current_dir(paths::root());
    command
}
