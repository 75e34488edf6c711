//! The operator's tool: what no API call may do, on any deployed stack, with ordinary AWS credentials.
//!
//! The stack is named by environment variables, whose values are among the stack's outputs: `REGISTRY_TABLE`, and for
//! data keys `SECRETS_KEY_ID`. Answers are JSON on standard output.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use domain::{
    ids::{KeyId, OrganizationId},
    key::{ApiKey, KeyName, KeyRecord},
    organization::OrganizationName,
    scope::Scopes,
};
use runtime::{Clock, Environment};
use serde_json::{Value, json};
use storage::Registry;
use vault::Vault;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(about = "Operates a deployed stack: organizations, first keys, data keys", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Creates an organization and its first key, which has every scope.
    CreateOrganization {
        /// What people call it.
        #[arg(long)]
        name: String,
        /// Whether the key is a live one.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        livemode: bool,
    },
    /// Creates another key with every scope, for an organization that lost its last one.
    CreateKey {
        /// The organization's id.
        #[arg(long)]
        organization: String,
        /// What people call the key.
        #[arg(long, default_value = "operator")]
        name: String,
        /// Whether the key is a live one.
        #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
        livemode: bool,
    },
    /// Makes a new data key: secrets are sealed with it from now on, and older ones still open.
    RotateDataKey,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("Failed: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let aws = aws::config().await;
    let registry = Registry::new(&aws, environment.text("REGISTRY_TABLE")?);
    let answer = match arguments.command {
        Command::CreateOrganization { name, livemode } => {
            create_organization(&registry, &name, livemode).await?
        }
        Command::CreateKey { organization, name, livemode } => {
            let organization = OrganizationId::parse(&organization)?;
            if !registry.organization_exists(organization).await? {
                return Err(format!("{organization} does not exist").into());
            }
            create_key(&registry, organization, &name, livemode).await?
        }
        Command::RotateDataKey => {
            let vault = Vault::new(&aws, environment.text("SECRETS_KEY_ID")?, registry);
            json!({ "data_key_version": vault.rotate(Clock::system().now()).await? })
        }
    };
    #[expect(clippy::print_stdout, reason = "it is the tool's answer")]
    {
        println!("{answer:#}");
    }
    Ok(())
}

async fn create_organization(registry: &Registry, name: &str, livemode: bool) -> Result<Value, Failure> {
    let name = OrganizationName::parse(name)?;
    let now = Clock::system().now();
    let organization = OrganizationId::new(now, runtime::random()?);
    if !registry.create_organization(organization, name.as_str(), now).await? {
        return Err(format!("{organization} exists already").into());
    }
    create_key(registry, organization, "first key", livemode).await
}

async fn create_key(
    registry: &Registry,
    organization: OrganizationId,
    name: &str,
    livemode: bool,
) -> Result<Value, Failure> {
    let now = Clock::system().now();
    let key = ApiKey::new(livemode, &runtime::random()?);
    let record = KeyRecord {
        id: KeyId::new(now, runtime::random()?),
        organization,
        name: KeyName::parse(name)?,
        scopes: Scopes::all(),
        livemode,
        created_at: now,
    };
    registry.create_key(organization, &record, &key.hash()).await?;
    Ok(json!({ "organization_id": organization, "key_id": record.id, "key": key.reveal() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_organization_s_name_is_fit_to_be_shown_before_anything_is_written() {
        let registry = Registry::new(&aws::config().await, "there is none".into());

        for name in ["", " \u{200b}", "Ac\u{202e}me", "two\nlines"] {
            let failure = create_organization(&registry, name, true).await.unwrap_err().to_string();

            assert!(failure.starts_with("name must"), "{name:?}: {failure}");
        }
    }
}
