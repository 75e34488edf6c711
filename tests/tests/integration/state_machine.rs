//! Endpoints and their deliveries, whatever happens in whatever order, beside a simple model.
//!
//! People publish, pause, unpause, disable, enable, delete, resend, replay and test, change an endpoint's timeout and rotate its
//! secret; receivers succeed, fail and are gone; messages come in any order, twice, early, or once more after their work was
//! done. After each operation the platform is as the model says, and at the end, when receivers succeed and people switched
//! everything on, nothing is open.
//!
//! # What is promised
//!
//! A delivery whose message was sent once has a record with exactly the POSTs that its receiver saw: how many, in which
//! order, with which outcome. That holds however often that message is received.
//!
//! First attempts take no turn (see ARCHITECTURE.md), so two *messages* of one delivery may make one POST each: a message
//! that was sent twice and twice received for the first time, or one that a person's resend or replay added to one that
//! was under way. The record then leaves out some POSTs, but invents none and keeps their order. A success is
//! never hidden.
//!
//! A replay's page that is handled twice may send again what failed again in between. The page that tries retries at once after
//! a new start is one of these: as long as it is in the queue, a retry may go before its time.
//!
//! The lists by status are compared only for deliveries that never had two messages at a time.

mod model;
mod operations;
mod stage;

use proptest::{
    prelude::{Just, Strategy},
    sample::select,
    test_runner::{Config, RngSeed, TestRunner},
};

use self::{
    operations::{Case, case},
    stage::Stage,
};

/// As many of each property as a run of all tests has time for, the same each time, so that a failure tells of the change
/// under test.
const CASES: u32 = 50;
const SEED: RngSeed = RngSeed::Fixed(1);

/// With `PROPTEST_CASES`, so many others.
fn check(cases: &impl Strategy<Value = Case>) {
    let others = std::env::var("PROPTEST_CASES").ok().map(|count| count.parse().unwrap());
    let (cases_tried, rng_seed) = others.map_or((CASES, SEED), |count| (count, RngSeed::Random));
    let config = Config {
        cases: cases_tried,
        rng_seed,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    };
    let tested = TestRunner::new(config).run(cases, |case| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&case));
        Ok(())
    });
    tested.unwrap();
}

async fn run(case: &Case) {
    let mut stage = Stage::set(case).await;
    for operation in &case.operations {
        stage.run(operation).await;
    }
    stage.settle().await;
}

#[test]
fn whatever_happens_nothing_is_lost_and_endpoints_are_as_the_contract_says() {
    check(&case(Just(None)));
}

#[test]
fn the_same_holds_where_endpoints_are_soon_failing_and_soon_paused() {
    check(&case(select(&[(1, 2), (1, 3), (2, 3), (3, 5)][..]).prop_map(Some)));
}
