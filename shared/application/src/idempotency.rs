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
//! No answer is given that was not stored: if storing it fails, the caller gets a 500 and sends the request again.
//!
//! A request that is refused before anything began leaves the key free.
//!
//! The use case seals the secrets in a plan. A stored answer has no secrets.
//!
//! # What "nothing happens twice" means
//!
//! What is created is there once. A change, a pause or an unpausing that broke off may be written once more, with the same values. A
//! replay or a resend that broke off may send its messages once more: delivery is at least once.

use std::time::Duration;

use domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use runtime::Clock;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use storage::{KeptRequest, Log};

use crate::{Actor, Application, Conflict, Error, error::Difference};

/// How long a run of a request counts as alive: longer than the API's function may take, by more than clocks differ. If its process
/// died, the next request with the key waits so long.
pub const RUNS_FOR: Duration = Duration::from_secs(45);

/// A request that carries an idempotency key.
#[derive(Debug, Clone)]
pub struct Request {
    key: IdempotencyKey,
    /// The operation and its target, such as `POST /v1/webhooks`.
    route: String,
    /// Tells its body from others.
    body: String,
}

/// The key, as the caller chose it.
#[derive(Clone)]
struct IdempotencyKey(String);

impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

impl IdempotencyKey {
    /// A digest of these texts. It is keyed with what the table does not hold, since a body may have a secret in it that a person
    /// chose, which a plain digest would let somebody guess.
    fn digest(&self, texts: &[&[u8]]) -> Result<String, Error> {
        let unusable = |_| Error::Internal("a key of HMAC is of any length".into());
        let mut digest = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).map_err(unusable)?;
        for text in texts {
            digest.update(&text.len().to_be_bytes());
            digest.update(text);
        }
        Ok(hex::encode(digest.finalize().into_bytes()))
    }

    /// What the key is stored under: it may have any characters.
    fn stored_under(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

impl Request {
    /// The request with this key, to this operation, with this body.
    pub fn new(key: String, route: String, body: &[u8]) -> Result<Self, Error> {
        let key = IdempotencyKey(key);
        let body = key.digest(&[body])?;
        Ok(Self { key, route, body })
    }

    /// The same request, compared by the meaning of its body instead of the body's bytes.
    pub(crate) fn about(&self, what: &[&str]) -> Result<Self, Error> {
        let texts: Vec<_> = what.iter().map(|text| text.as_bytes()).collect();
        Ok(Self { body: self.key.digest(&texts)?, ..self.clone() })
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
    /// What the idempotency key is stored under.
    key: String,
    actor: &'a Actor,
    /// Tells this run from others of the same request.
    run: String,
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
        let running = Running {
            log: &self.log,
            clock: &self.clock,
            key: request.key.stored_under(),
            actor,
            run: hex::encode(runtime::random::<16>()?),
        };

        match plan {
            Ok(plan) => match running.begin(request, &plan, now).await? {
                None => Ok(Claimed::Running(running, plan, Turn::First)),
                Some(found) => {
                    is_same(&found, actor, request)?;
                    running.go_on(found, now).await
                }
            },
            Err(refusal) => {
                let found = self.log.kept_request(actor.organization, &running.key, now).await?;
                match found.filter(|found| found.answer.is_some()) {
                    None => Err(refusal),
                    Some(found) => {
                        is_same(&found, actor, request)?;
                        running.go_on(found, now).await
                    }
                }
            }
        }
    }
}

impl<'a> Running<'a> {
    /// Writes the plan under the key, or answers with what the key stands for.
    async fn begin<P: Serialize>(
        &self,
        request: &Request,
        plan: &P,
        now: Timestamp,
    ) -> Result<Option<KeptRequest>, Error> {
        let kept = KeptRequest {
            route: request.route.clone(),
            livemode: self.actor.livemode,
            body: request.body.clone(),
            plan: write(plan)?,
            run: self.run.clone(),
            running_until: now.after(RUNS_FOR),
            answer: None,
        };
        Ok(self.log.claim_request(self.actor.organization, &self.key, &kept, now).await?)
    }

    /// Goes on with a request that began earlier.
    async fn go_on<P: DeserializeOwned>(
        self,
        found: KeptRequest,
        now: Timestamp,
    ) -> Result<Claimed<'a, P>, Error> {
        let plan = read(&found.plan)?;
        if let Some(answer) = found.answer {
            return Ok(Claimed::Answered(plan, answer));
        }
        if now < found.running_until {
            return Err(Conflict::IdempotencyInProgress.into());
        }

        // Several requests may find it left behind at the same time. One of them goes on.
        let (organization, until) = (self.actor.organization, now.after(RUNS_FOR));
        if !self.log.take_request(organization, &self.key, &found.run, &self.run, until).await? {
            return Err(Conflict::IdempotencyInProgress.into());
        }
        Ok(Claimed::Running(self, plan, Turn::Again))
    }

    /// Keeps what the work ended with, or lets the next request with the key work.
    async fn settle<A: Serialize>(self, result: Result<Settled<A>, Error>, turn: Turn) -> Result<A, Error> {
        match result {
            Ok(Settled::ForGood(answer)) => {
                self.keep(&Kept::Answer(&answer)).await?;
                Ok(answer)
            }
            Ok(Settled::ForNow(answer)) => {
                self.stop().await;
                Ok(answer)
            }
            Err(Error::Conflict(conflict)) if conflict.is_kept() => {
                self.keep(&Kept::<&A>::Conflict(conflict)).await?;
                Err(conflict.into())
            }
            // It was refused and nothing was created: the key is free for what is right.
            Err(error) if turn == Turn::First && !matches!(error, Error::Internal(_)) => {
                self.forget().await;
                Err(error)
            }
            Err(error) => {
                self.stop().await;
                Err(error)
            }
        }
    }

    /// An answer that is not kept must not be given: somebody would know secrets that the next request with the key makes anew.
    async fn keep<A: Serialize>(&self, kept: &Kept<A>) -> Result<(), Error> {
        let text = write(kept)?;
        if self.log.keep_answer(self.actor.organization, &self.key, &self.run, &text).await? {
            Ok(())
        } else {
            Err(Error::Internal("another run took the request over".into()))
        }
    }

    /// Runs no longer; the plan stays for the next request.
    async fn stop(&self) {
        let stopped = self.log.stop_request(self.actor.organization, &self.key, &self.run, self.clock.now());
        log_failure(stopped.await);
    }

    /// Nothing began: the key is free.
    async fn forget(&self) {
        let forgotten = self.log.forget_request(self.actor.organization, &self.key, &self.run);
        log_failure(forgotten.await);
    }
}

/// The caller must be told how the work ended. If that was not noted, the next request with the key waits until this run counts as
/// alive no longer, and goes by the plan.
fn log_failure(written: Result<(), storage::Error>) {
    if let Err(error) = written {
        tracing::warn!(%error, "the end of a request was not noted under its idempotency key");
    }
}

fn is_same(kept: &KeptRequest, actor: &Actor, request: &Request) -> Result<(), Conflict> {
    let difference = if kept.route != request.route {
        Difference::Route
    } else if kept.livemode != actor.livemode {
        Difference::Mode
    } else if kept.body != request.body {
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
