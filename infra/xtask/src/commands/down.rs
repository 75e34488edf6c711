use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::command::ADVICE_FILES;
use crate::emulator::Emulator;
use crate::failure::{OrFail as _, Result};
use crate::paths;
use crate::terminal::{say, step};

/// Stops the local stack, and a test stack that was left behind. The local stack's state is kept, unless `wipe` says otherwise.
pub fn down(wipe: bool) -> Result<()> {
    if !stop("the local stack", &paths::local_stack())? {
        say("The local stack is not running.");
    }
    stop("a test stack that was left behind", &paths::test_stack())?;
    if wipe {
        remove()?;
        say("Its state is gone. The Python environments and compiled programs stay.");
    }
    Ok(())
}

/// Whether there was anything to stop.
fn stop(name: &str, folder: &Path) -> Result<bool> {
    let Some(emulator) = Emulator::find(folder) else {
        return Ok(false);
    };
    step(&format!("stopping {name}"), || {
        emulator.stop();
        Ok(true)
    })
}

fn remove() -> Result<()> {
    let folder = paths::local_stack();
    for removed in [fs::remove_dir_all(&folder), fs::remove_file(paths::local_stack_env())] {
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).or_fail(|| format!("cannot remove {}", folder.display()), ADVICE_FILES);
            }
            _ => {}
        }
    }
    Ok(())
}
