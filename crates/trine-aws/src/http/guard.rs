//! The paths of other emulators' helpers. They show messages, so once users are configured they need what the admin port needs: HTTP Basic and a grant on
//! `admin` (decision Q13).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use trine_broker::{Action, Principal, Resource};

use super::Inner;
use crate::Headers;

/// Whether a helper may answer; else the status and why.
pub(crate) async fn admit(inner: &Arc<Inner>, headers: &Headers) -> Result<(), (u16, String)> {
    if !inner.access.has_users() {
        return Ok(());
    }
    let Some((name, password)) = basic(headers) else {
        return Err((401, "say who you are with HTTP Basic".to_owned()));
    };
    let known = match inner.users.proven(&name, &password) {
        Some(known) => known,
        None => {
            // Deriving a key takes milliseconds: not on a thread that serves others.
            let (inner, name) = (Arc::clone(inner), name.clone());
            let checked = tokio::task::spawn_blocking(move || inner.users.check(&name, &password));
            checked.await.unwrap_or(false)
        }
    };
    if !known {
        return Err((401, "the name or the password is wrong".to_owned()));
    }
    inner
        .access
        .check(&Principal::user(&name), Action::Read, Resource::ADMIN)
        .map_err(|denied| (403, denied.to_string()))
}

fn basic(headers: &Headers) -> Option<(String, Vec<u8>)> {
    let value = headers.get("authorization")?;
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    let (name, password) = decoded.split_at(colon);
    Some((String::from_utf8(name.to_vec()).ok()?, password.get(1..)?.to_vec()))
}
