//! Wires the API: environment, telemetry, clients, run.

use std::sync::Arc;

use application::{Application, Limits};
use domain::retry::RetryPolicy;
use egress::{AddressPolicy, SystemResolver};
use lambda_http::Error;
use messaging::{Bus, DeliveriesQueue};
use runtime::{Clock, Environment};
use storage::{Log, Registry};
use vault::Vault;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    runtime::start_telemetry(&environment.text("LOG_LEVEL")?);
    let aws = aws::config().await;
    let [phase] = runtime::random()?;

    let registry = Registry::new(&aws, environment.text("REGISTRY_TABLE")?);
    let application = Application {
        vault: Vault::new(&aws, environment.text("SECRETS_KEY_ID")?, registry.clone()),
        registry,
        log: Log::new(&aws, environment.text("LOG_TABLE")?).counting_from(phase),
        bus: Bus::new(&aws, environment.text("EVENT_BUS")?),
        queue: DeliveriesQueue::new(&aws, environment.text("DELIVERIES_QUEUE_URL")?),
        resolver: Arc::new(SystemResolver),
        address_policy: AddressPolicy::with_loopback(environment.parsed("ALLOW_LOOPBACK_ENDPOINTS")?),
        clock: Clock::system(),
        limits: Limits {
            endpoints_per_organization: environment.parsed("MAX_ENDPOINTS_PER_ORGANIZATION")?,
            retry_policy: RetryPolicy::new(
                environment.parsed("RETRY_MAX_RETRIES")?,
                environment.parsed("RETRY_INITIAL_DELAY_SECONDS")?,
                environment.parsed("RETRY_BACKOFF_FACTOR")?,
                environment.parsed("RETRY_MAX_DELAY_SECONDS")?,
            )?,
        },
    };

    lambda_http::run(api::router(application)).await
}
