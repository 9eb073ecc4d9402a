//! Browsers. Any web page can make a browser send a form to localhost, and a form is a whole Query request; so what a browser sends on behalf of another
//! site is refused, like on the admin port.

use std::net::IpAddr;

use crate::Headers;

/// Why a browser's request is refused, if it is.
pub(crate) fn refusal(headers: &Headers, host: &str) -> Option<String> {
    let origin = headers.contains("origin").then(|| headers.text("origin").unwrap_or("?"));
    if origin.is_none() && !headers.contains("sec-fetch-site") {
        return None;
    }
    if let Some(origin) = origin {
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
        if authority.is_empty() || !authority.eq_ignore_ascii_case(host) {
            return Some(format!("requests from the site {} are refused", crate::error::shortened(origin)));
        }
    }
    // A page whose name was re-pointed to this machine is same-origin to the browser, but its name is not ours.
    (!is_local_name(host)).then(|| "browsers may use this port by address or as localhost only".to_owned())
}

fn is_local_name(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;

    use super::*;

    fn refused(host: &str, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
        refusal(&Headers::from(&headers), host).is_some()
    }

    #[test]
    fn programs_pass_and_other_sites_do_not() {
        assert!(!refused("queue:9324", &[]));
        assert!(!refused("localhost:4566", &[("origin", "http://localhost:4566")]));
        assert!(!refused("127.0.0.1:4566", &[("sec-fetch-site", "same-origin")]));
        assert!(refused("localhost:4566", &[("origin", "https://evil.example")]));
        assert!(refused("localhost:4566", &[("origin", "null")]));
        assert!(refused("evil.example:4566", &[("origin", "http://evil.example:4566")]));
        assert!(refused("evil.example:4566", &[("sec-fetch-site", "same-origin")]));
    }
}
