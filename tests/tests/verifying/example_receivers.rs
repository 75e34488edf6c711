//! Receivers that verify as do.dev's and `EKDSend`'s documentation shows: those that customers have already deployed.
//!
//! `receivers/` has the same algorithms in code of our own, weaknesses included.

use crate::{
    deliveries::{Case, DATA, Delivery, FOREIGN, PREVIOUS, SECRET, UNUSUAL_DATA, assert_verdicts},
    languages::JAVASCRIPT,
    program::{Argument, Verdict, Verdict::Accepted, Verdict::Refused, Verdict::Threw},
};

const DODEV: &str = "X-DoDevWebhook-Signature";
const DODEV_TIMESTAMP: &str = "X-DoDevWebhook-Timestamp";
const EKDSEND: &str = "X-EKDSend-Signature";

#[test]
#[rustfmt::skip] // A table: a line a case.
fn do_dev_s_accepts_every_good_delivery_and_during_a_rotation_with_the_new_secret() {
    let good = || Delivery::of("dodev", DATA, SECRET);
    let cases = [
        Case::new("good", Accepted, good()),
        Case::new("data that JSON.stringify would rewrite", Accepted, Delivery::of("dodev", UNUSUAL_DATA, SECRET)),
        Case::new("a changed body", Refused, good().with_body("msg_1", "msg_2")),
        Case::new("a changed time", Refused, good().with_header(DODEV_TIMESTAMP, "1700000061")),
        Case::new("a changed signature", Refused, good().with_header(DODEV, format!("v1={}", "0".repeat(64)))),
        Case::new("another's secret", Refused, good()).by(FOREIGN),
        Case::new("no signature", Refused, good().without(DODEV)),
        Case::new("no time", Refused, good().without(DODEV_TIMESTAMP)),
        Case::new("in grace, the new secret", Accepted, Delivery::in_grace("dodev")),
        // This verifier takes what follows `v1=` and knows no other signature. That is why the page's samples also look at v0.
        Case::new("in grace, the previous secret", Refused, Delivery::in_grace("dodev")).by(PREVIOUS),
    ];
    let call = |case: &Case| vec![case.secret(), case.body(), case.header(DODEV), case.header(DODEV_TIMESTAMP)];
    let calls: Vec<_> = cases.iter().map(call).collect();
    let verdicts = JAVASCRIPT.run("example do.dev", include_str!("receivers/dodev.mjs"), &calls);
    assert_verdicts("do.dev's example", &cases, &verdicts);
}

fn judged_by_ekdsend_s(test: &str, cases: &[Case]) -> Vec<Verdict> {
    let call = |case: &Case| -> Vec<Argument> { vec![case.secret(), case.body(), case.header(EKDSEND)] };
    let calls: Vec<_> = cases.iter().map(call).collect();
    JAVASCRIPT.run(&format!("example EKDSend {test}"), include_str!("receivers/ekdsend.mjs"), &calls)
}

#[test]
#[rustfmt::skip] // A table: a line a case.
fn ekdsend_s_accepts_a_typical_delivery_and_during_a_rotation_with_the_new_secret() {
    let good = || Delivery::of("ekdsend", DATA, SECRET);
    let cases = [
        Case::new("good", Accepted, good()),
        Case::new("a changed body", Refused, good().with_body("msg_1", "msg_2")),
        Case::new("a changed signature", Refused, good().with_header(EKDSEND, format!("sha256={}", "0".repeat(64)))),
        Case::new("another's secret", Refused, good()).by(FOREIGN),
        Case::new("a signature without its prefix", Threw, good().with_replaced(EKDSEND, "sha256=", "")),
        Case::new("no signature", Threw, good().without(EKDSEND)),
        Case::new("in grace, the new secret", Accepted, Delivery::in_grace("ekdsend")),
        Case::new("in grace, the previous secret", Refused, Delivery::in_grace("ekdsend")).by(PREVIOUS),
    ];
    assert_verdicts("EKDSend's example", &cases, &judged_by_ekdsend_s("deliveries", &cases));
}

/// Which `data` `EKDSend`'s example can verify, since it writes the parsed body anew: what the page says.
#[test]
fn ekdsend_s_accepts_data_that_json_stringify_would_write_alike() {
    let alike = [
        "{}",
        r#"{"a":{"b":[1,-1,0.5,true,null,""]}}"#,
        r#"{"largest":9007199254740991,"exponent":1e+21,"small":1e-7}"#,
        r#"{"text":"é ☃ 🚀 / 'quotes' <tag>"}"#,
        r#"{"escapes":"\" \\ \b \f \n \r \t \u0001 \u001f"}"#,
        r#"{"7":"array indices come first","10":"in order","a":1}"#,
        r#"{"__proto__":1,"constructor":2}"#,
        // White space is left out of this format's body.
        r#"{"a": 1}"#,
        "{\n}",
    ];
    let unlike = [
        r#"{"a":1.0}"#,
        r#"{"a":1e0}"#,
        r#"{"a":-0}"#,
        r#"{"a":1e21}"#,
        r#"{"a":9007199254740993}"#,
        r#"{"a":"\u00e9"}"#,
        r#"{"a":"\/"}"#,
        r#"{"a":"\u001F"}"#,
        r#"{"a":1,"7":2}"#,
        r#"{"10":1,"7":2}"#,
        r#"{"a":1,"a":2}"#,
    ];
    let expected = alike.map(|data| (data, Accepted)).into_iter().chain(unlike.map(|data| (data, Refused)));
    let cases: Vec<_> = expected
        .map(|(data, verdict)| Case::new(data, verdict, Delivery::of("ekdsend", data, SECRET)))
        .collect();
    assert_verdicts("EKDSend's example", &cases, &judged_by_ekdsend_s("data", &cases));
}
