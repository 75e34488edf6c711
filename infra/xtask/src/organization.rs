//! Organizations and their first keys. The operator's tool makes them, as on AWS.

use std::fmt;
use std::process::Command;

use serde_json::Value;

use crate::command::output_of;
use crate::failure::{Failure, OrFail as _, Result};
use crate::functions::Programs;
use crate::python::without_aws_settings;
use crate::stack_env::StackEnv;

const ADVICE: &str =
    "read what the operator's tool wrote above; run it by hand with: cargo run -p operator -- --help";

/// An organization and a key of it that has every scope.
#[derive(Clone, PartialEq, Eq)]
pub struct Organization {
    pub id: String,
    pub key_id: String,
    /// A secret: whoever has it can do anything in this organization.
    pub key: String,
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Organization")
            .field("id", &self.id)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl Organization {
    pub(crate) fn create(programs: &Programs, env: &StackEnv, name: &str, livemode: bool) -> Result<Self> {
        let mut operator = without_aws_settings(Command::new(programs.operator()));
        operator
            .args(["create-organization", "--name", name])
            .args(["--livemode", if livemode { "true" } else { "false" }])
            .envs(env.variables());
        parse(&output_of(&mut operator, "creating an organization", ADVICE)?)
    }
}

fn parse(json: &str) -> Result<Organization> {
    // The text is not shown, because it may have the key in it.
    let answer: Value =
        serde_json::from_str(json).or_fail(|| "the operator's tool answered no JSON".to_owned(), ADVICE)?;
    let field = |name: &str| {
        answer[name]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("the operator's tool answered no {name}"), ADVICE))
    };
    Ok(Organization { id: field("organization_id")?, key_id: field("key_id")?, key: field("key")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operators_answer_is_read() {
        let organization =
            parse(r#"{"organization_id":"org_1","key_id":"key_1","key":"dd_live_1"}"#).unwrap();
        assert_eq!(organization.id, "org_1");
        assert!(!format!("{organization:?}").contains("dd_live_1"));
        assert!(
            parse(r#"{"organization_id":"org_1","key_id":"key_1"}"#)
                .unwrap_err()
                .to_string()
                .contains("no key")
        );
    }
}
