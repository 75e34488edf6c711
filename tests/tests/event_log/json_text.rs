//! Random JSON as people write it: every spelling that parsing and writing anew would change.

use std::ops::RangeInclusive;

use domain::event_data::MAX_DATA_LEVELS;
use proptest::{
    collection::vec,
    prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof},
    sample::select,
};

/// Numbers that no two libraries write alike.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "1.0",
    "1e5",
    "1E+2",
    "1e-7",
    "0.1000",
    "100e-2",
    "9007199254740993",
    "18446744073709551616",
    "123456789012345678901234567890.123456789012345678901234567890",
    "1e400",
    "5e-324",
    "-1.50E-00",
];

/// Pieces of strings: escapes in each of their forms, and what looks like JSON.
const PIECES: &[&str] = &[
    r"\n",
    r"\t",
    r"\r",
    r"\b",
    r"\f",
    r"\/",
    r"\\",
    r#"\""#,
    r"\u0000",
    r"\u001f",
    r"\u00e9",
    r"\u00E9",
    r"\ud83d\ude00",
    r"\uD83D\uDE00",
    r"\ud800",
    r"\udc00",
    r"\u2028",
    r"\ufffe",
    r"\\u0041",
    r"\u0061",
    "é",
    "e\u{301}",
    "😀",
    "\u{10ffff}",
    "\u{2028}",
    "\u{7f}",
    "\u{80}",
    "\u{fdd0}",
    "\u{fffd}",
    "\u{feff}",
    "\u{202e}",
    "{}",
    "[1,2]",
    ":",
    ",",
    " ",
    "null",
];

/// Keys that differ only to a reader who looks closely, and one that stands twice.
const KEYS: &[&str] =
    &["a", "A", "a ", r"\u0061", r"\u0041", "á", "a\u{301}", "", "a.b", "$ref", "__proto__", "data", "type"];

const SPACES: &[&str] = &["", "", "", " ", "\n", "\r\n", "\t", "  \n  "];

/// The text of an object that has a `messageId`, which its type requires.
pub(crate) fn object() -> impl Strategy<Value = String> {
    let members = vec((key(), value(3)), 0..6).prop_map(|members| join(&members));
    // With the object around it as deep as it may be, and less.
    let deep = (0..MAX_DATA_LEVELS, any::<bool>()).prop_map(|(depth, arrays)| nested(depth, arrays));
    let (before, after) = (select(SPACES), select(SPACES));
    (members, deep, long_string(), before, after, any::<bool>()).prop_map(
        |(members, deep, long, before, after, with_long)| {
            let members = if members.is_empty() { members } else { format!("{members},{before}") };
            let long = if with_long { format!(r#""long":"{long}",{after}"#) } else { String::new() };
            format!(r#"{{{before}{members}"deep":{deep},{long}{after}"messageId":{before}"m"{after}}}"#)
        },
    )
}

fn value(depth: u32) -> BoxedStrategy<String> {
    let number = prop_oneof![select(NUMBERS).prop_map(str::to_owned), "-?[1-9][0-9]{0,40}(\\.[0-9]{1,9})?"];
    let leaf = prop_oneof![
        number,
        string(0..=8).prop_map(|text| format!("\"{text}\"")),
        select(&["true", "false", "null", "{}", "[]", "[ ]", "{\n}"]).prop_map(str::to_owned),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let array = (vec(value(depth - 1), 0..4), select(SPACES))
        .prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!(",{space}"))));
    let object = vec((key(), value(depth - 1)), 0..4).prop_map(|members| format!("{{{}}}", join(&members)));
    prop_oneof![3 => leaf, 1 => array, 1 => object].boxed()
}

fn join(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    members.join(" ,")
}

fn key() -> impl Strategy<Value = String> {
    let name = prop_oneof![select(KEYS).prop_map(str::to_owned), "[a-z_]{1,12}"];
    (name, select(SPACES)).prop_map(|(name, space)| format!("\"{name}\"{space}"))
}

fn string(pieces: RangeInclusive<usize>) -> impl Strategy<Value = String> {
    let plain = any::<char>().prop_filter("needs an escape", |c| !c.is_control() && !"\"\\".contains(*c));
    let piece = prop_oneof![select(PIECES).prop_map(str::to_owned), plain.prop_map(String::from)];
    vec(piece, pieces).prop_map(|pieces| pieces.concat())
}

/// Long enough to be deflated on its way.
fn long_string() -> impl Strategy<Value = String> {
    prop_oneof![
        string(300..=600),
        string(20..=40).prop_map(|text| text.repeat(40)),
        Just("\u{1f600}".repeat(400))
    ]
}

fn nested(depth: usize, arrays: bool) -> String {
    let (open, close) = if arrays { ("[", "]") } else { (r#"{"k":"#, "}") };
    format!("{}1.0{}", open.repeat(depth), close.repeat(depth))
}
