//! The operator's tool does what no API call may do. It works on any deployed stack, with ordinary AWS credentials.
//!
//! Environment variables name the stack. Their values are outputs of the stack: `REGISTRY_TABLE`; `EVENT_BUS`, where new keys
//! are announced; `SECRETS_KEY_ID`, for data keys. Answers are JSON on standard output.

use std::process::ExitCode;

use application::keys::{Keys, NewKey};
use clap::{Parser, Subcommand};
use domain::{ids::OrganizationId, key::KeyName, organization::OrganizationName, scope::Scopes};
use messaging::Bus;
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
    let bus = || Ok::<_, Failure>(Bus::new(&aws, environment.text("EVENT_BUS")?));

    let answer = match arguments.command {
        Command::CreateOrganization { name, livemode } => {
            create_organization(&registry, &bus()?, &name, livemode).await?
        }
        Command::CreateKey { organization, name, livemode } => {
            let organization = OrganizationId::parse(&organization)?;
            if !registry.organization_exists(organization).await? {
                return Err(format!("{organization} does not exist").into());
            }
            create_key(&registry, &bus()?, organization, KeyName::parse(&name)?, livemode).await?
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

async fn create_organization(
    registry: &Registry,
    bus: &Bus,
    name: &str,
    livemode: bool,
) -> Result<Value, Failure> {
    let name = OrganizationName::parse(name)?;
    let now = Clock::system().now();
    let organization = OrganizationId::new(now, runtime::random()?);
    if !registry.create_organization(organization, name.as_str(), now).await? {
        return Err(format!("{organization} exists already").into());
    }

    let key = create_key(registry, bus, organization, KeyName::parse("first key")?, livemode).await;
    key.map_err(|failure| {
        format!("{organization} was created, but not its first key: {failure}. Make one with create-key")
            .into()
    })
}

/// Creates a key with every scope, and announces it to the organization's endpoints, like any other key.
async fn create_key(
    registry: &Registry,
    bus: &Bus,
    organization: OrganizationId,
    name: KeyName,
    livemode: bool,
) -> Result<Value, Failure> {
    let clock = Clock::system();
    let keys = Keys { registry, bus, clock: &clock };

    let new = NewKey { name, scopes: Scopes::all(), livemode: Some(livemode) };
    let created = keys.create(organization, new).await?;
    Ok(json!({
        "organization_id": organization,
        "key_id": created.record.id,
        "key": created.key.reveal(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_organization_s_name_is_fit_to_be_shown_before_anything_is_written() {
        let aws = aws::config().await;
        let registry = Registry::new(&aws, "there is none".into());
        let bus = Bus::new(&aws, "there is none".into());

        for name in ["", " \u{200b}", "Ac\u{202e}me", "two\nlines"] {
            let failure = create_organization(&registry, &bus, name, true).await.unwrap_err().to_string();

            assert!(failure.starts_with("name must"), "{name:?}: {failure}");
        }
    }
}
