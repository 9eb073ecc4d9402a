//! The canonical form of a request that both sides sign (AWS Signature Version 4, for services other than S3).

use std::fmt::Write;

use crate::{Headers, document::hex};

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    /// `GET`, `POST`, …
    pub(crate) method: &'a str,
    /// The path as received, percent-encoded.
    pub(crate) path: &'a str,
    /// The query string as received, without the question mark.
    pub(crate) query: &'a str,
    /// All headers; `host` may be absent in HTTP/2.
    pub(crate) headers: &'a Headers,
    /// `Host`, or `:authority` in HTTP/2.
    pub(crate) host: &'a str,
}

/// How a plus sign in the query string was meant when it was signed. Clients disagree; neither reading can be mistaken for another query string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Plus {
    /// A space, as in forms.
    Space,
    /// Copied as it stands.
    Kept,
}

/// The canonical request; `None` when a signed header is absent.
pub(crate) fn request(parts: Parts<'_>, signed_headers: &str, payload: &str, plus: Plus) -> Option<String> {
    let mut text = String::with_capacity(512);
    text.push_str(parts.method);
    text.push('\n');
    encode_into(&mut text, normalised(parts.path).as_bytes(), b"/");
    text.push('\n');
    text.push_str(&query(parts.query, plus));
    text.push('\n');
    for name in signed_headers.split(';') {
        text.push_str(name);
        text.push(':');
        header_into(&mut text, parts, name)?;
        text.push('\n');
    }
    text.push('\n');
    text.push_str(signed_headers);
    text.push('\n');
    text.push_str(payload);
    Some(text)
}

/// The path without `.`, `..` and empty segments. It was encoded once by the client and is encoded once more by the caller.
fn normalised(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let mut text = String::with_capacity(path.len() + 1);
    for segment in &segments {
        text.push('/');
        text.push_str(segment);
    }
    if segments.is_empty() || path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..") {
        text.push('/');
    }
    text
}

/// Parameters sorted by encoded name, then value; the signature itself is left out.
fn query(raw: &str, plus: Plus) -> String {
    let mut pairs: Vec<(String, String)> = raw
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recoded(name, plus), recoded(value, plus)))
        .filter(|(name, _)| name != "X-Amz-Signature")
        .collect();
    pairs.sort_unstable();
    let mut text = String::with_capacity(raw.len());
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// An encoded part in the one canonical encoding.
fn recoded(raw: &str, plus: Plus) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) if plus == Plus::Kept => text.push('+'),
            (b'+', _) => text.push_str("%20"),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    encode_into(&mut text, &[high << 4 | low], b"");
                    rest = after;
                }
                _ => encode_into(&mut text, b"%", b""),
            },
            (other, _) => encode_into(&mut text, &[*other], b""),
        }
    }
    text
}

/// Percent-encodes everything but the unreserved characters and `safe`.
fn encode_into(out: &mut String, bytes: &[u8], safe: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) || safe.contains(byte) {
            out.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// The values of a header, trimmed, runs of spaces made one, joined by commas.
fn header_into(out: &mut String, parts: Parts<'_>, name: &str) -> Option<()> {
    let mut values = parts.headers.get_all(name).peekable();
    if values.peek().is_none() {
        if name == "host" {
            out.push_str(parts.host);
            return Some(());
        }
        return None;
    }
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(',');
        }
        // Header values need not be UTF-8; SDKs sign the bytes they send, which are.
        let value = std::str::from_utf8(value).ok()?;
        let mut spaced = false;
        for c in value.trim().chars() {
            if c == ' ' && spaced {
                continue;
            }
            spaced = c == ' ';
            out.push(c);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    #[test]
    fn paths_are_normalised() {
        for (path, want) in [
            ("/", "/"),
            ("", "/"),
            ("/a/./b/../c", "/a/c"),
            ("//a///b//", "/a/b/"),
            ("/a/..", "/"),
            ("/../..", "/"),
            ("/000000000000/q", "/000000000000/q"),
        ] {
            assert_eq!(normalised(path), want, "{path}");
        }
    }

    #[test]
    fn queries_are_sorted_and_recoded() {
        assert_eq!(query("b=2&a=%7e%2f&a=1&&c&X-Amz-Signature=ab", Plus::Space), "a=1&a=~%2F&b=2&c=");
        assert_eq!(query("a=x+y%zz", Plus::Space), "a=x%20y%25zz");
        assert_eq!(query("a=x+y", Plus::Kept), "a=x+y");
    }

    #[test]
    fn a_signed_header_must_be_there() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", "  a   b ".parse().unwrap());
        headers.append("x-a", "c".parse().unwrap());
        let headers = Headers::from(&headers);
        let parts = Parts { method: "GET", path: "/", query: "", headers: &headers, host: "h:1" };
        let text = request(parts, "host;x-a", "hash", Plus::Space).unwrap();
        assert_eq!(text, "GET\n/\n\nhost:h:1\nx-a:a b,c\n\nhost;x-a\nhash");
        assert_eq!(request(parts, "host;x-b", "hash", Plus::Space), None);
    }
}
