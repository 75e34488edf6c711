//! The samples for do.dev's own format.

use crate::{
    deliveries::{ATTEMPTED, Case, DATA, Delivery, FOREIGN, PREVIOUS, SECRET, UNUSUAL_DATA, assert_verdicts},
    languages::{JAVA, JAVASCRIPT, Language, Need, OTHERS, PYTHON},
    page,
    program::{Argument, Verdict, Verdict::Accepted, Verdict::Refused},
    rust_sample,
};

const SIGNATURE: &str = "X-DoDevWebhook-Signature";
/// A secret that a user brought, with what shells and format strings trip over.
const OWN_SECRET: &str = r#"my own 'secret' with "$quotes" & \n"#;

#[rustfmt::skip] // A table: a line a case.
fn cases() -> Vec<Case> {
    let good = || Delivery::of("dodev", DATA, SECRET);
    let changed = |from: &str, to: &str| good().with_replaced(SIGNATURE, from, to);
    let header = |value: &str| good().with_header(SIGNATURE, value);
    let in_grace = || Delivery::in_grace("dodev");
    let tag = good().header(SIGNATURE).unwrap().rsplit_once("v1=").unwrap().1.to_owned();
    vec![
        Case::new("good", Accepted, good()),
        Case::new("data that JSON.stringify would rewrite", Accepted, Delivery::of("dodev", UNUSUAL_DATA, SECRET)),
        Case::new("a secret of the user's own", Accepted, Delivery::of("dodev", DATA, OWN_SECRET)).by(OWN_SECRET),
        Case::new("without the header that repeats the time", Accepted, good().without("X-DoDevWebhook-Timestamp")),

        Case::new("a changed body", Refused, good().with_body("msg_1", "msg_2")),
        Case::new("white space added to the body", Refused, good().with_body(",", ", ")),
        Case::new("a changed time", Refused, changed("t=1700000060", "t=1700000061")),
        Case::new("a changed time, to seem recent", Refused, changed("t=1700000060", "t=1700003660")).later(3600),
        Case::new("a changed signature", Refused, header(&format!("t={ATTEMPTED},v1={}", "0".repeat(64)))),
        Case::new("another's secret", Refused, good()).by(FOREIGN),
        Case::new("the signature of another delivery", Refused, Delivery::of("dodev", "{}", SECRET)
            .with_header(SIGNATURE, good().header(SIGNATURE).unwrap())),

        Case::new("five minutes old", Accepted, good()).later(300),
        Case::new("a second more than five minutes old", Refused, good()).later(301),
        Case::new("six minutes old", Refused, good()).later(360),
        Case::new("a day old", Refused, good()).later(86_400),
        Case::new("from five minutes ahead", Accepted, good()).later(-300),
        Case::new("from a second more than five minutes ahead", Refused, good()).later(-301),
        Case::new("from six minutes ahead", Refused, good()).later(-360),

        Case::new("in grace, the new secret", Accepted, in_grace()),
        Case::new("in grace, the previous secret", Accepted, in_grace()).by(PREVIOUS),
        Case::new("in grace, another's secret", Refused, in_grace()).by(FOREIGN),
        Case::new("in grace, six minutes old, the previous secret", Refused, in_grace()).by(PREVIOUS).later(360),
        Case::new("in grace, a changed body, the previous secret", Refused, in_grace().with_body("msg_1", "msg_2")).by(PREVIOUS),
        Case::new("after the grace, the previous secret", Refused, good()).by(PREVIOUS),
        Case::new("before the rotation, the previous secret", Accepted, Delivery::of("dodev", DATA, PREVIOUS)).by(PREVIOUS),

        Case::new("no header", Refused, good().without(SIGNATURE)),
        Case::new("an empty header", Refused, header("")),
        Case::new("separators alone", Refused, header(",=,=,")),
        Case::new("no time", Refused, header(&format!("v1={tag}"))),
        Case::new("an empty time", Refused, changed("t=1700000060", "t=")),
        Case::new("a time that is no number", Refused, changed("t=1700000060", "t=now")),
        Case::new("a time that is not a number to JavaScript", Refused, changed("t=1700000060", "t=NaN")),
        Case::new("a time below zero", Refused, changed("t=1700000060", "t=-1700000060")),
        Case::new("a time with a fraction", Refused, changed("t=1700000060", "t=1700000060.0")),
        Case::new("a time beyond 64 bits", Refused, changed("t=1700000060", "t=99999999999999999999")),
        Case::new("a time as far from now as 64 bits go", Refused, changed("t=1700000060", "t=-9223372036854775808")),
        Case::new("no signature", Refused, header("t=1700000060")),
        Case::new("an empty signature", Refused, header("t=1700000060,v1=")),
        Case::new("half a signature", Refused, header(&format!("t=1700000060,v1={}", &tag[..32]))),
        Case::new("more than a signature", Refused, header(&format!("t=1700000060,v1={tag}=00"))),
        Case::new("a signature of an unknown kind", Refused, changed("v1=", "v2=")),
        Case::new("a signature that is no hex", Refused, header(&format!("t=1700000060,v1={}", "é".repeat(32)))),
        Case::new("the signature alone", Refused, header(&tag)),
    ]
}

fn call(case: &Case) -> Vec<Argument> {
    vec![case.secret(), case.body(), case.header(SIGNATURE), case.now()]
}

fn assert_judges_right(language: &Language) {
    let cases = cases();
    let verdicts = language.verdicts("dodev", &cases.iter().map(call).collect::<Vec<_>>());
    assert_verdicts(language.name, &cases, &verdicts);
}

#[test]
fn javascript_accepts_what_is_good_and_refuses_what_is_not() {
    assert_judges_right(&JAVASCRIPT);
}

#[test]
fn python_accepts_what_is_good_and_refuses_what_is_not() {
    assert_judges_right(&PYTHON);
}

#[test]
fn java_accepts_what_is_good_and_refuses_what_is_not() {
    assert_judges_right(&JAVA);
}

#[test]
fn further_languages_do_so_where_they_are_installed() {
    let (here, elsewhere): (Vec<_>, Vec<_>) = OTHERS.iter().partition(|language| language.installed());
    here.into_iter().for_each(assert_judges_right);
    eprintln!("Not installed: {:?}", elsewhere.iter().map(|language| language.name).collect::<Vec<_>>());
}

#[test]
fn rust_accepts_what_is_good_and_refuses_what_is_not() {
    assert_eq!(
        page::sample("dodev Rust"),
        include_str!("rust_sample.rs"),
        "the page and the compiled sample"
    );
    let cases = cases();
    let judge = |case: &Case| {
        let now = u64::try_from(ATTEMPTED + case.seconds_later).unwrap();
        let header = case.delivery.header(SIGNATURE).unwrap_or_default();
        Verdict::from(rust_sample::verify(case.secret, &case.delivery.body, header, now))
    };
    assert_verdicts("Rust", &cases, &cases.iter().map(judge).collect::<Vec<_>>());
}

#[test]
fn typescript_is_the_javascript_sample_with_types() {
    let types =
        [": string[]", ": string | null | undefined", ": string", ": Uint8Array", ": number", ": boolean"];
    let plain =
        types.iter().fold(page::sample("dodev TypeScript"), |text, annotation| text.replace(annotation, ""));
    assert_eq!(plain, page::sample("dodev JavaScript"));
}

#[test]
fn the_page_says_how_each_sample_is_checked() {
    for language in [&JAVASCRIPT, &PYTHON, &JAVA].into_iter().chain(OTHERS) {
        let checked = match language.need {
            Need::Always(_) => "run by the tests".to_owned(),
            Need::WhereInstalled(name) => format!("run by the tests where {name} is installed"),
        };
        assert_eq!(page::checked(language.name), checked, "{}", language.name);
    }
    assert_eq!(page::checked("Rust"), "compiled into the tests and run");
    assert!(page::checked("TypeScript").starts_with("compared by the tests"));
}

#[test]
fn no_sample_is_on_the_page_that_no_test_knows() {
    let dodev = ["JavaScript", "TypeScript", "Python", "Go", "Ruby", "PHP", "Java", "Rust", "C#"];
    let others =
        ["body JavaScript", "standard-library JavaScript", "standard-library Python", "standard Python"];
    let known =
        dodev.map(|language| format!("dodev {language}")).into_iter().chain(others.map(str::to_owned));
    assert_eq!(page::marks(), known.collect::<Vec<_>>());
}
