//! Requests that are sent again with the same idempotency key.
//!
//! 1. What a use case draws (ids, secrets, times) is its *plan*. Before anything happens, the plan is stored under the key. Now
//!    the request *runs*. Another request with the key is told so.
//! 2. The use case works by the plan.
//! 3. The answer is stored beside the plan for 24 hours. Whoever sends the request again gets it.
//!
//! The process may die, or AWS may fail, between 1 and 3. Then the next request with the key takes over. It works by the same
//! plan, so it makes the same ids and secrets. It looks first at what exists already. So nothing happens twice, and it gives
//! the answer that was lost.
//!
//! A request that is refused before anything began leaves the key free.
//!
//! The use case seals the secrets in a plan. A stored answer has no secrets.

use std::time::Duration;

use domain::Timestamp;
use runtime::Clock;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use storage::{KeptRequest, Log};

use crate::{Actor, Application, Conflict, Error, error::Difference};

/// How long a request counts as running: a little longer than the API's function may run. If its process died, the next request
/// with the key waits so long.
const RUNS_FOR: Duration = Duration::from_secs(30);

/// A request that carries an idempotency key.
#[derive(Debug, Clone)]
pub struct Request {
    /// The key, as the caller chose it.
    pub key: String,
    /// The operation and its target, such as `POST /v1/webhooks`.
    pub route: String,
    /// The digest of its body.
    pub body: BodyDigest,
}

/// A digest that tells one body from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDigest(String);

impl BodyDigest {
    /// The digest of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(body)))
    }
}

impl Request {
    /// The same request, compared by the meaning of its body instead of the body's bytes.
    pub(crate) fn about(&self, what: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for text in what {
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        }
        Self { body: BodyDigest(hex::encode(digest.finalize())), ..self.clone() }
    }
}

/// Whether the work begins, or continues where an earlier request with the same key may have stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    First,
    Again,
}

/// How the work ended.
pub(crate) enum Settled<A> {
    /// It is done. The answer is stored and repeated.
    ForGood(A),
    /// Part of it failed by a fault of ours. When the request is sent again, it does the rest.
    ForNow(A),
}

/// What is stored of a request that ended.
#[derive(Serialize, Deserialize)]
enum Kept<A> {
    Answer(A),
    /// It ended in a conflict after it had changed something.
    Conflict(Conflict),
}

/// A request that runs in this process, until it is settled.
struct Running<'a> {
    log: &'a Log,
    clock: &'a Clock,
    /// A digest of the key, because a key may have any characters.
    key: String,
    actor: &'a Actor,
    until: Timestamp,
}

/// What a key stands for.
enum Claimed<'a, P> {
    /// This request. It now does its work.
    Running(Running<'a>, P, Turn),
    /// A request that ended before.
    Answered(P, String),
}

impl Application {
    /// Does `work` by the plan, once for each idempotency key. It returns the plan that was used, and the answer of the work.
    ///
    /// `plan` may be an error, because what the request is about is gone or was never right. A stored answer counts even then:
    /// it may be from a time when all was well.
    ///
    /// Errors: those of `plan` and `work`; a conflict if the key stands for another request, or for one that still runs.
    pub(crate) async fn once<P, A, F>(
        &self,
        actor: &Actor,
        request: Option<&Request>,
        plan: Result<P, Error>,
        work: impl FnOnce(P, Turn) -> F,
    ) -> Result<(P, A), Error>
    where
        P: Clone + Serialize + DeserializeOwned,
        A: Serialize + DeserializeOwned,
        F: Future<Output = Result<Settled<A>, Error>>,
    {
        let Some(request) = request else {
            let plan = plan?;
            let (Settled::ForGood(answer) | Settled::ForNow(answer)) =
                work(plan.clone(), Turn::First).await?;
            return Ok((plan, answer));
        };

        match self.claim(actor, request, plan).await? {
            Claimed::Answered(plan, kept) => match read(&kept)? {
                Kept::Answer(answer) => Ok((plan, answer)),
                Kept::Conflict(conflict) => Err(conflict.into()),
            },
            Claimed::Running(running, plan, turn) => {
                let result = work(plan.clone(), turn).await;
                Ok((plan, running.settle(result, turn).await?))
            }
        }
    }

    async fn claim<'a, P: Serialize + DeserializeOwned>(
        &'a self,
        actor: &'a Actor,
        request: &Request,
        plan: Result<P, Error>,
    ) -> Result<Claimed<'a, P>, Error> {
        let now = self.clock.now();
        let key = hex::encode(Sha256::digest(&request.key));
        let running = Running { log: &self.log, clock: &self.clock, key, actor, until: now.after(RUNS_FOR) };

        let (plan, refusal) = match plan {
            Ok(plan) => (Some(plan), None),
            Err(refusal) => (None, Some(refusal)),
        };
        let found = match &plan {
            Some(plan) => running.begin(request, plan, now).await?,
            None => self.log.kept_request(actor.organization, &running.key, now).await?,
        };
        match (found, plan, refusal) {
            (None, Some(plan), _) => Ok(Claimed::Running(running, plan, Turn::First)),
            (None, None, Some(refusal)) => Err(refusal),
            (None, None, None) => Err(Error::Internal("neither a plan nor a refusal".into())),
            (Some(found), _, refusal) => {
                is_same(&found, actor, request)?;
                running.go_on(found, refusal, now).await
            }
        }
    }
}

impl<'a> Running<'a> {
    /// Stores the plan under the key. If the key stands for a request already, it returns that one.
    async fn begin<P: Serialize>(
        &self,
        request: &Request,
        plan: &P,
        now: Timestamp,
    ) -> Result<Option<KeptRequest>, Error> {
        let kept = KeptRequest {
            route: request.route.clone(),
            livemode: self.actor.livemode,
            body: request.body.0.clone(),
            plan: write(plan)?,
            running_until: self.until,
            answer: None,
        };
        Ok(self.log.claim_request(self.actor.organization, &self.key, &kept, now).await?)
    }

    /// Continues a request that began earlier.
    async fn go_on<P: DeserializeOwned>(
        self,
        found: KeptRequest,
        refusal: Option<Error>,
        now: Timestamp,
    ) -> Result<Claimed<'a, P>, Error> {
        let plan = read(&found.plan)?;
        if let Some(answer) = found.answer {
            return Ok(Claimed::Answered(plan, answer));
        }
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if now < found.running_until {
            return Err(Conflict::IdempotencyInProgress.into());
        }

        // Several requests may find it left behind at the same time. One of them continues.
        let organization = self.actor.organization;
        if !self.log.take_request(organization, &self.key, found.running_until, self.until).await? {
            return Err(Conflict::IdempotencyInProgress.into());
        }
        Ok(Claimed::Running(self, plan, Turn::Again))
    }

    /// Stores how the work ended, or lets the next request with the key continue.
    async fn settle<A: Serialize>(self, result: Result<Settled<A>, Error>, turn: Turn) -> Result<A, Error> {
        match result {
            Ok(Settled::ForGood(answer)) => {
                let kept = Kept::Answer(answer);
                self.keep(&kept).await;
                let Kept::Answer(answer) = kept else { return Err(Error::Internal("no answer".into())) };
                Ok(answer)
            }
            Ok(Settled::ForNow(answer)) => {
                self.stop().await;
                Ok(answer)
            }
            Err(Error::Conflict(conflict)) if conflict.follows_a_change() => {
                self.keep(&Kept::<A>::Conflict(conflict)).await;
                Err(conflict.into())
            }
            Err(error @ Error::Internal(_)) => {
                self.stop().await;
                Err(error)
            }
            // It was refused before anything happened. So the key is free for a request that is right.
            Err(error) if turn == Turn::First => {
                self.forget().await;
                Err(error)
            }
            Err(error) => {
                self.stop().await;
                Err(error)
            }
        }
    }

    async fn keep<A: Serialize>(&self, kept: &Kept<A>) {
        let written = match write(kept) {
            Ok(text) => {
                let organization = self.actor.organization;
                self.log.keep_answer(organization, &self.key, self.until, &text).await.map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        log_failure(written);
    }

    /// The request runs no longer. Its plan stays for the next request.
    async fn stop(&self) {
        let stopped = self.log.stop_request(self.actor.organization, &self.key, self.until, self.clock.now());
        log_failure(stopped.await.map_err(Error::from));
    }

    /// Nothing began, so the key becomes free.
    async fn forget(&self) {
        let forgotten = self.log.forget_request(self.actor.organization, &self.key, self.until);
        log_failure(forgotten.await.map_err(Error::from));
    }
}

/// Logs that the end of a request was not stored. The work is done or has failed, and the caller must be told that. The next
/// request with the key waits until this one no longer counts as running, and then works by the same plan.
fn log_failure(written: Result<(), Error>) {
    if let Err(error) = written {
        tracing::warn!(%error, "the end of a request was not noted under its idempotency key");
    }
}

fn is_same(kept: &KeptRequest, actor: &Actor, request: &Request) -> Result<(), Conflict> {
    let difference = if kept.route != request.route {
        Difference::Route
    } else if kept.livemode != actor.livemode {
        Difference::Mode
    } else if kept.body != request.body.0 {
        Difference::Body
    } else {
        return Ok(());
    };
    Err(Conflict::IdempotencyKeyReused(difference))
}

fn write<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    // Serde's own message is left out: it may quote what could not be read.
    serde_json::from_str(text).map_err(|_| Error::Internal("a kept request cannot be read".into()))
}
