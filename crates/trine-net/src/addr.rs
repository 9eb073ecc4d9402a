//! Addresses as users write them.

use std::{fmt, net::IpAddr, str::FromStr};

/// Longest host name in bytes (DNS's rule).
const HOST_BYTES_MAX: usize = 253;

/// Why an address was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddrError {
    /// There is no `:PORT`.
    #[error("{0:?} has no port; write HOST:PORT, for example 127.0.0.1:9092")]
    NoPort(String),
    /// The port is not a number from 0 to 65535.
    #[error("{port:?} in {text:?} is not a port number (0 to 65535)")]
    BadPort { text: String, port: String },
    /// The host is empty, too long, or has characters no host name has.
    #[error("{host:?} in {text:?} is not a host name or IP address")]
    BadHost { text: String, host: String },
}

/// `HOST:PORT`; the host is a name or an address, IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// The port; 0 asks for a free one.
    pub port: u16,
}

impl HostPort {
    /// A host and port that are known to be right.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }

    /// Whether only programs on this machine can reach it. `localhost` counts; any other name does not, whatever it resolves to.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for HostPort {
    type Err = AddrError;

    fn from_str(text: &str) -> Result<Self, AddrError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:"),
            None => text.rsplit_once(':'),
        }
        .ok_or_else(|| AddrError::NoPort(text.to_owned()))?;
        let bad_port = || AddrError::BadPort { text: text.to_owned(), port: port.to_owned() };
        if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad_port());
        }
        let port = port.parse().map_err(|_| bad_port())?;
        let named = !host.is_empty()
            && host.len() <= HOST_BYTES_MAX
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        let numbered = text.starts_with('[') && host.parse::<std::net::Ipv6Addr>().is_ok();
        if !(named && !text.starts_with('[') || numbered) {
            return Err(AddrError::BadHost { text: text.to_owned(), host: host.to_owned() });
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_parse_and_print() {
        for (text, host, port, loopback) in [
            ("127.0.0.1:9092", "127.0.0.1", 9092, true),
            ("localhost:0", "localhost", 0, true),
            ("0.0.0.0:65535", "0.0.0.0", 65535, false),
            ("[::1]:80", "::1", 80, true),
            ("[::]:80", "::", 80, false),
            ("kafka.example-1.com:9092", "kafka.example-1.com", 9092, false),
        ] {
            let addr: HostPort = text.parse().unwrap();
            assert_eq!((addr.host.as_str(), addr.port, addr.is_loopback()), (host, port, loopback));
            assert_eq!(addr.to_string(), text);
        }
    }

    #[test]
    fn bad_addresses_say_what_is_wrong() {
        assert!(matches!("localhost".parse::<HostPort>(), Err(AddrError::NoPort(_))));
        for port in ["x:", "x:65536", "x:+1", "x:9 "] {
            assert!(matches!(port.parse::<HostPort>(), Err(AddrError::BadPort { .. })), "{port}");
        }
        for host in [":1", "a b:1", "::1:80", "[x]:1", "http://x:1"] {
            assert!(matches!(host.parse::<HostPort>(), Err(AddrError::BadHost { .. })), "{host}");
        }
    }
}
