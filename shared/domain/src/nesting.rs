//! How deep JSON is nested, found without recursion.
//!
//! A recursive parser needs stack for each level, and most parsers have a limit: 64 levels, 100, 1,000. So the depth is limited
//! here, to what others can parse. The scan keeps a count and needs no stack.

/// How many levels a JSON text has. An object or an array is one level, and what is in it is one level deeper. `7` has none,
/// `{}` and `{"a":7}` have one, `{"a":[]}` has two. Brackets inside strings do not count.
///
/// It takes one pass, and the same memory for every text. If the text is not JSON, it counts the brackets all the same.
pub fn levels(json: &str) -> usize {
    let (mut level, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);

    for byte in json.bytes() {
        if in_string {
            // A quote ends the string, unless it is escaped: then a backslash stands before it that is not itself escaped.
            in_string = byte != b'"' || escaped;
            escaped = byte == b'\\' && !escaped;
            continue;
        }

        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                level += 1;
                deepest = deepest.max(level);
            }
            b'}' | b']' => level = level.saturating_sub(1),
            _ => {}
        }
    }

    deepest
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};
    use serde_json::Value;

    use super::*;

    /// The definition, word for word.
    fn counted(value: &Value) -> usize {
        match value {
            Value::Array(items) => 1 + items.iter().map(counted).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(counted).max().unwrap_or(0),
            _ => 0,
        }
    }

    #[test]
    fn objects_and_arrays_are_levels_and_nothing_else_is() {
        for (json, expected) in [
            ("7", 0),
            (r#""[{""#, 0),
            ("{}", 1),
            ("[]", 1),
            (r#"{"a":7,"b":"x"}"#, 1),
            (r#"{"a":[]}"#, 2),
            (r"[{},[[]],{}]", 3),
            (r#"{"[[[[":1}"#, 1),
            (r#"{"a":"\"[[","b":[]}"#, 2),
            (r#"{"a":"\\","b":[[]]}"#, 3),
            (r#"{"a":"\\\"[[[","b":[]}"#, 2),
            (r#"{"a":"\u005b\u007b"}"#, 1),
            (r"[[],[],[]]", 2),
        ] {
            assert_eq!(levels(json), expected, "{json}");
        }
    }

    #[test]
    fn neither_depth_nor_a_text_that_is_no_json_is_followed() {
        assert_eq!(levels(&format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000))), 1_000_000);
        assert_eq!(levels(&"{".repeat(90_000)), 90_000);
        assert_eq!(levels("]]]}[["), 2);
        assert_eq!(levels(""), 0);
    }

    /// Any JSON, its strings full of what looks like more of it.
    fn json() -> impl Strategy<Value = Value> {
        const PIECES: [&str; 12] = ["[", "]", "{", "}", "\"", "\\", "\\\"", "a", "é", "\u{0}", "😀", "\n"];
        let text = vec(select(&PIECES[..]), 0..8).prop_map(|pieces| pieces.concat());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(12, 96, 4, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::from),
                vec((text.clone(), inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scan_counts_what_following_every_branch_counts(value in json()) {
            let compact = value.to_string();
            prop_assert_eq!(levels(&compact), counted(&value), "{}", compact);
            let spread = serde_json::to_string_pretty(&value).unwrap();
            prop_assert_eq!(levels(&spread), counted(&value), "{}", spread);
        }
    }
}
