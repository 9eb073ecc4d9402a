//! "Did you mean": the nearest known name to a mistyped one.

/// Edits beyond which a suggestion would be a guess.
const EDITS_MAX: usize = 3;

/// The known name nearest to `name`, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= EDITS_MAX.min(candidate.len() / 2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// " (did you mean X?)" or nothing.
pub(super) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|known| format!("; did you mean {known:?}?")).unwrap_or_default()
}

/// Levenshtein distance in bytes.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_typos_and_does_not_guess() {
        let known = ["data", "durability", "kafka.auto_create_topics", "listen.kafka"];
        assert_eq!(nearest("durabilty", known), Some("durability"));
        assert_eq!(nearest("kafka.autocreate_topics", known), Some("kafka.auto_create_topics"));
        assert_eq!(nearest("listen.kafak", known), Some("listen.kafka"));
        assert_eq!(nearest("password", known), None);
        assert_eq!(nearest("x", known), None);
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("abc", "")), (3, 3, 3));
    }
}
