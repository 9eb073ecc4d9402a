//! Pages of long lists: at most a thousand entries, continued by a token.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{SqsError, wire::Int};

/// Most entries of a page, and those of a list that was not asked for in pages.
pub(crate) const PAGE_MAX: usize = 1000;
/// What every token begins with, so that rubbish is told from a name.
const TOKEN_PREFIX: &str = "q:";
/// Longest token: a name is far shorter.
const TOKEN_BYTES_MAX: usize = 512;

/// Which page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Page {
    /// At most so many entries.
    pub(crate) limit: usize,
    /// Whether a token is to be returned: only when a size was asked for.
    pub(crate) paged: bool,
    /// The last name of the page before.
    pub(crate) after: Option<String>,
}

impl Page {
    /// Reads the parameters.
    pub(crate) fn of(max_results: Option<Int>, token: Option<&str>) -> Result<Self, SqsError> {
        let limit = match max_results {
            None => PAGE_MAX,
            Some(Int(n)) => match usize::try_from(n) {
                Ok(n) if (1..=PAGE_MAX).contains(&n) => n,
                _ => return Err(SqsError::parameter(n, "MaxResults", "Must be between 1 and 1000, if provided.")),
            },
        };
        let after = match token {
            None | Some("") => None,
            Some(token) => Some(decode(token).ok_or_else(|| SqsError::invalid("Invalid or expired next token."))?),
        };
        Ok(Self { limit, paged: max_results.is_some(), after })
    }

    /// The token for what follows a name.
    pub(crate) fn token(last: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{TOKEN_PREFIX}{last}"))
    }

    /// Cuts a list that was asked for with one entry more than the page holds, and says how to go on.
    pub(crate) fn cut<T>(&self, entries: &mut Vec<T>, name: impl Fn(&T) -> String) -> Option<String> {
        if entries.len() <= self.limit {
            return None;
        }
        entries.truncate(self.limit);
        self.paged.then(|| entries.last().map(|last| Self::token(&name(last)))).flatten()
    }
}

fn decode(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    text.strip_prefix(TOKEN_PREFIX).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_only_with_pages_and_only_when_more_follows() {
        let page = Page::of(Some(Int(2)), None).unwrap();
        let mut names = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let token = page.cut(&mut names, Clone::clone).unwrap();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(Page::of(Some(Int(2)), Some(&token)).unwrap().after.as_deref(), Some("b"));
        assert_eq!(page.cut(&mut names, Clone::clone), None);
        let whole = Page::of(None, None).unwrap();
        let mut many: Vec<_> = (0..1001).map(|i| i.to_string()).collect();
        assert_eq!(whole.cut(&mut many, Clone::clone), None);
        assert_eq!(many.len(), 1000);
    }

    #[test]
    fn bad_pages() {
        for n in [0, 1001, -1] {
            assert_eq!(
                Page::of(Some(Int(n)), None).unwrap_err().message,
                format!(
                    "Value {n} for parameter MaxResults is invalid. Reason: Must be between 1 and 1000, if provided."
                )
            );
        }
        for token in ["%", "YQ", &"A".repeat(600)] {
            assert!(Page::of(None, Some(token)).is_err());
        }
    }
}
