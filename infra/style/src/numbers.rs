//! Medians, percentiles and percentages.

use serde_json::{Value, json};

/// How many of something there are, and of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) part: usize,
    pub(crate) whole: usize,
}

impl Share {
    /// Counts one more, as part of the whole or only in it.
    pub(crate) fn count(&mut self, is_part: bool) {
        self.part += usize::from(is_part);
        self.whole += 1;
    }

    /// Per cent of the whole; 0 where there is nothing.
    #[expect(clippy::cast_precision_loss, reason = "lines of code are few")]
    pub(crate) fn percent(self) -> f64 {
        if self.whole == 0 { 0.0 } else { 100.0 * self.part as f64 / self.whole as f64 }
    }

    pub(crate) fn json(self) -> Value {
        json!({ "part": self.part, "whole": self.whole, "percent": self.percent() })
    }
}

/// The nearest rank: the smallest number that at least `percent` of all do not exceed. 0 where there is none.
pub(crate) fn percentile(numbers: &[usize], percent: usize) -> usize {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();

    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_numbers() {
        assert_eq!(percentile(&[3, 1, 2], 50), 2);
        assert_eq!(percentile(&[4, 1, 3, 2], 50), 2);

        let hundred: Vec<_> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 95), 95);
        assert_eq!(percentile(&[7], 95), 7);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert!(Share::default().percent().abs() < f64::EPSILON);

        let mut share = Share::default();
        share.count(true);
        share.count(false);
        assert!((share.percent() - 50.0).abs() < f64::EPSILON);
    }
}
