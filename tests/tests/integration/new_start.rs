//! What an endpoint's attempts say of it once its owner has changed it: what waits is tried at once, and answers to attempts that
//! began before count no longer.

use std::{pin::Pin, time::Duration};

use serde_json::{Value, json};
use tests::{
    aws::Fault,
    platform::{Caller, DELIVERIES, Hook, Organization, Platform, SLOW_DELIVERIES},
    receiver::{Receiver, Reply},
};

/// An organization with one endpoint, as the template's defaults have it: failing after 3 failures, paused after 10.
struct World {
    platform: Platform,
    receiver: Receiver,
    organization: Organization,
    hook: Hook,
}

impl World {
    async fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        let (platform, receiver) = (Platform::new(), Receiver::answering(replies).await);
        let organization = platform.organization().await;
        let hook = platform.with_key(&organization.key).subscribe(&receiver.url(), &["send.*"]).await;
        Self { platform, receiver, organization, hook }
    }

    /// The receiver is down, and so many events were published, a second apart.
    async fn down(events: usize) -> (Self, Vec<String>) {
        let world = Self::answering(vec![Reply::status(500); 100]).await;
        let mut published = Vec::new();
        for _ in 0..events {
            published.push(world.publish().await);
        }
        (world, published)
    }

    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.organization.key)
    }

    async fn publish(&self) -> String {
        let event = self.caller().publish_any().await;
        self.platform.pump().await;
        self.platform.aws.advance(Duration::from_secs(1));
        event
    }

    async fn change(&self, fields: Value) -> Value {
        self.caller().patch(&self.path(""), fields).await.expect(200).json()
    }

    async fn act(&self, action: &str, fields: Value) -> Value {
        let answer = self.caller().post(&self.path(action), fields).await;
        assert!(answer.status.is_success(), "{action}: {}", answer.text);
        answer.json()
    }

    fn path(&self, action: &str) -> String {
        format!("/v1/webhooks/{}{action}", self.hook.id)
    }

    async fn endpoint(&self) -> Value {
        self.caller().endpoint(&self.hook.id).await
    }

    async fn delivery(&self, event: &str) -> Value {
        self.caller().delivery(event, &self.hook.id).await
    }

    async fn statuses(&self, events: &[String]) -> Vec<String> {
        let mut statuses = Vec::new();
        for event in events {
            statuses.push(self.delivery(event).await["status"].as_str().unwrap().to_owned());
        }
        statuses
    }

    /// Lets a little time pass, much less than any retry or probe waits: what is sent in it was sent at once.
    async fn moments(&self) {
        for _ in 0..5 {
            self.platform.pump().await;
            self.platform.aws.advance(Duration::from_secs(1));
        }
    }

    /// Publishes an event, and runs `meanwhile` while its first attempt is held up at the receiver.
    fn while_attempted<'a>(
        &'a self,
        meanwhile: impl Future<Output = ()> + 'a,
    ) -> Pin<Box<dyn Future<Output = String> + 'a>> {
        // Boxed, since the futures of both sides are large.
        Box::pin(async {
            let arrived = self.receiver.received().len();
            let event = self.caller().publish_any().await;
            self.platform.pump_events().await;

            let meanwhile = async {
                self.receiver.arrived(arrived + 1).await;
                meanwhile.await;
                self.receiver.release(1);
            };
            tokio::join!(self.platform.pump_deliveries_of(DELIVERIES, 1), meanwhile);
            event
        })
    }
}

#[tokio::test]
async fn a_failing_endpoint_that_is_moved_gets_at_once_what_was_held_and_what_waited_for_its_retry() {
    let ((world, events), moved) = (World::down(5).await, Receiver::start().await);
    assert_eq!(world.statuses(&events).await, ["retrying", "retrying", "held", "held", "held"]);

    let changed = world.change(json!({ "url": moved.url() })).await;
    assert_eq!(changed["consecutive_failures"], 0);
    world.moments().await;

    assert_eq!(world.statuses(&events).await, ["delivered"; 5]);
    assert_eq!((world.receiver.received().len(), moved.received().len()), (3, 5));
    for event in &events[..2] {
        let attempts = world.delivery(event).await["attempts"].clone();
        assert_eq!(attempts.as_array().unwrap().len(), 2, "one before the move and one after it: {attempts}");
    }

    // The messages that waited find everything delivered.
    world.platform.settle().await;
    assert_eq!(moved.received().len(), 5);
}

#[tokio::test]
async fn whatever_changes_how_it_is_sent_to_gives_a_failing_endpoint_a_new_start() {
    for change in [json!({ "timeout_seconds": 30 }), json!({ "format": "ekdsend" })] {
        let (world, events) = World::down(4).await;
        world.receiver.recover();

        assert_eq!(world.change(change.clone()).await["consecutive_failures"], 0, "{change}");
        world.moments().await;

        assert_eq!(world.statuses(&events).await, ["delivered"; 4], "{change}");
    }
}

#[tokio::test]
async fn another_secret_gives_a_failing_endpoint_a_new_start() {
    let (world, events) = World::down(4).await;
    world.receiver.recover();

    world.act("/rotate-secret", json!({})).await;
    assert_eq!(world.endpoint().await["consecutive_failures"], 0);
    world.moments().await;

    assert_eq!(world.statuses(&events).await, ["delivered"; 4]);
}

#[tokio::test]
async fn a_new_start_gives_no_delivery_further_retries() {
    let world = World::answering(vec![Reply::status(500); 100]).await;
    let policy = json!({ "max_retries": 2, "initial_delay_seconds": 3600, "backoff_factor": 1 });
    world.change(json!({ "retry_policy": policy })).await;
    let event = world.publish().await;

    for seconds in [29, 28] {
        world.change(json!({ "timeout_seconds": seconds })).await;
        world.moments().await;
    }

    let delivery = world.delivery(&event).await;
    assert_eq!((&delivery["status"], world.receiver.received().len()), (&json!("failed"), 3));
}

#[tokio::test]
async fn what_people_note_on_a_failing_endpoint_changes_nothing_of_its_health() {
    let (world, events) = World::down(4).await;
    world.receiver.recover();

    for change in [json!({ "description": "down" }), json!({ "is_active": true }), json!({ "metadata": {} })]
    {
        assert_eq!(world.change(change.clone()).await["consecutive_failures"], 3, "{change}");
    }
    world.moments().await;

    assert_eq!(world.statuses(&events).await, ["retrying", "retrying", "held", "held"]);
}

#[tokio::test]
async fn a_paused_endpoint_that_is_moved_stays_paused_until_a_person_unpauses_it() {
    let ((world, events), moved) = (World::down(4).await, Receiver::start().await);
    world.act("/pause", json!({})).await;

    world.change(json!({ "url": moved.url() })).await;
    world.moments().await;
    assert_eq!((world.endpoint().await["is_paused"].clone(), moved.received().len()), (json!(true), 0));

    world.act("/unpause", json!({})).await;
    world.platform.settle().await;
    assert_eq!(world.statuses(&events).await, ["delivered"; 4]);
}

#[tokio::test]
async fn unpausing_tries_at_once_what_waits_for_its_retry_unless_nothing_is_to_be_sent() {
    for replay in [true, false] {
        let moved = Receiver::start().await;
        let world = World::answering(vec![Reply::status(500); 100]).await;
        world.change(json!({ "retry_policy": { "initial_delay_seconds": 3600 } })).await;
        let mut events = vec![world.publish().await, world.publish().await];
        world.act("/pause", json!({})).await;
        events.push(world.publish().await);
        assert_eq!(world.statuses(&events).await, ["retrying", "retrying", "held"]);

        world.change(json!({ "url": moved.url() })).await;
        world.act("/unpause", json!({ "replay": replay })).await;
        world.moments().await;

        let expected = if replay { ["delivered"; 3] } else { ["retrying", "retrying", "held"] };
        assert_eq!(world.statuses(&events).await, expected, "{replay}");

        // The messages that waited find everything delivered.
        world.platform.settle().await;
        assert_eq!(moved.received().len(), if replay { 3 } else { 2 }, "{replay}");
    }
}

#[tokio::test]
async fn a_change_that_never_comes_sends_nothing() {
    let undisturbed = World::down(4).await.0;
    undisturbed.platform.aws.forget_calls();
    undisturbed.change(json!({ "timeout_seconds": 30 })).await;
    let calls = undisturbed.platform.aws.calls();
    assert_eq!(calls.last().unwrap().operation, "UpdateItem", "the change itself comes last");

    let (world, events) = World::down(4).await;
    world.receiver.recover();
    world.platform.aws.forget_calls();
    world.platform.aws.inject(calls.len() - 1, Fault::KillBefore);
    let json = [("content-type", "application/json")];
    let change = r#"{"timeout_seconds":30}"#;
    let answer = world.caller().try_send(hyper::Method::PATCH, &world.path(""), &json, change).await;
    assert!(answer.is_none(), "the function died: {answer:?}");
    world.moments().await;

    assert_eq!(world.statuses(&events).await, ["retrying", "retrying", "held", "held"]);
    assert_eq!(world.endpoint().await["consecutive_failures"], 3);
    world.platform.settle().await;
    assert_eq!(world.statuses(&events).await, ["delivered"; 4], "by their own schedules");
}

#[tokio::test]
async fn what_was_to_try_retries_after_a_change_that_never_comes_gives_up_and_looks_for_nothing_held() {
    let (world, events) = World::down(1).await;
    let replay = json!({
        "kind": "replay",
        "organization": world.organization.id,
        "endpoint": world.hook.id,
        "selection": { "retrying": { "generation": 1 } },
        "cursor": null,
    });
    world.platform.aws.send(DELIVERIES, &replay.to_string());
    let is_waiting = || world.platform.aws.messages(DELIVERIES).iter().any(|it| it.contains("replay"));

    world.platform.aws.forget_calls();
    while is_waiting() {
        world.platform.pump().await;
        world.platform.aws.advance(Duration::from_secs(1));
    }

    assert_eq!(world.statuses(&events).await, ["retrying"], "by its own schedule");
    let mut requests: Vec<_> =
        world.platform.aws.calls().iter().map(|call| call.request.to_string()).collect();
    requests.retain(|request| request.contains("HELD#"));
    assert_eq!(requests, Vec::<String>::new());
}

#[tokio::test]
async fn a_410_from_where_an_endpoint_was_before_it_moved_does_not_disable_it() {
    let (world, moved) = (World::answering([Reply::status(410).held()]).await, Receiver::start().await);

    let event = world
        .while_attempted(async {
            world.change(json!({ "url": moved.url() })).await;
        })
        .await;
    assert_eq!(world.endpoint().await["is_active"], true);
    assert_eq!(world.delivery(&event).await["status"], "retrying", "it is not refused where it goes now");

    let later = world.publish().await;
    world.platform.settle().await;
    assert_eq!(world.statuses(&[event, later]).await, ["delivered"; 2]);
    assert_eq!(moved.received().len(), 2);
}

#[tokio::test]
async fn a_410_from_before_an_endpoint_was_enabled_does_not_disable_it_again() {
    let world = World::answering([Reply::status(410).held()]).await;

    let event = world
        .while_attempted(async {
            world.change(json!({ "is_active": false })).await;
            world.change(json!({ "is_active": true })).await;
        })
        .await;

    assert_eq!(world.endpoint().await["is_active"], true);
    assert_eq!(world.delivery(&event).await["status"], "retrying");
}

#[tokio::test]
async fn a_410_disables_at_once_and_ends_every_delivery_that_it_answers() {
    let world = World::answering(vec![Reply::status(410); 3]).await;
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(world.caller().publish_any().await);
    }

    // One batch: the first of its attempts disables, and the others meant the same endpoint.
    world.platform.pump().await;

    let endpoint = world.endpoint().await;
    assert_eq!((&endpoint["is_active"], &endpoint["last_delivery_status"]), (&json!(false), &json!(410)));
    assert_eq!(world.statuses(&events).await, ["failed"; 3]);
    assert_eq!(world.receiver.received().len(), 3);
}

#[tokio::test]
async fn failures_of_attempts_that_began_before_a_change_do_not_count_after_it() {
    let changes: [(&str, Value); 3] =
        [("", json!({ "timeout_seconds": 30 })), ("/rotate-secret", json!({})), ("/unpause", json!({}))];
    for (action, fields) in changes {
        let world = World::answering([Reply::status(500).held()]).await;

        world
            .while_attempted(async {
                if action.is_empty() {
                    world.change(fields.clone()).await;
                } else {
                    world.act(action, fields.clone()).await;
                }
            })
            .await;

        let endpoint = world.endpoint().await;
        assert_eq!(endpoint["consecutive_failures"], 0, "{action} {fields}");
        assert_eq!(endpoint["last_delivery_status"], Value::Null, "{action} {fields}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_moved_before_its_tenth_failure_pauses_it_is_not_paused() {
    let ((world, events), moved) = (World::down(4).await, Receiver::start().await);
    let pausing = world.platform.aws.hold_up("is_paused = :yes");

    let moving = async {
        pausing.has_come().await;
        assert_eq!(world.endpoint().await["consecutive_failures"], 10);
        world.change(json!({ "url": moved.url() })).await;
        pausing.go_on();
    };
    tokio::join!(Box::pin(world.platform.settle()), Box::pin(moving));

    let endpoint = world.endpoint().await;
    assert_eq!((&endpoint["is_paused"], &endpoint["consecutive_failures"]), (&json!(false), &json!(0)));
    assert_eq!(world.statuses(&events).await, ["delivered"; 4]);
    let told = world.caller().get("/v1/events?type=platform.webhook.paused").await.expect(200).json();
    assert_eq!(told["events"], json!([]), "nobody is told of a pause");
}

#[tokio::test]
async fn a_person_s_pause_holds_whatever_is_changed_beside_it() {
    let world = World::answering([]).await;
    let pausing = world.platform.aws.hold_up("is_paused = :yes");

    let moving = async {
        pausing.has_come().await;
        world.change(json!({ "timeout_seconds": 30 })).await;
        pausing.go_on();
    };
    tokio::join!(Box::pin(world.act("/pause", json!({}))), Box::pin(moving));

    assert_eq!(world.endpoint().await["is_paused"], true);
}

#[tokio::test]
async fn an_endpoint_that_is_moved_before_its_probe_is_started_gets_none() {
    let ((world, mut events), moved) = (World::down(2).await, Receiver::start().await);
    let starting = world.platform.aws.hold_up("SET probe = ");
    events.push(world.caller().publish_any().await);

    let moving = async {
        starting.has_come().await;
        assert_eq!(world.endpoint().await["consecutive_failures"], 3);
        world.change(json!({ "url": moved.url() })).await;
        starting.go_on();
    };
    tokio::join!(Box::pin(world.platform.pump()), Box::pin(moving));

    let has_probe = |item: &Value| !item["probe"].is_null();
    assert!(!world.platform.aws.items("RegistryTable").iter().any(has_probe), "there is nothing to look for");
    assert_eq!(world.platform.aws.messages(SLOW_DELIVERIES), Vec::<String>::new());
    world.moments().await;
    assert_eq!(world.statuses(&events).await, ["delivered"; 3]);
}

#[tokio::test]
async fn a_success_of_an_attempt_that_began_before_a_change_does_not_hide_failures_after_it() {
    let (world, moved) = (
        World::answering([Reply::status(200).held()]).await,
        Receiver::answering(vec![Reply::status(500); 100]).await,
    );

    world
        .while_attempted(async {
            world.change(json!({ "url": moved.url() })).await;
            world.publish().await;
            assert_eq!(world.endpoint().await["consecutive_failures"], 1);
        })
        .await;

    assert_eq!(world.endpoint().await["consecutive_failures"], 1);
}

#[tokio::test]
async fn a_success_that_ends_after_failures_sets_their_count_to_0() {
    let world = World::answering([Reply::status(200)]).await;
    world.publish().await;
    world.receiver.then([Reply::status(200).held(), Reply::status(500), Reply::status(500)]);

    world
        .while_attempted(async {
            for _ in 0..2 {
                world.platform.aws.advance(Duration::from_secs(2));
                world.publish().await;
            }
            assert_eq!(world.endpoint().await["consecutive_failures"], 2);
        })
        .await;

    assert_eq!(world.endpoint().await["consecutive_failures"], 0);
}

#[tokio::test]
async fn enabling_what_is_enabled_and_unpausing_what_is_well_send_no_message() {
    let world = World::answering([]).await;
    world.publish().await;

    for _ in 0..3 {
        world.change(json!({ "is_active": true })).await;
        world.act("/unpause", json!({})).await;
    }
    assert_eq!(world.platform.aws.messages(DELIVERIES), Vec::<String>::new());

    world.act("/pause", json!({})).await;
    world.change(json!({ "is_active": true })).await;
    assert_eq!(world.platform.aws.messages(DELIVERIES), Vec::<String>::new(), "a paused one, too");
}

#[tokio::test]
async fn while_an_attempt_is_under_way_its_delivery_shows_when_it_was_planned() {
    let world = World::answering([Reply::status(500), Reply::status(200).held()]).await;
    let event = world.publish().await;
    let planned = world.delivery(&event).await["next_attempt_at"].clone();
    assert!(world.platform.advance_to_next_visibility());

    let retrying = world.platform.pump_deliveries_of(DELIVERIES, 1);
    let looking = async {
        world.receiver.arrived(2).await;
        let delivery = world.delivery(&event).await;
        assert_eq!((&delivery["status"], &delivery["next_attempt_at"]), (&json!("retrying"), &planned));
        world.receiver.release(1);
    };
    tokio::join!(Box::pin(retrying), Box::pin(looking));

    assert_eq!(world.delivery(&event).await["status"], "delivered");
}

#[tokio::test]
async fn what_is_let_go_is_planned_for_now_while_it_is_attempted() {
    let (world, events) = World::down(3).await;
    assert_eq!(world.statuses(&events[2..]).await, ["held"]);
    world.receiver.recover();
    world.receiver.then([Reply::status(200).held()]);
    world.change(json!({ "timeout_seconds": 30 })).await;
    world.platform.aws.advance(Duration::from_secs(1));
    // The release's page sends the delivery's message.
    world.platform.pump_deliveries_of(DELIVERIES, 1).await;

    let now = world.platform.aws.clock().now();
    let attempting = world.platform.pump_deliveries_of(DELIVERIES, 10);
    let looking = async {
        world.receiver.arrived(4).await;
        let mut shown = Vec::new();
        for event in &events {
            shown.push(world.delivery(event).await);
        }
        let is_under_way = |it: &&Value| it["status"] == "retrying" && it["next_attempt_at"] == now.millis();
        assert!(shown.iter().any(|it| is_under_way(&it)), "{shown:?}");
        world.receiver.release(1);
    };
    tokio::join!(Box::pin(attempting), Box::pin(looking));
}

#[tokio::test]
async fn a_410_to_a_test_changes_nothing_of_its_endpoint() {
    let world = World::answering([Reply::status(410)]).await;

    world.act("/test", json!({})).await;
    world.platform.settle().await;

    let endpoint = world.endpoint().await;
    assert_eq!((&endpoint["is_active"], &endpoint["consecutive_failures"]), (&json!(true), &json!(0)));
    assert_eq!(world.receiver.received().len(), 1);
    assert_eq!(world.platform.aws.messages(SLOW_DELIVERIES), Vec::<String>::new());
}
