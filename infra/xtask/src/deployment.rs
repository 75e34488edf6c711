//! Deploying the template to an emulator, and reading the stack's outputs.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::command::{ADVICE_FILES, output_of, run_logged};
use crate::emulator::REGION;
use crate::failure::{Failure, OrFail as _, Result};
use crate::functions::{FUNCTIONS, Programs};
use crate::package::package;
use crate::paths;
use crate::python::{Tools, without_aws_settings};
use crate::terminal::step;

/// The values of a stack's outputs, by their names in the template.
pub(crate) type Outputs = BTreeMap<String, String>;

const START_AFRESH: &str =
    "read the lines above; if the stack is beyond repair: cargo xtask down --wipe, then cargo xtask up";

/// What to deploy, and where.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    pub(crate) tools: &'a Tools,
    pub(crate) programs: &'a Programs,
    pub(crate) template: &'a Path,
    pub(crate) parameters: &'a BTreeMap<String, String>,
    pub(crate) stack_name: &'a str,
    /// For the packaged template, the log, and the note of what was deployed last.
    pub(crate) folder: &'a Path,
    /// How to reach the emulator: the variables that every AWS tool reads.
    pub(crate) aws_settings: &'a BTreeMap<String, String>,
}

/// The template's parameters for a stack on this machine. Its schedules run in seconds, so that one can watch them.
pub(crate) fn local_parameters() -> BTreeMap<String, String> {
    let architecture = if ARCH == "aarch64" { "arm64" } else { "x86_64" };
    [
        ("Architecture", architecture),
        ("AllowLoopbackEndpoints", "true"),
        ("RetryInitialDelaySeconds", "2"),
        ("RetryBackoffFactor", "2"),
        ("ProbeInitialDelaySeconds", "1"),
        ("ProbeMaxDelaySeconds", "30"),
        // A limit from a parameter arrives at the emulator as a text, and its poller then fails when it compares numbers.
        // Without a limit, the emulator runs five batches of a queue at once, or as many as the template writes out for the
        // queue.
        ("FanOutMaximumConcurrency", "0"),
        ("DeliverMaximumConcurrency", "0"),
        ("SlowDeliverMaximumConcurrency", "0"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}

impl Deployment<'_> {
    /// Brings the stack up to date. If it was deployed from the same template, parameters and programs, there is nothing to do.
    pub(crate) fn bring_up_to_date(&self) -> Result<Outputs> {
        let template = self.packaged_template()?;
        let fingerprint = self.fingerprint(&template)?;
        let note = self.folder.join("deployed.sha256");
        if fs::read_to_string(&note).is_ok_and(|deployed| deployed == fingerprint)
            // If the emulator was ended by force, it has forgotten the stack.
            && let Ok(outputs) = self.outputs()
        {
            return Ok(outputs);
        }
        let outputs = step("sam deploy", || self.deploy(&template))?;
        fs::write(&note, fingerprint).or_fail(|| format!("cannot write {}", note.display()), ADVICE_FILES)?;
        Ok(outputs)
    }

    fn deploy(&self, template: &str) -> Result<Outputs> {
        let file = self.folder.join("template.yaml");
        fs::write(&file, template).or_fail(|| format!("cannot write {}", file.display()), ADVICE_FILES)?;
        let overrides = self.parameters.iter().map(|(name, value)| format!("{name}={value}"));
        run_logged(
            self.sam()
                .args(["deploy", "--region", REGION, "--stack-name", self.stack_name])
                .args(["--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-progressbar"])
                .args(["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--template-file"])
                .arg(file)
                .arg("--parameter-overrides")
                .args(overrides),
            "sam deploy",
            &self.folder.join("deploy.log"),
            START_AFRESH,
        )?;
        let outputs = self.outputs()?;
        self.enable_ttl(&outputs)?;
        Ok(outputs)
    }

    fn outputs(&self) -> Result<Outputs> {
        let json = output_of(
            self.sam().args(["list", "stack-outputs", "--output", "json"]).args([
                "--region",
                REGION,
                "--stack-name",
                self.stack_name,
            ]),
            "sam list stack-outputs",
            START_AFRESH,
        )?;
        parse_outputs(&json)
    }

    fn enable_ttl(&self, outputs: &Outputs) -> Result<()> {
        let tables = ["RegistryTableName", "LogTableName"].iter().filter_map(|name| outputs.get(*name));
        let mut python = without_aws_settings(Command::new(self.tools.emulator_python()));
        output_of(
            python.arg(paths::root().join("infra/local/enable_ttl.py")).args(tables).envs(self.aws_settings),
            "turning on the tables' time to live",
            START_AFRESH,
        )?;
        Ok(())
    }

    fn sam(&self) -> Command {
        let mut sam = self.tools.sam(self.aws_settings);
        // This is not the checkout, because the checkout's samconfig.toml is for AWS.
        sam.current_dir(self.folder);
        sam
    }

    fn packaged_template(&self) -> Result<String> {
        let template = fs::read_to_string(self.template)
            .or_fail(|| format!("cannot read {}", self.template.display()), "restore it with git")?;
        package(&template, self.programs.folder())
    }

    fn fingerprint(&self, template: &str) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(template);
        hash.update(format!("{:?}", self.parameters));
        for function in FUNCTIONS {
            let program: PathBuf = self.programs.folder().join(function).join("bootstrap");
            let bytes = fs::read(&program)
                .or_fail(|| format!("cannot read {}", program.display()), "run cargo xtask up again")?;
            hash.update(Sha256::digest(bytes));
        }
        Ok(hex::encode(hash.finalize()))
    }
}

fn parse_outputs(json: &str) -> Result<Outputs> {
    let outputs: Value =
        serde_json::from_str(json).or_fail(|| format!("not a list of outputs: {json}"), START_AFRESH)?;
    let read = |output: &Value| {
        Some((output["OutputKey"].as_str()?.to_owned(), output["OutputValue"].as_str()?.to_owned()))
    };
    outputs
        .as_array()
        .and_then(|outputs| outputs.iter().map(read).collect())
        .ok_or_else(|| Failure::new(format!("not a list of outputs: {json}"), START_AFRESH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_by_name() {
        let json = r#"[{"OutputKey":"EventBusName","OutputValue":"bus","Description":"d"}]"#;
        assert_eq!(
            parse_outputs(json).unwrap(),
            Outputs::from([("EventBusName".to_owned(), "bus".to_owned())])
        );
        assert!(parse_outputs("no stack").is_err());
        assert!(parse_outputs(r#"[{"OutputKey":"EventBusName"}]"#).is_err());
    }

    #[test]
    fn every_local_parameter_is_one_of_the_template() {
        let template = fs::read_to_string(paths::template()).unwrap();
        for name in local_parameters().keys() {
            assert!(template.contains(&format!("\n  {name}:\n    Type:")), "{name}");
        }
    }
}
