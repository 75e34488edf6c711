//! Data of events.

use domain::event_data::MAX_DATA_BYTES;
use tests::noise::{LEADS, utf8};

/// An event's data.
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    pub(crate) data: String,
}

/// Data as services send it, from the smallest on.
pub(crate) fn samples() -> Vec<Sample> {
    let typical = |name, bytes| Sample { name, data: records(bytes) };
    let random = |name, bytes| Sample { name, data: text_of(bytes, &noise(bytes)) };
    vec![
        typical("300 bytes", 300),
        typical("1,000 bytes", 1_000),
        typical("1 KiB", 1_024),
        typical("10 KiB", 10 * 1_024),
        random("10 KiB, random", 10 * 1_024),
        typical("200 KiB", MAX_DATA_BYTES),
        random("200 KiB, random", MAX_DATA_BYTES),
    ]
}

/// Of the largest size: what grows most inside a JSON string, or cannot be told from what would end one.
pub(crate) fn hardest() -> Vec<Sample> {
    const ESCAPES: [&str; 8] = [r"\u0000", r#"\""#, r"\\", r"\/", r"\u001f", r"\n", r"\uD83D\uDE00", "😀"];
    let noise = noise(MAX_DATA_BYTES);
    let mixed: String = noise.bytes().map(|letter| ESCAPES[usize::from(letter) % ESCAPES.len()]).collect();
    let escaped: String =
        noise.bytes().flat_map(|letter| format!(r"\u{letter:04x}").into_bytes()).map(char::from).collect();
    let filled =
        |name, piece: &str| Sample { name, data: text_of(MAX_DATA_BYTES, &piece.repeat(MAX_DATA_BYTES)) };
    vec![
        filled("NULs, each `\\u0000`", r"\u0000"),
        filled("quotes", r#"\""#),
        filled("backslashes", r"\\"),
        filled("letters beyond the BMP", "😀"),
        filled("the same, escaped", r"\uD83D\uDE00"),
        Sample { name: "all of these in random order", data: text_of(MAX_DATA_BYTES, &mixed) },
        Sample { name: "random letters, each escaped", data: text_of(MAX_DATA_BYTES, &escaped) },
        Sample { name: "random letters", data: text_of(MAX_DATA_BYTES, &noise) },
        Sample {
            name: "random characters of one to four bytes",
            data: text_of(MAX_DATA_BYTES, &utf8(MAX_DATA_BYTES, &LEADS, 1)),
        },
    ]
}

/// An object of exactly so many bytes, with as much of `text` as fits whole.
fn text_of(bytes: usize, text: &str) -> String {
    let room = bytes - r#"{"messageId":""}"#.len();
    let mut end = 0;
    while let Some(next) = piece(&text[end..]).filter(|next| end + next <= room) {
        end += next;
    }
    format!(r#"{{"messageId":"{}{}"}}"#, &text[..end], "x".repeat(room - end))
}

/// The bytes of the first letter, its escape taken as one, and a pair of them too.
fn piece(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    Some(match (first, text.as_bytes().get(1)) {
        ('\\', Some(b'u')) if text.starts_with(r"\uD8") => 12,
        ('\\', Some(b'u')) => 6,
        ('\\', _) => 2,
        _ => first.len_utf8(),
    })
}

/// An object of exactly so many bytes as a service may write it: records of an id, an address, a word and a number.
fn records(bytes: usize) -> String {
    const WORDS: [&str; 8] =
        ["accepted", "queued", "welcome", "invoice", "reminder", "newsletter", "receipt", "digest"];
    const END: &str = r#"],"note":""}"#;
    let mut numbers = numbers();
    let mut data = r#"{"messageId":"msg_abc123","recipients":["#.to_owned();
    loop {
        let (id, word) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        let comma = if data.ends_with('[') { "" } else { "," };
        let subject = WORDS[usize::try_from(word % 8).unwrap_or_default()];
        let record = format!(
            r#"{comma}{{"id":"rcp_{id:08x}","to":"user{}@example.com","subject":"Your {subject}","size":{}}}"#,
            id % 10_000,
            word % 100_000,
        );
        if data.len() + record.len() + END.len() > bytes {
            let rest = "x".repeat(bytes - data.len() - END.len());
            return format!(r#"{data}],"note":"{rest}"}}"#);
        }
        data += &record;
    }
}

/// Printable letters in no order, none of which JSON escapes.
fn noise(length: usize) -> String {
    const LETTERS: &[u8] =
        b"!#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    let letters = numbers().map(|number| LETTERS[usize::try_from(number % 92).unwrap_or_default()]);
    letters.take(length).map(char::from).collect()
}

/// Knuth's generator: the same numbers each time.
fn numbers() -> impl Iterator<Item = u64> {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    std::iter::successors(Some(1_u64), next).map(|state| state >> 33)
}
