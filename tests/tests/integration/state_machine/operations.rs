//! What may happen to one organization's endpoints, in any order.

use domain::endpoint::Thresholds;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
};
use tests::platform::Deployment;

/// One of the case's endpoints, modulo their number.
pub(super) type Which = usize;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// So many events are published and fanned out.
    Publish(usize),
    /// From now on the endpoint's receiver answers like this.
    Answer(Which, Mood),
    /// A batch of visible messages is handled, of at most this size and from a queue in this order.
    Deliver {
        at_most: usize,
        order: u64,
    },
    /// The same, but the process dies after its work: no message is deleted, all come back.
    DeliverAndDie {
        at_most: usize,
        order: u64,
    },
    /// So often: the clock moves to the next message, and all that is visible is handled.
    Work(usize),
    /// So many seconds pass.
    Wait(u64),
    /// The queue delivers the message at this position, modulo their number, once more.
    DeliverAgain(usize),
    Pause(Which),
    Unpause {
        which: Which,
        replay: bool,
    },
    Disable(Which),
    Enable(Which),
    Delete(Which),
    /// A person resends the event at this position, modulo their number, to all endpoints.
    Resend(usize),
    /// A person replays all that ever failed or was held.
    Replay(Which),
    Test(Which),
    /// The endpoint is given another timeout: it is sent to otherwise from then on.
    ChangeTimeout(Which),
    /// The endpoint is given another secret.
    Rotate(Which),
    /// The functions' processes forget what they keep in memory.
    Restart,
}

/// How a receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Succeeds,
    Fails,
    /// A success after each failure.
    Alternates,
    /// 410.
    Gone,
}

impl Mood {
    /// The status that the `number`-th POST is answered with.
    pub(super) fn answer(self, number: usize) -> u16 {
        match self {
            Self::Succeeds => 200,
            Self::Fails => 500,
            Self::Alternates => [500, 200][number % 2],
            Self::Gone => 410,
        }
    }
}

/// What is set before anything happens, and what happens.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) endpoints: usize,
    /// `failing_after` and `pause_after`; `None` for the template's.
    pub(super) thresholds: Option<(u32, u32)>,
    pub(super) max_retries: u32,
    /// In which order calls of one batch reach AWS.
    pub(super) interleaving: u64,
    pub(super) operations: Vec<Operation>,
}

impl Case {
    pub(super) fn deployment(&self) -> Deployment {
        let mut deployment = Deployment::default();
        if let Some((failing_after, pause_after)) = self.thresholds {
            deployment.thresholds = Thresholds { failing_after, pause_after, ..deployment.thresholds };
        }
        deployment
    }
}

/// Cases with these thresholds: `failing_after` and `pause_after`, or none for the template's.
pub(super) fn case(thresholds: impl Strategy<Value = Option<(u32, u32)>>) -> impl Strategy<Value = Case> {
    let max_retries = select(&[0, 1, 2, 5][..]);
    (1..=2_usize, thresholds, max_retries, any::<u64>(), vec(operation(), 5..=30)).prop_map(
        |(endpoints, thresholds, max_retries, interleaving, operations)| Case {
            endpoints,
            thresholds,
            max_retries,
            interleaving,
            operations,
        },
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    let (which, position, order) = (0..2_usize, 0..100_usize, 0..1_000_u64);
    let mood = prop_oneof![
        4 => Just(Mood::Succeeds),
        6 => Just(Mood::Fails),
        2 => Just(Mood::Alternates),
        1 => Just(Mood::Gone),
    ];
    let seconds = prop_oneof![1..=120_u64, 120..=7_200_u64];
    prop_oneof![
        12 => (1..=5_usize).prop_map(Operation::Publish),
        9 => (which.clone(), mood).prop_map(|(which, mood)| Operation::Answer(which, mood)),
        10 => (1..=10_usize, order.clone()).prop_map(|(at_most, order)| Operation::Deliver { at_most, order }),
        3 => (1..=10_usize, order).prop_map(|(at_most, order)| Operation::DeliverAndDie { at_most, order }),
        14 => (1..=6_usize).prop_map(Operation::Work),
        4 => seconds.prop_map(Operation::Wait),
        5 => position.clone().prop_map(Operation::DeliverAgain),
        3 => which.clone().prop_map(Operation::Pause),
        5 => (which.clone(), any::<bool>()).prop_map(|(which, replay)| Operation::Unpause { which, replay }),
        1 => which.clone().prop_map(Operation::Disable),
        3 => which.clone().prop_map(Operation::Enable),
        1 => which.clone().prop_map(Operation::Delete),
        3 => position.prop_map(Operation::Resend),
        3 => which.clone().prop_map(Operation::Replay),
        2 => which.clone().prop_map(Operation::Test),
        4 => which.clone().prop_map(Operation::ChangeTimeout),
        2 => which.prop_map(Operation::Rotate),
        1 => Just(Operation::Restart),
    ]
}
