//! The platform under test beside its model: each operation is done to both, and then they are compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    Timestamp,
    delivery::{Delivery as Record, Status},
    ids::{EndpointId, EventId},
    retry::RetryPolicy,
};
use serde_json::{Value, json};
use storage::{Log, Registry};
use tests::{
    aws::Again,
    platform::{
        Caller, DELIVERIES, DELIVERIES_DEAD_LETTERS, EVENTS, EVENTS_DEAD_LETTERS, Hook, Organization,
        Platform, SLOW_DELIVERIES,
    },
    receiver::{Receiver, Reply},
};

use super::{
    model::{Delivery, Endpoint, Post, Rules},
    operations::{Case, Mood, Operation},
};

/// The queues of deliveries.
const QUEUES: [&str; 2] = [DELIVERIES, SLOW_DELIVERIES];
/// Passes after each batch, so that attempts of two batches never overlap: much longer than an attempt takes.
const BETWEEN_BATCHES: Duration = Duration::from_secs(6);
/// In the message of a replay that a person asked for.
const REPLAY: &str = r#""selection":{"status""#;
/// In the message that tries at once what waits for its retry.
const RETRYING: &str = r#""selection":{"retrying""#;
/// Changes of an endpoint's timeout alternate between these two. Both are longer than any attempt takes.
const TIMEOUTS: [u8; 2] = [30, 29];
/// More than any case needs to come to rest.
const MAX_BATCHES: usize = 1_000;

/// An endpoint, its receiver, and what the model knows of it.
struct Side {
    hook: Hook,
    receiver: Receiver,
    mood: Mood,
    seen: usize,
    /// How often its timeout was changed.
    timeouts: usize,
    model: Endpoint,
}

impl Side {
    fn id(&self) -> EndpointId {
        EndpointId::parse(&self.hook.id).unwrap()
    }
}

pub(super) struct Stage {
    platform: Platform,
    registry: Registry,
    log: Log,
    organization: Organization,
    rules: Rules,
    interleaving: u64,
    start: Timestamp,
    sides: Vec<Side>,
    events: Vec<String>,
}

impl Stage {
    pub(super) async fn set(case: &Case) -> Self {
        let deployment = case.deployment();
        let rules = rules(case.max_retries, &deployment.retry_policy, deployment.thresholds);
        let platform = Platform::deployed(deployment);
        let organization = platform.organization().await;
        let policy = json!({ "max_retries": case.max_retries });
        let fields = json!({ "timeout_seconds": TIMEOUTS[0], "retry_policy": policy });
        let mut sides = Vec::new();
        for _ in 0..case.endpoints {
            let receiver = Receiver::start().await;
            let caller = platform.with_key(&organization.key);
            let hook = caller.subscribe_with(&receiver.url(), &["send.*"], fields.clone()).await;
            let (mood, model) = (Mood::Succeeds, Endpoint::default());
            sides.push(Side { hook, receiver, mood, seen: 0, timeouts: 0, model });
        }
        let (start, interleaving) = (platform.aws.clock().now(), case.interleaving);
        let (registry, log, events) = (platform.registry(), platform.log(), Vec::new());
        Self { platform, registry, log, organization, rules, interleaving, start, sides, events }
    }

    pub(super) async fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Publish(count) => self.publish(count).await,
            Operation::Answer(which, mood) => self.side(which).mood = mood,
            Operation::Deliver { at_most, order } => {
                self.shuffle(order);
                self.deliver(at_most, false).await;
            }
            Operation::DeliverAndDie { at_most, order } => {
                self.shuffle(order);
                self.deliver(at_most, true).await;
            }
            Operation::Work(rounds) => self.work(rounds).await,
            Operation::Wait(seconds) => self.platform.aws.advance(Duration::from_secs(seconds)),
            Operation::DeliverAgain(position) => self.deliver_again(position),
            Operation::Resend(position) => self.resend(position).await,
            Operation::Restart => self.platform.restart(),
            Operation::Pause(which) => self.change(which, "pause", json!({}), Endpoint::paused).await,
            Operation::Unpause { which, replay } => {
                let unpaused = |model: &mut Endpoint| model.unpaused(replay);
                self.change(which, "unpause", json!({ "replay": replay }), unpaused).await;
            }
            Operation::Replay(which) => self.replay(which).await,
            Operation::Test(which) => self.test(which).await,
            Operation::ChangeTimeout(which) => self.change_timeout(which).await,
            Operation::Rotate(which) => {
                self.change(which, "rotate-secret", json!({}), Endpoint::started_anew).await;
            }
            Operation::Disable(which) => self.switch(which, false).await,
            Operation::Enable(which) => self.switch(which, true).await,
            Operation::Delete(which) => self.delete(which).await,
        }
        while self.platform.pump_events().await {}
        if !matches!(operation, Operation::Answer(..) | Operation::Wait(_) | Operation::Restart) {
            self.check().await;
        }
    }

    /// The receivers are well, people switch everything on, and time passes until no message is left.
    pub(super) async fn settle(&mut self) {
        for which in 0..self.sides.len() {
            self.side(which).mood = Mood::Succeeds;
            self.switch(which, true).await;
            self.change(which, "unpause", json!({}), |model| model.unpaused(true)).await;
        }
        for _ in 0..MAX_BATCHES {
            if !self.deliver(usize::MAX, false).await && !self.platform.advance_to_next_visibility() {
                self.check().await;
                return self.check_rest().await;
            }
        }
        panic!("messages keep coming back: {:?}", QUEUES.map(|queue| self.platform.aws.messages(queue)));
    }

    fn caller(&self) -> Caller<'_> {
        self.platform.with_key(&self.organization.key)
    }

    fn side(&mut self, which: usize) -> &mut Side {
        let count = self.sides.len();
        &mut self.sides[which % count]
    }

    fn path(&mut self, which: usize, action: &str) -> String {
        format!("/v1/webhooks/{}{action}", self.side(which).hook.id)
    }

    async fn publish(&mut self, count: usize) {
        for _ in 0..count {
            let event = self.caller().publish_any().await;
            for side in &mut self.sides {
                side.model.matched(&event, false);
            }
            self.events.push(event);
        }
    }

    async fn work(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.platform.advance_to_next_visibility();
            while self.deliver(usize::MAX, false).await {}
        }
    }

    fn shuffle(&self, order: u64) {
        for queue in QUEUES {
            self.platform.aws.shuffle(queue, order);
        }
    }

    /// Hands one batch of each queue to deliver; false if no message was visible.
    async fn deliver(&mut self, at_most: usize, and_die: bool) -> bool {
        let mut some = false;
        for queue in QUEUES {
            some |= self.deliver_of(queue, at_most, and_die).await;
        }
        some
    }

    /// Hands one batch to deliver and compares what the receivers got with what they may get; false if none was visible.
    async fn deliver_of(&mut self, queue: &str, at_most: usize, and_die: bool) -> bool {
        for side in &mut self.sides {
            let (mood, next) = (side.mood, side.receiver.received().len());
            side.receiver.recover();
            side.receiver.then((next..next + 20).map(|number| Reply::status(mood.answer(number))));
        }
        self.interleaving = self.interleaving.wrapping_add(1);
        self.platform.aws.interleave(self.interleaving);
        let before: Vec<_> = self.sides.iter().map(|side| self.waiting(side)).collect();
        let hurries = |side: &Side| self.queued(side).iter().any(|message| message.contains(RETRYING));
        let hurried: Vec<_> = self.sides.iter().map(hurries).collect();
        if and_die {
            self.replays_come_again();
        }
        let some = if and_die {
            self.platform.pump_deliveries_undeleted(queue, at_most).await
        } else {
            self.platform.pump_deliveries_of(queue, at_most).await
        };
        for (which, before) in before.into_iter().enumerate() {
            self.compare_posts(which, before).await;
            if hurried[which] {
                self.sides[which].model.free();
            }
        }
        while self.platform.pump_events().await {}
        self.platform.aws.advance(BETWEEN_BATCHES);
        some
    }

    async fn compare_posts(&mut self, which: usize, queued_before: usize) {
        let (now, rules) = (self.platform.aws.clock().now(), self.rules);
        let side = &mut self.sides[which];
        let new = side.receiver.received().split_off(side.seen);
        side.seen += new.len();
        let posts: Vec<_> = new.iter().map(|it| Post { event: it.event_id(), status: it.answered }).collect();
        let was_holding = !side.model.is_well(&rules);
        let tally = side.model.posted(&posts, now, &rules);
        if side.model.is_deleted {
            return;
        }
        let failures = if posts.is_empty() { side.model.failures } else { self.failures(which).await };
        let mut expected = self.sides[which].model.failures_after(&tally, false, &rules);
        if !expected.contains(&failures) && self.took_no_time(which, now).await {
            expected = self.sides[which].model.failures_after(&tally, true, &rules);
        }
        let model = &mut self.sides[which].model;
        assert!(expected.contains(&failures), "{failures} failures in a row, not {expected:?}: {posts:?}");
        model.concluded(&tally, failures, now, &rules);
        let queued = self.waiting(&self.sides[which]);
        let is_holding = !self.sides[which].model.is_well(&rules);
        assert!(!was_holding || !is_holding || queued <= queued_before, "what is held stays in the queue");
    }

    async fn failures(&self, which: usize) -> u32 {
        let found = self.registry.endpoint(self.organization.id, self.sides[which].id()).await.unwrap();
        found.unwrap().endpoint.health.consecutive_failures
    }

    /// Whether an attempt that began now has no measurable duration, or may be on no record.
    async fn took_no_time(&self, which: usize, now: Timestamp) -> bool {
        let side = &self.sides[which];
        let records = self.records(side).await;
        let mut attempts = records.values().flat_map(|record| &record.attempts);
        side.model.deliveries.values().any(|it| it.twins > 0)
            || attempts.any(|attempt| attempt.at == now && attempt.duration_ms == 0)
    }

    fn deliver_again(&mut self, position: usize) {
        let queue = QUEUES[position % QUEUES.len()];
        let again = self.platform.aws.deliver_again(queue, position / QUEUES.len());
        let Some(Again::Twin(body)) = again else { return };
        if body.contains(REPLAY) {
            self.replays_come_again();
        }
        for side in self.sides.iter_mut().filter(|side| body.contains(&side.hook.id)) {
            let twins = side.model.deliveries.iter_mut().filter(|(event, _)| body.contains(*event));
            twins.for_each(|(_, delivery)| delivery.twins += 1);
        }
    }

    /// A replay's page that is handled once more after its deliveries failed again asks for them again.
    fn replays_come_again(&mut self) {
        for which in 0..self.sides.len() {
            if self.queued(&self.sides[which]).iter().any(|message| message.contains(REPLAY)) {
                self.sides[which].model.all_requested();
            }
        }
    }

    async fn change(&mut self, which: usize, action: &str, body: Value, change: impl FnOnce(&mut Endpoint)) {
        let path = self.path(which, &format!("/{action}"));
        let answer = self.caller().post(&path, body).await;
        let model = &mut self.side(which).model;
        if model.is_deleted {
            answer.expect(404);
        } else {
            answer.expect(200);
            change(model);
        }
    }

    async fn switch(&mut self, which: usize, is_active: bool) {
        let path = self.path(which, "");
        let answer = self.caller().patch(&path, json!({ "is_active": is_active })).await;
        let model = &mut self.side(which).model;
        match (model.is_deleted, is_active) {
            (true, _) => drop(answer.expect(404)),
            (false, true) => model.enabled(),
            (false, false) => model.disabled(),
        }
    }

    async fn change_timeout(&mut self, which: usize) {
        let path = self.path(which, "");
        let seconds = TIMEOUTS[(self.side(which).timeouts + 1) % TIMEOUTS.len()];
        let answer = self.caller().patch(&path, json!({ "timeout_seconds": seconds })).await;

        let side = self.side(which);
        if side.model.is_deleted {
            answer.expect(404);
        } else {
            answer.expect(200);
            side.timeouts += 1;
            side.model.started_anew();
        }
    }

    async fn delete(&mut self, which: usize) {
        let path = self.path(which, "");
        let answer = self.caller().delete(&path).await;
        let model = &mut self.side(which).model;
        answer.expect(if model.is_deleted { 404 } else { 204 });
        model.is_deleted = true;
    }

    async fn replay(&mut self, which: usize) {
        let (path, after) = (self.path(which, "/replay"), self.start.millis() - 1);
        let index = which % self.sides.len();
        let deliveries: Vec<_> = self.sides[index].model.deliveries.keys().cloned().collect();
        let under_way: Vec<_> =
            deliveries.into_iter().map(|event| (self.is_under_way(index, &event), event)).collect();
        let answer = self.caller().post(&path, json!({ "after": after })).await;
        let model = &mut self.side(which).model;
        match (model.is_deleted, model.is_disabled) {
            (true, _) => drop(answer.expect(404)),
            (_, true) => drop(answer.expect(409)),
            _ => {
                answer.expect(202);
                for (under_way, event) in &under_way {
                    model.requested(event, *under_way);
                }
            }
        }
    }

    async fn test(&mut self, which: usize) {
        let path = self.path(which, "/test");
        let answer = self.caller().post(&path, json!({})).await;
        let model = &mut self.side(which).model;
        match (model.is_deleted, model.is_disabled) {
            (true, _) => drop(answer.expect(404)),
            (_, true) => drop(answer.expect(409)),
            _ => model.matched(answer.expect(202).json()["eventId"].as_str().unwrap(), true),
        }
    }

    async fn resend(&mut self, position: usize) {
        let Some(index) = position.checked_rem(self.events.len()) else { return };
        let event = self.events[index].clone();
        let under_way: Vec<_> = (0..self.sides.len()).map(|which| self.is_under_way(which, &event)).collect();

        let can_take_it = |model: &Endpoint| {
            !model.is_deleted && !model.is_disabled && model.deliveries.contains_key(&event)
        };
        let is_anybody_left = self.sides.iter().any(|side| can_take_it(&side.model));
        let answer = self.caller().post(&format!("/v1/events/{event}/resend"), json!({})).await;
        answer.expect(if is_anybody_left { 202 } else { 409 });

        for (side, under_way) in self.sides.iter_mut().zip(under_way) {
            if can_take_it(&side.model) {
                side.model.requested(&event, under_way);
            }
        }
    }

    /// Whether a message in the queue is, or may lead to, an attempt of this delivery.
    fn is_under_way(&self, which: usize, event: &str) -> bool {
        let queued = self.queued(&self.sides[which]);
        queued.iter().any(|message| message.contains(event) || message.contains(r#""kind":"replay""#))
    }

    /// The bodies of the messages about an endpoint that are in the queues of deliveries.
    fn queued(&self, side: &Side) -> Vec<String> {
        let mut messages: Vec<_> =
            QUEUES.iter().flat_map(|queue| self.platform.aws.messages(queue)).collect();
        messages.retain(|message| message.contains(&side.hook.id));
        messages
    }

    /// How many messages of new or retried deliveries are in the queue.
    fn waiting(&self, side: &Side) -> usize {
        self.queued(side).iter().filter(|message| message.contains(r#""purpose":"first""#)).count()
    }

    /// What the log has of an endpoint's deliveries.
    async fn records(&self, side: &Side) -> BTreeMap<String, Record> {
        let events = side.model.deliveries.keys().map(|event| EventId::parse(event).unwrap());
        let (events, now): (Vec<_>, _) = (events.collect(), self.platform.aws.clock().now());
        let found = self.log.deliveries_of_endpoint(self.organization.id, side.id(), &events, now).await;
        found.unwrap().into_iter().map(|record| (record.event.to_string(), record)).collect()
    }

    /// The events of an endpoint's deliveries with this status, as the API lists them.
    async fn listed(&self, side: &Side, status: Status) -> Vec<String> {
        let path = format!("/v1/webhooks/{}/deliveries?limit=200&status={}", side.hook.id, status.name());
        let listed = self.caller().get(&path).await.expect(200).json();
        let deliveries = listed["deliveries"].as_array().unwrap().iter();
        deliveries.map(|it| it["event_id"].as_str().unwrap().to_owned()).collect()
    }

    /// What holds at every moment.
    async fn check(&self) {
        let endpoints = self.sides.iter().map(|side| (self.organization.id, side.id()));
        let endpoints = self.registry.endpoints(endpoints).await.unwrap();
        for side in &self.sides {
            let model = &side.model;
            let found = endpoints.iter().map(|it| &it.endpoint).find(|endpoint| endpoint.id == side.id());
            assert_eq!(found.is_none(), model.is_deleted, "{found:?}");
            let Some(endpoint) = found else { continue };
            assert_eq!(endpoint.settings.is_active, !model.is_disabled, "{endpoint:?}");
            assert_eq!(endpoint.is_paused, model.is_paused, "{endpoint:?}");
            assert_eq!(endpoint.health.consecutive_failures, model.failures, "{endpoint:?}");
            let (records, queued) = (self.records(side).await, self.queued(side));
            for (event, record) in &records {
                check_record(record, &model.deliveries[event], &self.rules);
            }
            check_owners(model, &records, &queued);
        }
    }

    /// What holds when no message is left.
    async fn check_rest(&self) {
        for queue in [EVENTS, DELIVERIES, SLOW_DELIVERIES, EVENTS_DEAD_LETTERS, DELIVERIES_DEAD_LETTERS] {
            assert_eq!(self.platform.aws.messages(queue), Vec::<String>::new(), "{queue}");
        }
        let paused = "/v1/events?type=platform.webhook.paused&limit=200";
        let told = self.caller().get(paused).await.expect(200).json()["events"].as_array().unwrap().len();
        let pauses: usize = self.sides.iter().map(|side| side.model.pauses).sum();
        assert_eq!(told, pauses, "each pause is told of once");
        for side in self.sides.iter().filter(|side| !side.model.is_deleted) {
            let records = self.records(side).await;
            for (event, delivery) in &side.model.deliveries {
                let status = status(&records, event);
                assert!(
                    matches!(status, Status::Delivered | Status::Failed),
                    "{event}: {status:?} {delivery:?}"
                );
            }
            for status in [Status::Delivered, Status::Failed, Status::Retrying, Status::Held] {
                let sent_once = |event: &String| side.model.deliveries[event].twins == 0;
                let listed: BTreeSet<_> =
                    self.listed(side, status).await.into_iter().filter(sent_once).collect();
                let recorded = records.values().filter(|record| record.status == status);
                let recorded: BTreeSet<_> =
                    recorded.map(|record| record.event.to_string()).filter(sent_once).collect();
                assert_eq!(listed, recorded, "the list of {status:?}");
            }
        }
    }
}

/// Whatever is not settled has somebody who settles it.
fn check_owners(model: &Endpoint, records: &BTreeMap<String, Record>, queued: &[String]) {
    if model.is_disabled {
        return;
    }
    for event in model.deliveries.keys() {
        let status = status(records, event);
        let owned = match status {
            Status::Held => model.is_paused || model.is_left_held || !queued.is_empty(),
            Status::Pending | Status::Retrying => queued.iter().any(|message| message.contains(event)),
            Status::Delivered | Status::Failed => true,
        };
        assert!(owned, "{event} is {status:?} and nobody's: {queued:?}");
    }
}

fn status(records: &BTreeMap<String, Record>, event: &str) -> Status {
    records.get(event).map_or(Status::Pending, |record| record.status)
}

/// A record says what the receiver saw.
fn check_record(record: &Record, delivery: &Delivery, rules: &Rules) {
    let context = || format!("{record:?} of {delivery:?}");
    let attempts: Vec<_> = record.attempts.iter().map(|attempt| attempt.outcome.status().unwrap()).collect();
    if delivery.twins == 0 {
        assert_eq!(attempts, delivery.posts, "{}", context());
    }
    let mut posts = delivery.posts.iter();
    assert!(attempts.iter().all(|attempt| posts.any(|post| post == attempt)), "{}", context());
    let last = attempts.last().copied();
    let agrees = match record.status {
        Status::Delivered => last == Some(200),
        Status::Failed => {
            let used_up = attempts.len() > rules.max_retries as usize;
            last != Some(200) && (used_up || last == Some(410) || delivery.is_test || delivery.is_forsaken)
        }
        Status::Retrying => last.is_some_and(|status| status != 200),
        Status::Held => true,
        Status::Pending => false,
    };
    assert!(agrees, "{}", context());
    let hidden = record.status != Status::Delivered && delivery.is_delivered_for_good();
    assert!(!hidden, "a success is hidden: {}", context());
}

fn rules(max_retries: u32, policy: &RetryPolicy, thresholds: domain::endpoint::Thresholds) -> Rules {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the template's is a small whole number"
    )]
    let backoff_factor = policy.backoff_factor() as u32;
    Rules { thresholds, max_retries, initial_delay_seconds: policy.initial_delay_seconds(), backoff_factor }
}
