//! Rules of queue tags (reference/sqs.md §4.1).

use std::collections::BTreeMap;

use crate::{ErrorKind, SqsError, error::shorten};

/// Most tags of a queue.
const TAGS_MAX: usize = 50;
/// Longest key and value, in characters.
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// Adds tags to those of a queue, all or none; new values replace old ones.
pub(crate) fn merge(
    queue: &str,
    tags: &mut BTreeMap<String, String>,
    added: BTreeMap<String, String>,
) -> Result<(), SqsError> {
    for (key, value) in &added {
        check_key(key)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(SqsError::invalid("Tag keys must not begin with aws:, which is reserved."));
        }
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(SqsError::invalid("Tag values must be between 0 and 256 characters in length."));
        }
    }
    let new = added.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + new > TAGS_MAX {
        return Err(SqsError::invalid(format!("Too many tags added for queue {}.", shorten(queue))));
    }
    tags.extend(added);
    Ok(())
}

/// Checks keys of tags to remove.
pub(crate) fn check_keys(keys: &[String]) -> Result<(), SqsError> {
    if keys.is_empty() {
        return Err(bad_key());
    }
    keys.iter().try_for_each(|key| check_key(key))
}

fn check_key(key: &str) -> Result<(), SqsError> {
    if (1..=KEY_CHARS_MAX).contains(&key.chars().count()) { Ok(()) } else { Err(bad_key()) }
}

fn bad_key() -> SqsError {
    SqsError::new(ErrorKind::InvalidParameterValue, "Tag keys must be between 1 and 128 characters in length.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn new_values_replace_old_ones() {
        let mut tags = map(&[("a", "1"), ("b", "2")]);
        merge("q", &mut tags, map(&[("b", "3"), ("c", "")])).unwrap();
        assert_eq!(tags, map(&[("a", "1"), ("b", "3"), ("c", "")]));
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut tags: BTreeMap<_, _> = (0..50).map(|i| (format!("k{i}"), String::new())).collect();
        let before = tags.clone();
        merge("q", &mut tags, map(&[("k1", "")])).unwrap();
        assert_eq!(
            merge("q", &mut tags, map(&[("k1", ""), ("new", "")])).unwrap_err().message,
            "Too many tags added for queue q."
        );
        for (key, value) in [("", "x"), (&*"k".repeat(129), ""), ("aws:x", ""), ("AWS:x", ""), ("k", &*"v".repeat(257))]
        {
            assert!(merge("q", &mut tags, map(&[(key, value)])).is_err());
        }
        assert_eq!(tags, before);
    }

    #[test]
    fn keys_to_remove() {
        check_keys(&["a".to_owned()]).unwrap();
        for bad in [vec![], vec![String::new()], vec!["k".repeat(129)]] {
            assert_eq!(
                check_keys(&bad).unwrap_err().message,
                "Tag keys must be between 1 and 128 characters in length."
            );
        }
    }
}
