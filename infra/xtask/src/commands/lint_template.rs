use std::collections::BTreeMap;

use crate::command::run_shown;
use crate::emulator::REGION;
use crate::failure::Result;
use crate::paths;
use crate::python::Tools;

/// Runs `sam validate --lint` on the template.
pub fn lint_template() -> Result<()> {
    let mut sam = Tools::prepare()?.sam(&BTreeMap::new());
    sam.current_dir(paths::root())
        .args(["validate", "--lint", "--region", REGION, "--template-file"])
        .arg(paths::template());
    run_shown(&mut sam, "sam validate --lint", "mend template.yaml where the lines above say so")
}
