//! No secret and no key in any log line. Each test's own secrets are searched for when its [`Customer`] is dropped; here
//! the search is shown to find what is there, and looks for whatever has the form of a secret.

use std::{collections::HashSet, time::SystemTime};

use minreq::Method::{Get, Patch, Post};
use serde_json::json;

use crate::support::{Customer, Receiver, Reply, aws, customer::text, until};

/// How secrets and keys begin. What follows is random, at least this long and of these characters.
const BEGINNINGS: [&str; 3] = ["whsec_", "dd_live_", "dd_test_"];
const RANDOM_CHARS: usize = 20;

#[test]
fn neither_secrets_nor_keys_are_in_any_log_line_of_the_run() {
    let customer = Customer::new("secrets in logs");
    let event = handle_secrets_in_every_way(&customer);

    // In this order: the stack goes on logging for the tests beside this one.
    let of_functions = ["api", "fan_out", "deliver"].map(|function| logged_with(&customer, function, &event));
    let logged: HashSet<String> =
        aws::logged(customer.stack.env(), SystemTime::UNIX_EPOCH).into_iter().collect();
    assert!(
        of_functions.iter().flatten().all(|line| logged.contains(line)),
        "the search finds what is there"
    );
    assert!(looks_secret("x dd_live_0123456789012345678901234567890123456789012 x"));
    let exposed = logged.iter().filter(|line| looks_secret(line)).count();
    assert_eq!(exposed, 0, "of {} lines", logged.len());
}

/// All that a function has logged, once that event is in it: a line may come some time after the call that made it.
fn logged_with(customer: &Customer, function: &str, event: &str) -> Vec<String> {
    until(&format!("{event} in the log of {function}"), || {
        let lines = aws::logged_by_function(customer.stack.env(), function, SystemTime::UNIX_EPOCH);
        lines.iter().any(|line| line.contains(event)).then_some(lines)
    })
}

/// Everything that has to do with a secret, mistakes included. The id of an event that was delivered meanwhile.
fn handle_secrets_in_every_way(customer: &Customer) -> String {
    let receiver = Receiver::with_script([Reply::Status(500)], Reply::Status(200));
    let given = "given-secret-9f86d081884c7d659a2feaa0c55ad015";
    customer.keeps_secret(given);
    let settings = json!({ "url": receiver.url(), "enabled_events": ["send.*"], "secret": given });
    let endpoint = customer.endpoint_with(&settings);
    let path = format!("/v1/webhooks/{}", endpoint.id);

    let rotated = customer.ask(&endpoint, "rotate-secret", &json!({}), 200);
    customer.keeps_secret(&text(&rotated, "signing_secret"));
    customer.call(Patch, &path, Some(&json!({ "secret": given }))).expect(400);
    customer.call(Patch, &path, Some(&json!({ given: 1 }))).expect(400);
    customer.call(Patch, &path, Some(&json!({ "description": given }))).expect(200);
    customer.call(Get, &format!("/v1/webhooks?cursor={given}"), None).expect(400);
    customer.call(Get, &format!("/v1/webhooks/{given}"), None).expect(404);
    let unknown = format!("dd_live_{}", "k".repeat(43));
    customer.keeps_secret(&unknown);
    customer.call_with(&unknown, Post, "/v1/webhooks", Some(&settings)).expect(401);

    let event = customer.publish();
    customer.delivery_that_is("delivered", &event, &endpoint);
    event
}

fn looks_secret(line: &str) -> bool {
    BEGINNINGS.iter().flat_map(|beginning| line.split(beginning).skip(1)).any(|rest| {
        let random = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte));
        random.count() >= RANDOM_CHARS
    })
}
