//! Texts that hardly compress: the hardest to carry.

use std::ops::RangeInclusive;

/// The first bytes of characters of one byte each, without controls; and of two, three and four bytes.
pub const LEADS: [RangeInclusive<u8>; 4] = [0x20..=0x7e, 0xc2..=0xdf, 0xe0..=0xef, 0xf0..=0xf4];

/// Numbers in no order, the same for each seed.
pub fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    // Knuth's generator. Its lower bits repeat soon.
    let next = |state: &u64| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    std::iter::successors(next(&seed), next).map(|state| state >> 33)
}

/// So many printable characters of ASCII.
pub fn printable(length: usize, seed: u64) -> String {
    numbers(seed).map(|number| char::from(b'#' + below(number, 57))).take(length).collect()
}

/// So many bytes of characters that may stand in a JSON string as they are. Their first bytes are of these ranges, each
/// equally often: so hardly any byte of UTF-8 is rarer than another, which leaves a compressor nothing to do.
pub fn utf8(bytes: usize, leads: &[RangeInclusive<u8>], seed: u64) -> String {
    let leads: Vec<u8> = leads.iter().cloned().flatten().filter(|lead| !b"\"\\".contains(lead)).collect();
    let mut numbers = numbers(seed);
    let mut text = String::with_capacity(bytes);
    while text.len() < bytes {
        let lead = leads[usize::from(below(numbers.next().expect("it never ends"), leads.len()))];
        let character = character(lead, &mut numbers);
        // What is left at the end may be too little for a wide one.
        text.push(if text.len() + character.len_utf8() > bytes { 'x' } else { character });
    }
    text
}

/// Any character that begins with this byte.
fn character(lead: u8, numbers: &mut impl Iterator<Item = u64>) -> char {
    let width = LEADS.iter().position(|leads| leads.contains(&lead)).expect("a first byte");
    loop {
        let further = numbers.by_ref().take(width).map(|number| 0x80 + below(number, 64));
        let bytes: Vec<u8> = std::iter::once(lead).chain(further).collect();
        // Not all that look like UTF-8 are: surrogates, spellings that are too long.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            return text.chars().next().expect("one character");
        }
    }
}

fn below(number: u64, bound: usize) -> u8 {
    u8::try_from(number % bound as u64).expect("a bound of at most 256")
}
