use crate::command::run_shown;
use crate::failure::{Failure, Result};
use crate::paths;
use crate::python::Tools;
use crate::stack_env::{StackEnv, aws_settings};

/// A function, by the name of its crate.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Function {
    Api,
    FanOut,
    Deliver,
}

impl Function {
    /// Its name in the template.
    const fn logical_id(self) -> &'static str {
        match self {
            Self::Api => "ApiFunction",
            Self::FanOut => "FanOutFunction",
            Self::Deliver => "DeliverFunction",
        }
    }
}

/// Prints what the functions of the local stack logged, as `CloudWatch` has it.
pub fn logs(function: Option<Function>, follow: bool) -> Result<()> {
    let env = StackEnv::read(&paths::local_stack_env())
        .ok_or_else(|| Failure::new("there is no local stack", "start it with: cargo xtask up"))?;
    let settings = env.port().map(aws_settings).unwrap_or_default();
    let mut sam = Tools::prepare()?.sam(&settings);
    sam.current_dir(paths::local_stack()).args(["logs", "--stack-name", env.stack_name()]);
    if let Some(function) = function {
        sam.args(["--name", function.logical_id()]);
    }
    if follow {
        sam.arg("--tail");
    }
    run_shown(&mut sam, "sam logs", "see whether the stack runs: cargo xtask status")
}
