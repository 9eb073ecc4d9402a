//! Group ids, deduplication ids and receive attempt ids: 1–128 printable ASCII characters other than space.

use crate::SqsError;

const CHARS_MAX: usize = 128;

/// Checks an id given as `parameter`.
pub(crate) fn check_id(value: &str, parameter: &str) -> Result<(), SqsError> {
    if (1..=CHARS_MAX).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    let reason = format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(SqsError::parameter(crate::error::shorten(value), parameter, &reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for good in ["a", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", &"x".repeat(128)] {
            check_id(good, "MessageGroupId").unwrap();
        }
        for bad in ["", "group 123", "ä", "a\n", &"x".repeat(129)] {
            let want = format!(
                "Value {bad} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. \
                 1 to 128 in length."
            );
            assert_eq!(check_id(bad, "MessageGroupId").unwrap_err().message, want);
        }
    }
}
