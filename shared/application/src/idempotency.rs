//! Requests that are sent again with the same idempotency key.
//!
//! 1. What a use case draws (ids, secrets, times) is its *plan*. Before anything happens the plan is written down under the key, and
//!    the request *runs*: another one with the key is told so.
//! 2. The use case does its work by the plan.
//! 3. Its answer is kept beside the plan for 24 hours, and repeated to whoever sends the request again.
//!
//! If the process dies, or AWS fails, between 1 and 3, the next request with the key takes over: it works by the same plan, so it makes
//! the same ids and secrets, and looks first at what is there already. Nothing happens twice, and the answer is the one that got lost.
//!
//! What is refused before anything began leaves the key free.
//!
//! Secrets in a plan are sealed by the use case. What is kept as an answer has none.

use std::time::Duration;

use domain::Timestamp;
use runtime::Clock;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use storage::{KeptRequest, Log};

use crate::{Actor, Application, Conflict, Error, error::Difference};

/// How long a request counts as running: what the API's function may take, and a little more. If its process died, the next one with
/// the key waits that long.
const RUNS_FOR: Duration = Duration::from_secs(30);

/// A request that carries an idempotency key.
#[derive(Debug, Clone)]
pub struct Request {
    /// The key, as the caller chose it.
    pub key: String,
    /// Which operation on what, such as `POST /v1/webhooks`.
    pub route: String,
    /// What tells its body from others.
    pub body: BodyDigest,
}

/// What tells one body from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDigest(String);

impl BodyDigest {
    /// The digest of these bytes.
    pub fn of(body: &[u8]) -> Self {
        Self(hex::encode(Sha256::digest(body)))
    }
}

impl Request {
    /// The same request, told from others by what it is about instead of its body's bytes.
    pub(crate) fn about(&self, what: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for text in what {
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        }
        Self { body: BodyDigest(hex::encode(digest.finalize())), ..self.clone() }
    }
}

/// Whether work begins, or goes on where an earlier request with the same key may have left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    First,
    Again,
}

/// How work ended.
pub(crate) enum Settled<A> {
    /// The answer is kept and repeated.
    ForGood(A),
    /// Part of it failed by a fault of ours. The same request does the rest.
    ForNow(A),
}

/// What is kept of a request that ended.
#[derive(Serialize, Deserialize)]
enum Kept<A> {
    Answer(A),
    /// It ended in a conflict after it had changed something.
    Conflict(Conflict),
}

/// A request that runs here, until it is settled.
struct Running<'a> {
    log: &'a Log,
    clock: &'a Clock,
    /// A digest of the key, which may have any characters.
    key: String,
    actor: &'a Actor,
    until: Timestamp,
}

/// What a key stands for.
enum Claimed<'a, P> {
    /// This request, which is to do its work.
    Running(Running<'a>, P, Turn),
    /// A request that ended.
    Answered(P, String),
}

impl Application {
    /// Does `work` by the plan, once for each idempotency key, and answers with the plan that counts and the work's answer.
    ///
    /// `plan` may have failed, because what the request is about is gone or was never right. Then a kept answer still counts: it may
    /// have been given while all was well.
    ///
    /// Errors: what `plan` or `work` failed with; conflicts if the key stands for another request, or one that is still running.
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
            body: request.body.0.clone(),
            plan: write(plan)?,
            running_until: self.until,
            answer: None,
        };
        Ok(self.log.claim_request(self.actor.organization, &self.key, &kept, now).await?)
    }

    /// Goes on with a request that began earlier.
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

        // Of requests that find it left behind at the same time, one goes on.
        let organization = self.actor.organization;
        if !self.log.take_request(organization, &self.key, found.running_until, self.until).await? {
            return Err(Conflict::IdempotencyInProgress.into());
        }
        Ok(Claimed::Running(self, plan, Turn::Again))
    }

    /// Keeps what the work ended with, or lets the next request with the key work.
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
            // It was refused before anything happened: the key is free for what is right.
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

    /// Runs no longer; the plan stays for the next request.
    async fn stop(&self) {
        let stopped = self.log.stop_request(self.actor.organization, &self.key, self.until, self.clock.now());
        log_failure(stopped.await.map_err(Error::from));
    }

    /// Nothing began: the key is free.
    async fn forget(&self) {
        let forgotten = self.log.forget_request(self.actor.organization, &self.key, self.until);
        log_failure(forgotten.await.map_err(Error::from));
    }
}

/// What was to be done is done, or has failed, and that is what the caller must be told. If it was not noted, the next request with the
/// key waits until this one counts as running no longer, and goes by the plan.
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
    // Not serde's own words: they may quote what they could not read.
    serde_json::from_str(text).map_err(|_| Error::Internal("a kept request cannot be read".into()))
}
