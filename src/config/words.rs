//! Suggestions for misspelt words.

/// A longer word, in bytes, is no slip of the fingers.
const LONGEST: usize = 64;

/// Advice for an unknown word: a similar one, or the list of all.
pub fn instead(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("write one of {}", known.join(", ")),
    }
}

/// The known word that differs least, if the difference is small enough for a typing mistake.
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    // Comparing takes time and memory for each pair of characters.
    if word.len() > LONGEST {
        return None;
    }
    let limit = (word.chars().count() / 3).clamp(1, 3);
    known.map(|other| (distance(word, other), other)).filter(|(far, _)| *far <= limit).min().map(|(_, other)| other)
}

/// Number of characters changed, added, dropped or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_of_the_fingers_only() {
        let known = ["servers", "priority", "autostart", "memory"];
        assert_eq!(nearest("server", known.into_iter()), Some("servers"));
        assert_eq!(nearest("pirority", known.into_iter()), Some("priority"));
        assert_eq!(nearest("colour", known.into_iter()), None);
        assert_eq!(distance("ab", "ba"), 1);
    }
}
