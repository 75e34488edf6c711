use crate::cargo::cargo;
use crate::command::run_shown;
use crate::failure::Result;

/// Measures how the code is written. The tool is a crate of its own, because it needs a parser of Rust. That is more than a
/// fresh clone should compile first.
pub fn style(json: bool) -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["run", "--quiet", "--package", "style", "--"]).args(json.then_some("--json"));
    run_shown(&mut cargo, "measuring the style", "mend the file that is named above, then try again")
}
