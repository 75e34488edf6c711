//! Endpoints that do not answer promptly: their deliveries go by a queue of their own, and arrive.

use domain::{
    endpoint::SLOW_FOR,
    ids::{EndpointId, OrganizationId},
};
use serde_json::json;
use tests::{
    platform::{Caller, DELIVERIES, Deployment, Hook, Platform, SLOW_DELIVERIES},
    receiver::{Receiver, Reply},
};

struct Stage {
    platform: Platform,
    receiver: Receiver,
    organization: OrganizationId,
    key: String,
    hook: Hook,
}

impl Stage {
    /// An endpoint that holds its first answer, and has just been found slow by it; and that first event.
    async fn with_a_slow_endpoint() -> (Self, String) {
        let receiver = Receiver::answering([Reply::status(200).held()]).await;
        let mut deployment = Deployment::default();
        deployment.thresholds.slow_after_milliseconds = 100;
        let platform = Platform::deployed(deployment);
        let organization = platform.organization().await;
        let hook = platform.with_key(&organization.key).subscribe(&receiver.url(), &["*"]).await;
        let stage = Self { platform, receiver, organization: organization.id, key: organization.key, hook };
        let event = stage.publish().await;
        let answering = async {
            while !stage.is_slow().await {
                tokio::task::yield_now().await;
            }
            stage.receiver.release(1);
        };
        tokio::join!(Box::pin(stage.platform.pump_deliveries()), answering);
        (stage, event)
    }

    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.key)
    }

    async fn publish(&self) -> String {
        let event = self.caller().publish_any().await;
        self.platform.pump_events().await;
        event
    }

    async fn is_slow(&self) -> bool {
        let id = EndpointId::parse(&self.hook.id).unwrap();
        let record = self.platform.registry().endpoint(self.organization, id).await.unwrap().unwrap();
        record.endpoint.health.is_slow(self.platform.aws.clock().now())
    }

    async fn status(&self, event: &str) -> String {
        self.caller().delivery(event, &self.hook.id).await["status"].as_str().unwrap().to_owned()
    }

    /// How many messages wait in the queue of deliveries and in the slow one.
    fn waiting(&self) -> (usize, usize) {
        let count = |queue| self.platform.aws.messages(queue).len();
        (count(DELIVERIES), count(SLOW_DELIVERIES))
    }
}

#[tokio::test]
async fn being_slow_is_no_failure() {
    let (stage, event) = Stage::with_a_slow_endpoint().await;
    assert_eq!(stage.status(&event).await, "delivered");
    assert_eq!(stage.caller().endpoint(&stage.hook.id).await["consecutive_failures"], 0);
}

#[tokio::test]
async fn only_the_slow_queue_s_instances_wait_for_a_slow_endpoint() {
    let (stage, _) = Stage::with_a_slow_endpoint().await;
    let second = stage.publish().await;
    assert_eq!(stage.waiting(), (1, 0));
    stage.platform.pump_deliveries_of(DELIVERIES, 10).await;
    assert_eq!((stage.waiting(), stage.receiver.received().len()), ((0, 1), 1), "moved on, not attempted");
    stage.platform.settle().await;
    assert_eq!(stage.status(&second).await, "delivered");
}

#[tokio::test]
async fn an_endpoint_that_answers_promptly_again_leaves_the_slow_queue() {
    let (stage, _) = Stage::with_a_slow_endpoint().await;
    stage.platform.aws.advance(SLOW_FOR);
    let second = stage.publish().await;
    stage.platform.pump_deliveries_of(DELIVERIES, 10).await;
    assert_eq!((stage.status(&second).await.as_str(), stage.waiting()), ("delivered", (0, 0)));
}

#[tokio::test]
async fn a_slow_endpoint_that_fails_is_retried_where_it_keeps_nobody_waiting() {
    let (stage, _) = Stage::with_a_slow_endpoint().await;
    stage.receiver.then([Reply::status(500)]);
    let second = stage.publish().await;
    stage.platform.pump().await;
    assert_eq!((stage.status(&second).await.as_str(), stage.waiting()), ("retrying", (0, 1)));
    stage.platform.settle().await;
    let delivery = stage.caller().delivery(&second, &stage.hook.id).await;
    assert_eq!(delivery["status"], "delivered");
    let codes: Vec<_> =
        delivery["attempts"].as_array().unwrap().iter().map(|it| &it["status_code"]).collect();
    assert_eq!(codes, [&json!(500), &json!(200)]);
}
