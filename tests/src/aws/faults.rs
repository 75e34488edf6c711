//! Faults at chosen calls.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::Notify, time::timeout};

use super::lock;

/// What can happen at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and had no effect.
    FailBefore,
    /// It has its effect, but its answer is lost.
    FailAfter,
    /// The calling process dies; the call had no effect.
    KillBefore,
    /// The calling process dies; the call had its effect.
    KillAfter,
    /// It succeeds for all but one of its parts: `PutEvents`, `SendMessageBatch` and `BatchGetItem` say so in an answer
    /// that is no error. Other calls are not touched by it.
    PartOnly,
    /// It and every call after it fail without effect, until [`super::Aws::heal`].
    Outage,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 6] =
        [Self::FailBefore, Self::FailAfter, Self::KillBefore, Self::KillAfter, Self::PartOnly, Self::Outage];
}

/// Longer than any call takes to come: only one that never comes reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A call that is held up on its way, so that others can come before it.
#[derive(Debug, Clone, Default)]
pub struct HeldUp {
    has_come: Arc<Notify>,
    may_go_on: Arc<Notify>,
}

impl HeldUp {
    /// Ends when the call has come.
    pub async fn has_come(&self) {
        timeout(PATIENCE, self.has_come.notified()).await.expect("the call comes");
    }

    /// Lets the call go on.
    pub fn go_on(&self) {
        self.may_go_on.notify_one();
    }
}

#[derive(Debug, Default)]
pub(super) struct Faults {
    state: Mutex<State>,
    kill: Notify,
}

#[derive(Debug, Default)]
struct State {
    planned: Option<(usize, Fault)>,
    outage: bool,
    struck: bool,
    interleaving: u64,
    held_up: Option<(&'static str, HeldUp)>,
}

impl Faults {
    pub(super) fn plan(&self, number: usize, fault: Fault) {
        *lock(&self.state) = State { planned: Some((number, fault)), ..State::default() };
    }

    pub(super) fn heal(&self) {
        lock(&self.state).outage = false;
    }

    pub(super) fn struck(&self) -> bool {
        lock(&self.state).struck
    }

    /// The fault of this call.
    pub(super) fn at(&self, number: usize) -> Option<Fault> {
        let mut state = lock(&self.state);
        if state.outage {
            return Some(Fault::Outage);
        }
        let (_, fault) = state.planned.take_if(|(planned, _)| *planned == number)?;
        state.struck = true;
        state.outage = fault == Fault::Outage;
        Some(fault)
    }

    /// Tells whoever runs the process to end it, and never returns into it.
    pub(super) async fn kill<T>(&self) -> T {
        self.kill.notify_one();
        std::future::pending().await
    }

    pub(super) async fn killed(&self) {
        self.kill.notified().await;
    }

    pub(super) fn interleave(&self, seed: u64) {
        lock(&self.state).interleaving = seed;
    }

    pub(super) fn hold_up(&self, expression: &'static str) -> HeldUp {
        let held_up = HeldUp::default();
        lock(&self.state).held_up = Some((expression, held_up.clone()));
        held_up
    }

    /// Waits, if this is the call that is to be held up.
    pub(super) async fn wait(&self, request: &Value) {
        let expression = request["UpdateExpression"].as_str().unwrap_or_default();
        let planned = lock(&self.state).held_up.take_if(|(planned, _)| expression.contains(*planned));

        if let Some((_, held_up)) = planned {
            held_up.has_come.notify_one();
            held_up.may_go_on.notified().await;
        }
    }

    /// Lets other tasks run before this call, more or less of them as the seed has it.
    pub(super) async fn let_others_run(&self) {
        let turns = {
            let mut state = lock(&self.state);
            // Knuth's multiplier; without a seed it stays 0.
            state.interleaving = state.interleaving.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
            state.interleaving % 8
        };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }
}
