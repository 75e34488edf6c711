//! Wires fan-out: environment, telemetry, clients, run.

use fan_out::FanOut;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use messaging::DeliveriesQueue;
use runtime::{Clock, Environment};
use storage::{Log, Registry};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let environment = Environment::of_process();
    runtime::start_telemetry(&environment.text("LOG_LEVEL")?);
    let aws = aws::config().await;
    let [phase] = runtime::random()?;
    let fan_out = FanOut {
        registry: Registry::new(&aws, environment.text("REGISTRY_TABLE")?),
        log: Log::new(&aws, environment.text("LOG_TABLE")?).counting_from(phase),
        queue: DeliveriesQueue::new(&aws, environment.text("DELIVERIES_QUEUE_URL")?),
        clock: Clock::system(),
    };
    let handler = |event: LambdaEvent<_>| async { Ok::<_, Error>(fan_out.handle(event.payload).await) };
    lambda_runtime::run(service_fn(handler)).await
}
