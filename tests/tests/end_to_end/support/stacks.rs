//! The stacks that tests run on.

use std::{fs, path::PathBuf, sync::LazyLock};

use xtask::{Stack, StackOptions};

/// The stack that `cargo xtask test` started for all tests.
pub(crate) fn shared() -> &'static Stack {
    static SHARED: LazyLock<Stack> =
        LazyLock::new(|| Stack::shared().unwrap_or_else(|failure| panic!("{failure}")));
    &SHARED
}

/// A stack of a test's own, to be started with what `change` makes of its options. It ends when it is dropped.
pub(crate) fn own(name: &str, change: impl FnOnce(StackOptions) -> StackOptions) -> Stack {
    let options = change(StackOptions::scratch(&format!("dodev-{name}"), &folder(name)));
    Stack::start(&options).unwrap_or_else(|failure| panic!("{failure}"))
}

/// The folder of such a stack, beside the ones of all other stacks on this machine. Always the same one, so that a stack
/// that was left running is found and ended.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = xtask::root().join(".local/end_to_end").join(name);
    fs::create_dir_all(&folder).expect("a folder for a stack");
    folder
}
