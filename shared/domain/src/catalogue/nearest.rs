//! What somebody who mistyped an event type or a pattern most likely meant.

/// How much of the input is compared, in characters. It is more than twice the longest name, and limits the work that a request
/// can cause.
const COMPARED_CHARS: usize = 80;

/// The first of the candidates at the smallest edit distance, whatever the letters' case.
pub(super) fn nearest<'a>(typo: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typo: Vec<char> = typo.chars().take(COMPARED_CHARS).map(|c| c.to_ascii_lowercase()).collect();
    candidates.min_by_key(|candidate| {
        let candidate: Vec<char> = candidate.chars().collect();
        distance(&typo, &candidate)
    })
}

/// How many characters must be inserted, removed, replaced or swapped with their neighbour to turn one into the other
/// (the optimal string alignment distance).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = previous[j] + usize::from(a != b);
            let inserted_or_removed = previous[j + 1].min(current[j]) + 1;
            let mut best = replaced.min(inserted_or_removed);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before_previous[j - 1] + 1);
            }
            current.push(best);
        }
        before_previous = std::mem::replace(&mut previous, current);
    }
    previous[to.len()]
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn an_edit_is_one_character_or_a_swap_of_two() {
        let cases = [
            ("sent", "sent", 0),
            ("snet", "sent", 1),
            ("set", "sent", 1),
            ("sentt", "sent", 1),
            ("sand", "send", 1),
            ("", "sms", 3),
            ("sms", "", 3),
        ];
        for (from, to, edits) in cases {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(from), &chars(to)), edits, "{from} → {to}");
        }
    }
}
