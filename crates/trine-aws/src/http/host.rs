//! The address by which the client called, for the URLs in answers and for signatures.

use std::net::SocketAddr;

use hyper::Uri;

use crate::Headers;

/// Longest host with port, in bytes: a DNS name has at most 253, a port six more.
const HOST_BYTES_MAX: usize = 259;

/// `Host`, or `:authority` in HTTP/2; empty when there is none or it is not text.
pub(crate) fn given<'a>(headers: &'a Headers, uri: &'a Uri) -> &'a str {
    let host = headers.text("host");
    host.or_else(|| uri.authority().map(|authority| authority.as_str())).unwrap_or("")
}

/// The beginning of URLs in answers: what is configured, else what the client used, else our own address.
pub(crate) fn base_url(public: Option<&str>, given: &str, local: SocketAddr) -> String {
    match public {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None if is_host(given) => ["http://", given].concat(),
        None => format!("http://{local}"),
    }
}

/// Whether a text can stand in a URL as host and port: anything else would let a client put words into another's answers.
fn is_host(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= HOST_BYTES_MAX && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_host_wins_over_our_address() {
        let local = "127.0.0.1:4566".parse().unwrap();
        assert_eq!(base_url(None, "queue:9324", local), "http://queue:9324");
        assert_eq!(base_url(None, "[::1]:9324", local), "http://[::1]:9324");
        for bad in ["", "a b", "a/b", "a\"b", &"x".repeat(300)] {
            assert_eq!(base_url(None, bad, local), "http://127.0.0.1:4566", "{bad}");
        }
        assert_eq!(base_url(Some("https://sqs.example/"), "queue:9324", local), "https://sqs.example");
    }
}
