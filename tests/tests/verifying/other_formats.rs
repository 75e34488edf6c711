//! The samples for the formats of other systems.

use crate::{
    deliveries::{Case, DATA, Delivery, FOREIGN, PREVIOUS, SECRET, UNUSUAL_DATA, assert_verdicts},
    languages::{JAVASCRIPT, PYTHON},
    page,
    program::{Argument, Verdict::Accepted, Verdict::Refused},
};

/// The cases of a format that signs the body alone.
#[rustfmt::skip] // A table: a line a case.
fn body_cases(format: &'static str, signature: &str) -> Vec<Case> {
    let good = || Delivery::of(format, DATA, SECRET);
    let in_grace = || Delivery::in_grace(format);
    vec![
        Case::new("good", Accepted, good()),
        Case::new("data that JSON.stringify would rewrite", Accepted, Delivery::of(format, UNUSUAL_DATA, SECRET)),
        Case::new("a changed body", Refused, good().with_body("msg_1", "msg_2")),
        Case::new("a changed signature", Refused, good().with_header(signature, "0".repeat(64))),
        Case::new("another's secret", Refused, good()).by(FOREIGN),
        Case::new("in grace, the new secret", Accepted, in_grace()),
        Case::new("in grace, the previous secret", Accepted, in_grace()).by(PREVIOUS),
        Case::new("in grace, another's secret", Refused, in_grace()).by(FOREIGN),
        Case::new("after the grace, the previous secret", Refused, good()).by(PREVIOUS),
        Case::new("no header", Refused, good().without(signature)),
        Case::new("an empty header", Refused, good().with_header(signature, "")),
    ]
}

fn assert_body_sample_judges_right(format: &'static str, signature: &str, prefix: &str) {
    let cases = body_cases(format, signature);
    let previous = format!("{signature}-Previous");
    let call = |case: &Case| {
        let prefix = Argument::Text(prefix.to_owned());
        vec![case.secret(), case.body(), case.header(signature), case.header(&previous), prefix]
    };
    let calls: Vec<_> = cases.iter().map(call).collect();
    let verdicts = JAVASCRIPT.run(&format!("body {format}"), &page::sample("body JavaScript"), &calls);
    assert_verdicts(format, &cases, &verdicts);
}

#[test]
fn orbit_s_sample_accepts_what_is_good_and_refuses_what_is_not() {
    assert_body_sample_judges_right("orbit", "X-Devotel-Signature", "");
}

#[test]
fn ekdsend_s_sample_accepts_what_is_good_and_refuses_what_is_not() {
    assert_body_sample_judges_right("ekdsend", "X-EKDSend-Signature", "sha256=");
}

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

#[rustfmt::skip] // A table: a line a case.
fn standard_cases() -> Vec<Case> {
    let good = || Delivery::of("standard", DATA, SECRET);
    let in_grace = || Delivery::in_grace("standard");
    vec![
        Case::new("good", Accepted, good()),
        Case::new("data that JSON.stringify would rewrite", Accepted, Delivery::of("standard", UNUSUAL_DATA, SECRET)),
        Case::new("a changed body", Refused, good().with_body("msg_1", "msg_2")),
        Case::new("a changed id", Refused, good().with_header(ID, "evt_0")),
        Case::new("a changed time", Refused, good().with_header(TIMESTAMP, "1700000061")),
        Case::new("a changed signature", Refused, good().with_header(SIGNATURE, format!("v1,{}=", "A".repeat(43)))),
        Case::new("a signature of another version", Refused, good().with_replaced(SIGNATURE, "v1,", "v1a,")),
        Case::new("another's secret", Refused, good()).by(FOREIGN),
        Case::new("five minutes old", Accepted, good()).later(300),
        Case::new("six minutes old", Refused, good()).later(360),
        Case::new("from five minutes ahead", Accepted, good()).later(-300),
        Case::new("from six minutes ahead", Refused, good()).later(-360),
        Case::new("in grace, the new secret", Accepted, in_grace()),
        Case::new("in grace, the previous secret", Accepted, in_grace()).by(PREVIOUS),
        Case::new("in grace, another's secret", Refused, in_grace()).by(FOREIGN),
        Case::new("after the grace, the previous secret", Refused, good()).by(PREVIOUS),
        Case::new("no id", Refused, good().without(ID)),
        Case::new("no time", Refused, good().without(TIMESTAMP)),
        Case::new("a time that is no number", Refused, good().with_header(TIMESTAMP, "now")),
        Case::new("no signature", Refused, good().without(SIGNATURE)),
        Case::new("an empty signature", Refused, good().with_header(SIGNATURE, "")),
    ]
}

#[test]
fn standard_s_sample_accepts_what_is_good_and_refuses_what_is_not() {
    let cases = standard_cases();
    let call = |case: &Case| {
        let headers = [ID, TIMESTAMP, SIGNATURE].map(|name| case.header(name));
        [case.secret(), case.body()].into_iter().chain(headers).chain([case.now()]).collect()
    };
    let calls: Vec<_> = cases.iter().map(call).collect();
    assert_verdicts("standard", &cases, &PYTHON.verdicts("standard", &calls));
}
