//! Wires delivery: environment, telemetry, clients, run.

use deliver::{Deliver, NotedSlow};
use domain::endpoint::Thresholds;
use egress::{AddressPolicy, Client};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use messaging::{Bus, DeliveriesQueue};
use runtime::{Clock, Environment};
use storage::{Log, Registry};
use vault::Vault;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    runtime::start_telemetry(&environment.text("LOG_LEVEL")?);
    let aws = aws::config().await;
    let registry = Registry::new(&aws, environment.text("REGISTRY_TABLE")?);

    let thresholds = Thresholds {
        slow_after_milliseconds: environment.parsed("SLOW_AFTER_MILLISECONDS")?,
        failing_after: environment.parsed("FAILING_AFTER")?,
        pause_after: environment.parsed("PAUSE_AFTER")?,
        probe_initial_delay_seconds: environment.parsed("PROBE_INITIAL_DELAY_SECONDS")?,
        probe_max_delay_seconds: environment.parsed("PROBE_MAX_DELAY_SECONDS")?,
    };
    if !thresholds.are_in_order() {
        return Err("FAILING_AFTER must be less than PAUSE_AFTER".into());
    }

    let deliver = Deliver {
        vault: Vault::new(&aws, environment.text("SECRETS_KEY_ID")?, registry.clone()),
        registry,
        log: Log::new(&aws, environment.text("LOG_TABLE")?),
        queue: DeliveriesQueue::new(&aws, environment.text("DELIVERIES_QUEUE_URL")?),
        slow_queue: DeliveriesQueue::new(&aws, environment.text("SLOW_DELIVERIES_QUEUE_URL")?),
        bus: Bus::new(&aws, environment.text("EVENT_BUS")?),
        client: Client::system()?,
        address_policy: AddressPolicy::with_loopback(environment.parsed("ALLOW_LOOPBACK_ENDPOINTS")?),
        thresholds,
        clock: Clock::system(),
        noted_slow: NotedSlow::default(),
    };

    let handler = |event: LambdaEvent<_>| async { Ok::<_, Error>(deliver.handle(event.payload).await) };
    lambda_runtime::run(service_fn(handler)).await
}
