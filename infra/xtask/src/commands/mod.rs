//! What `cargo xtask <command>` does, one file a command.

mod bench;
mod down;
mod lint_template;
mod listen;
mod logs;
mod status;
mod style;
mod test;
mod up;

pub use bench::{BenchOptions, bench};
pub use down::down;
pub use lint_template::lint_template;
pub use listen::listen;
pub use logs::{Function, logs};
pub use status::status;
pub use style::style;
pub use test::test;
pub use up::up;
