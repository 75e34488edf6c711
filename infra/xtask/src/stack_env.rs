//! The file `stack.env`: what a shell, a program or a test needs to know to use a stack.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::command::ADVICE_FILES;
use crate::deployment::Outputs;
use crate::emulator::{self, ACCESS_KEY, REGION};
use crate::failure::{Failure, OrFail as _, Result};

/// The names of the template's outputs in the file.
const NAMES_OF_OUTPUTS: [(&str, &str); 10] = [
    ("EVENT_BUS", "EventBusName"),
    ("REGISTRY_TABLE", "RegistryTableName"),
    ("LOG_TABLE", "LogTableName"),
    ("EVENTS_QUEUE_URL", "EventsQueueUrl"),
    ("EVENTS_DEAD_LETTER_QUEUE_URL", "EventsDeadLetterQueueUrl"),
    ("DELIVERIES_QUEUE_URL", "DeliveriesQueueUrl"),
    ("SLOW_DELIVERIES_QUEUE_URL", "SlowDeliveriesQueueUrl"),
    ("DELIVERIES_DEAD_LETTER_QUEUE_URL", "DeliveriesDeadLetterQueueUrl"),
    ("EVENT_RULE_DEAD_LETTER_QUEUE_URL", "EventRuleDeadLetterQueueUrl"),
    ("SECRETS_KEY_ID", "SecretsKeyArn"),
];

/// The variables of a stack. Its `Debug` leaves out the API key.
#[derive(Clone, PartialEq, Eq)]
pub struct StackEnv {
    variables: BTreeMap<String, String>,
}

impl StackEnv {
    pub(crate) fn new(stack_name: &str, port: u16, outputs: &Outputs) -> Result<Self> {
        let mut variables = aws_settings(port);
        variables.insert("STACK_NAME".into(), stack_name.into());
        variables.insert("BASE_URL".into(), base_url(port, output(outputs, "ApiUrl")?));
        for (name, key) in NAMES_OF_OUTPUTS {
            variables.insert(name.into(), output(outputs, key)?.into());
        }
        Ok(Self { variables })
    }

    pub(crate) fn set_organization(&mut self, id: &str, key: &str) {
        self.variables.insert("ORG_ID".into(), id.into());
        self.variables.insert("API_KEY".into(), key.into());
    }

    pub(crate) fn take_organization_of(&mut self, other: &Self) {
        for name in ["ORG_ID", "API_KEY"] {
            self.variables.insert(name.to_owned(), other.known(name).to_owned());
        }
    }

    /// Reads the file, if it exists and is complete.
    pub fn read(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let variables: BTreeMap<_, _> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let needed = ["STACK_NAME", "BASE_URL", "AWS_ENDPOINT_URL", "ORG_ID", "API_KEY"];
        needed.iter().all(|name| variables.contains_key(*name)).then_some(Self { variables })
    }

    /// Writes the file. Only its owner can read it, because it has an API key in it.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text =
            String::from("# Written by cargo xtask. In a shell: set -a; . .local/stack.env; set +a\n");
        for (name, value) in &self.variables {
            let _ = writeln!(text, "{name}={value}");
        }
        OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .or_fail(|| format!("cannot write {}", path.display()), ADVICE_FILES)
    }

    /// One variable. It is a failure if the stack has none with that name.
    pub fn get(&self, name: &str) -> Result<&str> {
        self.variables.get(name).map(String::as_str).ok_or_else(|| {
            Failure::new(format!("the stack has no variable {name}"), "deploy it again: cargo xtask up")
        })
    }

    /// Every variable, for the environment of another program.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Where the API answers, without a slash at the end.
    pub fn base_url(&self) -> &str {
        self.known("BASE_URL")
    }

    /// A live key of the first organization, with every scope.
    pub fn api_key(&self) -> &str {
        self.known("API_KEY")
    }

    /// The first organization's id.
    pub fn organization_id(&self) -> &str {
        self.known("ORG_ID")
    }

    pub fn stack_name(&self) -> &str {
        self.known("STACK_NAME")
    }

    /// The emulator's port.
    pub(crate) fn port(&self) -> Option<u16> {
        self.known("AWS_ENDPOINT_URL").rsplit_once(':')?.1.parse().ok()
    }

    fn known(&self, name: &str) -> &str {
        self.variables.get(name).map_or("", String::as_str)
    }
}

impl fmt::Debug for StackEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.variables.iter().filter(|(name, _)| *name != "API_KEY")).finish()
    }
}

/// The variables by which an AWS tool or SDK reaches the emulator on this port.
pub(crate) fn aws_settings(port: u16) -> BTreeMap<String, String> {
    [
        ("AWS_ENDPOINT_URL", emulator::url(port)),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()),
        ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.into()),
        ("AWS_REGION", REGION.into()),
        ("AWS_DEFAULT_REGION", REGION.into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// The URL of the same HTTP API by a path. Most resolvers do not know its host name, `<id>.execute-api.localhost`.
fn base_url(port: u16, api_url: &str) -> String {
    let host = api_url.split_once("://").map_or(api_url, |(_, rest)| rest);
    let id = host.split('.').next().unwrap_or_default();
    format!("{}/_aws/execute-api/{id}", emulator::url(port))
}

fn output<'a>(outputs: &'a Outputs, key: &str) -> Result<&'a str> {
    outputs.get(key).map(String::as_str).ok_or_else(|| {
        Failure::new(
            format!("the stack has no output {key}"),
            "put it back into template.yaml, under Outputs",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> StackEnv {
        let mut outputs: Outputs =
            NAMES_OF_OUTPUTS.iter().map(|(_, key)| ((*key).to_owned(), format!("{key} value"))).collect();
        outputs.insert("ApiUrl".into(), "http://711ea849.execute-api.localhost:4566".into());
        let mut env = StackEnv::new("dodev-local", 4566, &outputs).unwrap();
        env.set_organization("org_1", "dd_live_1");
        env
    }

    #[test]
    fn the_file_reads_back_as_it_was_written() {
        let path = std::env::temp_dir().join(format!("xtask-{}.env", std::process::id()));
        sample().write(&path).unwrap();
        assert_eq!(StackEnv::read(&path), Some(sample()));
        fs::remove_file(&path).unwrap();
        assert_eq!(StackEnv::read(&path), None);
    }

    #[test]
    fn the_api_is_reached_by_address() {
        assert_eq!(sample().base_url(), "http://127.0.0.1:4566/_aws/execute-api/711ea849");
        assert_eq!(sample().port(), Some(4566));
    }

    #[test]
    fn a_missing_output_is_named() {
        let failure =
            StackEnv::new("s", 1, &Outputs::from([("ApiUrl".into(), "http://a.b".into())])).unwrap_err();
        assert!(failure.to_string().contains("no output EventBusName"), "{failure}");
    }

    #[test]
    fn the_key_is_not_printed() {
        assert!(!format!("{:?}", sample()).contains("dd_live_1"));
    }
}
