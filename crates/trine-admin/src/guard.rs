//! Who gets in. Any web page can make a browser send requests to localhost, so a request that a browser sends on behalf of another site is refused; once
//! users are configured everybody says who they are (HTTP Basic) and needs a grant on `admin`.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use trine_broker::{Action, Principal, Resource};

use crate::{Admin, error::ApiError};

/// Paths that need no login: orchestrators and load balancers have none.
const OPEN_PATHS: [&str; 2] = ["/livez", "/readyz"];

/// Lets a request through with its [`Principal`], or answers it.
pub(crate) async fn guard(State(admin): State<Arc<Admin>>, mut request: Request<Body>, next: Next) -> Response {
    if let Err(error) = same_site(request.headers()) {
        return error.into_response();
    }
    let open = OPEN_PATHS.contains(&request.uri().path());
    if !open {
        match authenticate(&admin, request.headers()).await {
            Ok(who) => request.extensions_mut().insert(who),
            Err(error) => return error.into_response(),
        };
    }
    next.run(request).await
}

async fn authenticate(admin: &Arc<Admin>, headers: &HeaderMap) -> Result<Principal, ApiError> {
    if admin.users().is_empty() {
        return Ok(Principal::ANONYMOUS);
    }
    let (name, password) =
        basic(headers).ok_or_else(|| ApiError::unauthenticated("say who you are with HTTP Basic"))?;
    let known = match admin.users().proven(&name, &password) {
        Some(known) => known,
        None => {
            // Deriving a key takes milliseconds: not on a thread that serves others.
            let (admin, name) = (Arc::clone(admin), name.clone());
            let checked = tokio::task::spawn_blocking(move || admin.users().check(&name, &password));
            checked.await.unwrap_or(false)
        }
    };
    if !known {
        return Err(ApiError::unauthenticated("the name or the password is wrong"));
    }
    let who = Principal::user(&name);
    admin.allow(&who, Action::Read, Resource::ADMIN)?;
    Ok(who)
}

fn basic(headers: &HeaderMap) -> Option<(String, Vec<u8>)> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    let (name, password) = decoded.split_at(colon);
    Some((String::from_utf8(name.to_vec()).ok()?, password.get(1..)?.to_vec()))
}

/// Refuses what a browser sends for another site, and names that a hostile DNS server made point here.
fn same_site(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| headers.get(name).map(|v: &axum::http::HeaderValue| v.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or("");
    let origin = text(header::ORIGIN);
    let from_browser = origin.is_some() || headers.contains_key("sec-fetch-site");
    if !from_browser {
        return Ok(());
    }
    if let Some(origin) = origin {
        let authority = origin.split_once("://").map_or("", |(_, authority)| authority);
        if authority.is_empty() || !authority.eq_ignore_ascii_case(host) {
            return Err(ApiError::denied(format!("requests from the site {origin} are refused")));
        }
    }
    // A page of evil.example whose name was re-pointed to this machine is same-origin to the browser, but its name is not ours.
    if !is_local_name(host) {
        return Err(ApiError::denied(format!("browsers may use this port by address or as localhost, not as {host}")));
    }
    Ok(())
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
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn programs_pass_and_other_sites_do_not() {
        for good in [
            &[("host", "trine:15672")][..],
            &[("host", "localhost:15672"), ("origin", "http://localhost:15672")],
            &[("host", "[::1]:15672"), ("origin", "http://[::1]:15672")],
            &[("host", "192.168.1.4:15672"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(same_site(&headers(good)).is_ok(), "{good:?}");
        }
        for bad in [
            &[("host", "localhost:15672"), ("origin", "https://evil.example")][..],
            &[("host", "localhost:15672"), ("origin", "null")],
            &[("host", "evil.example:15672"), ("origin", "http://evil.example:15672")],
            &[("host", "evil.example:15672"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(same_site(&headers(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn basic_credentials() {
        let encoded = STANDARD.encode("ann:pa:ss");
        let value: &'static str = Box::leak(format!("bAsIc {encoded}").into_boxed_str());
        assert_eq!(basic(&headers(&[("authorization", value)])), Some(("ann".into(), b"pa:ss".to_vec())));
        for bad in ["Basic", "Basic !!", "Bearer eA==", "", "Basic eA=="] {
            assert_eq!(basic(&headers(&[("authorization", bad)])), None, "{bad}");
        }
    }
}
