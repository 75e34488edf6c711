//! Medians, and numbers as people read them.

use serde::{Deserialize, Serialize};

/// The median of several runs, with the least and the most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one; of an even number of runs the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of these runs; zeros if there are none.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<_> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);

        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else { return Self::default() };
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Self { median: f64::midpoint(low, high), min: *min, max: *max }
    }
}

/// A count as a number to divide by or to show; exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// With three digits that say something, and thousands apart: `1,234`, `123`, `12.3`, `1.23`.
pub fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => thousands(&format!("{number:.0}")),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

fn thousands(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    sign.to_owned() + &groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, min: 1.0, max: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Spread::of([7.0]), Spread { median: 7.0, min: 7.0, max: 7.0 });
        assert_eq!(Spread::of([]), Spread::default());
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.5, 9.876, 12.34, 123.4, 1234.5, 1_234_567.0].map(short),
            ["0.50", "9.88", "12.3", "123", "1,234", "1,234,567"]
        );
        assert_eq!(short(-1234.0), "-1,234");
    }
}
