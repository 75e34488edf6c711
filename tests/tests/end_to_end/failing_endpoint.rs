//! An endpoint that is down for a while: its deliveries are held and all arrive once it is back.

use std::{collections::BTreeSet, thread};

use serde_json::{Value, json};

use crate::support::{Customer, Endpoint, Receiver, Reply, until};

const BURST: usize = 200;
const PUBLISHERS: usize = 4;

#[test]
fn a_burst_at_an_endpoint_that_is_down_is_held_and_arrives_when_it_is_back() {
    let customer = Customer::new("down for a while");
    let down = Receiver::start(Reply::HangUp);
    let well = Receiver::start(Reply::Status(200));
    let failing = customer.endpoint(&down.url(), &["send.*"]);
    let sibling = customer.endpoint(&well.url(), &["send.*"]);

    let events = publish_burst(&customer);
    until("the sibling to get the whole burst", || (arrived(&well) == events).then_some(()));
    until("the burst to be held", || {
        never_paused(&customer, &failing);
        (ids(&customer.deliveries(&failing, "held")) == events).then_some(())
    });
    assert!(never_paused(&customer, &failing) >= 3);
    assert!(down.arrivals().is_empty());

    // While one is down, the other is served.
    let meanwhile = customer.publish();
    customer.delivery_that_is("delivered", &meanwhile, &sibling);
    customer.delivery_that_is("held", &meanwhile, &failing);

    down.now(Reply::Status(200));
    let all = events.iter().chain([&meanwhile]).cloned().collect::<BTreeSet<_>>();
    until("the burst to arrive, without another event", || {
        never_paused(&customer, &failing);
        (arrived(&down) == all).then_some(())
    });
    until("the endpoint to count as well", || (never_paused(&customer, &failing) == 0).then_some(()));
    until("every delivery to be delivered", || {
        (ids(&customer.deliveries(&failing, "delivered")) == all).then_some(())
    });
    assert_eq!(customer.deliveries(&failing, "held"), Vec::<Value>::new());
    assert!(down.arrivals().iter().all(|arrival| arrival.is_signed_by(&failing.secret)));
}

/// Publishes from several threads at once and returns the events' ids.
fn publish_burst(customer: &Customer) -> BTreeSet<String> {
    let publish = || (0..BURST / PUBLISHERS).map(|_| customer.publish()).collect::<Vec<_>>();
    thread::scope(|scope| {
        let publishers: Vec<_> = (0..PUBLISHERS).map(|_| scope.spawn(publish)).collect();
        publishers.into_iter().flat_map(|publisher| publisher.join().expect("a publisher")).collect()
    })
}

/// The endpoint's consecutive failures; fails the test if it is paused.
fn never_paused(customer: &Customer, endpoint: &Endpoint) -> i64 {
    let endpoint = customer.read_endpoint(endpoint);
    assert_eq!(endpoint["is_paused"], json!(false), "{endpoint}");
    endpoint["consecutive_failures"].as_i64().expect("a count")
}

fn arrived(receiver: &Receiver) -> BTreeSet<String> {
    receiver.arrivals().iter().map(|arrival| arrival.event().to_owned()).collect()
}

fn ids(deliveries: &[Value]) -> BTreeSet<String> {
    deliveries.iter().map(|delivery| delivery["event_id"].as_str().expect("an id").to_owned()).collect()
}
