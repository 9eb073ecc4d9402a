//! Lists in pages: `?prefix&limit&page&ns`, sorted by name; `page` is the last name of the page before.

use axum::{extract::Query, http::Uri};
use serde::{Deserialize, de::DeserializeOwned};
use trine_types::Namespace;

use crate::error::ApiError;

/// Entries of a page when nothing is said.
const LIMIT_DEFAULT: usize = 1000;
/// Most entries of a page.
const LIMIT_MAX: usize = 10_000;

/// Which part of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    prefix: Option<String>,
    limit: Option<usize>,
    page: Option<String>,
    ns: Option<String>,
}

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// What to ask for as `page` to go on.
    pub(crate) next: Option<String>,
}

impl PageQuery {
    /// What to ask an ordered index for: the prefix, the name after which the page begins, and how many entries.
    pub(crate) fn parts(self) -> Result<(String, Option<String>, usize), ApiError> {
        namespace(self.ns.as_deref())?;
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(
                ApiError::invalid(format!("limit is {limit}; 1 to {LIMIT_MAX} are allowed")).limit("limit", LIMIT_MAX)
            );
        }
        Ok((self.prefix.unwrap_or_default(), self.page, limit))
    }

    /// Cuts the page out of all entries.
    pub(crate) fn cut<T>(self, all: impl Iterator<Item = T>, name: impl Fn(&T) -> &str) -> Result<Page<T>, ApiError> {
        let (prefix, after, limit) = self.parts()?;
        let mut items: Vec<T> = all
            .filter(|item| name(item).starts_with(&prefix) && after.as_deref().is_none_or(|after| name(item) > after))
            .collect();
        items.sort_by(|a, b| name(a).cmp(name(b)));
        let next = items.get(limit).and_then(|_| items.get(limit - 1)).map(|last| name(last).to_owned());
        items.truncate(limit);
        Ok(Page { items, next })
    }
}

/// Refuses namespaces that do not exist; there is one so far.
pub(crate) fn namespace(ns: Option<&str>) -> Result<(), ApiError> {
    match ns {
        Some(ns) if ns != Namespace::default().as_str() => {
            Err(ApiError::not_found(format!("there is no namespace {ns:?}")))
        }
        _ => Ok(()),
    }
}

/// Reads a query string, refusing what is not known.
pub(crate) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    Query::try_from_uri(uri).map(|Query(value)| value).map_err(|e| ApiError::invalid(e.body_text()))
}

/// Reads a JSON body, refusing what is not known. An empty body is an empty object.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|e| ApiError::invalid(format!("the body is not what is expected: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: PageQuery) -> (Vec<&'static str>, Option<String>) {
        let page = query.cut(["b", "a2", "a1", "a3"].into_iter(), |n| n).unwrap();
        (page.items, page.next)
    }

    #[test]
    fn pages_cover_everything_once() {
        assert_eq!(names(PageQuery::default()), (vec!["a1", "a2", "a3", "b"], None));
        let limited = |page: Option<&str>| {
            names(PageQuery { limit: Some(2), page: page.map(str::to_owned), ..PageQuery::default() })
        };
        assert_eq!(limited(None), (vec!["a1", "a2"], Some("a2".to_owned())));
        assert_eq!(limited(Some("a2")), (vec!["a3", "b"], None));
        let prefixed = PageQuery { prefix: Some("a".to_owned()), ..PageQuery::default() };
        assert_eq!(names(prefixed).0, ["a1", "a2", "a3"]);
    }

    #[test]
    fn bounds_are_named() {
        for limit in [0, LIMIT_MAX + 1] {
            let query = PageQuery { limit: Some(limit), ..PageQuery::default() };
            assert!(query.cut(["a"].into_iter(), |n| n).is_err());
        }
        let elsewhere = PageQuery { ns: Some("other".to_owned()), ..PageQuery::default() };
        assert!(elsewhere.cut(["a"].into_iter(), |n| n).is_err());
    }
}
