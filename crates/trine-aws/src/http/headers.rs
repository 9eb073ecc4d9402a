//! A request's headers, whoever read them.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use hyper::HeaderMap;

/// Headers in the order in which they came, as they came: names are compared without regard to case, and nothing is copied until somebody asks. A request has
/// about ten, so looking through them costs less than a table.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    text: Bytes,
    lines: Vec<Line>,
}

/// Where name and value are.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

impl Headers {
    /// Headers that lie in a text.
    pub(crate) const fn new(text: Bytes, lines: Vec<Line>) -> Self {
        Self { text, lines }
    }

    fn is(&self, line: &Line, name: &str) -> bool {
        // Most names differ in length already.
        line.name.len() == name.len() && self.at(&line.name).eq_ignore_ascii_case(name.as_bytes())
    }

    fn at(&self, range: &Range<usize>) -> &[u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.lines.iter().find(|line| self.is(line, name)).map(|line| self.at(&line.value))
    }

    /// All values of a name.
    pub(crate) fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.lines.iter().filter(move |line| self.is(line, name)).map(|line| self.at(&line.value))
    }

    /// Whether there is such a header.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The first value of a name, when it is printable ASCII.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?;
        let printable = value.iter().all(|b| matches!(b, b'\t' | b' '..=b'~'));
        if printable { std::str::from_utf8(value).ok() } else { None }
    }
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let mut text = BytesMut::new();
        let mut put = |bytes: &[u8]| {
            let from = text.len();
            text.extend_from_slice(bytes);
            from..text.len()
        };
        let lines =
            map.iter().map(|(name, value)| Line { name: put(name.as_str().as_bytes()), value: put(value.as_bytes()) });
        let lines = lines.collect();
        Self { text: text.freeze(), lines }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_values_may_be_no_text() {
        let mut map = HeaderMap::new();
        map.append("x-a", "1".parse().unwrap());
        map.append("x-a", "2".parse().unwrap());
        map.append("x-b", hyper::header::HeaderValue::from_bytes(b"\xff").unwrap());
        let headers = Headers::from(&map);
        assert_eq!(headers.get("X-A"), Some(&b"1"[..]));
        assert_eq!(headers.get_all("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
        assert_eq!((headers.text("x-a"), headers.text("x-b"), headers.text("x-c")), (Some("1"), None, None));
        assert!(headers.contains("x-b") && !headers.contains("x"));
    }
}
