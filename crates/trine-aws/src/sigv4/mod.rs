//! Signatures, version 4: who a request is from, and that it is what they signed. Header and presigned form.

mod canonical;
mod error;
mod given;
mod keys;
pub(crate) mod time;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use trine_types::Timestamp;

pub(crate) use canonical::Parts;
use canonical::Plus;
pub(crate) use error::AuthError;
pub(crate) use given::{Credential, Given, Validity, find};
pub use keys::{Key, Keys};

/// How far a signer's clock may differ from ours, in seconds.
const SKEW_MAX: i64 = 15 * 60;

/// The hash of a body as signatures write it.
fn hash(body: &[u8]) -> String {
    hex_text(&Sha256::digest(body))
}

/// Checks a signature and gives the key it was made with. `now` is wall time; `body` the body as received.
pub(crate) fn verify<'k>(
    keys: &'k Keys,
    given: &Given<'_>,
    parts: Parts<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<&'k Key, AuthError> {
    let key = keys.get(given.credential.access_key_id).ok_or(AuthError::UnknownKey)?;
    // Temporary credentials are nobody's: there is nothing here that hands them out.
    if given.token {
        return Err(AuthError::UnknownKey);
    }
    let signed: Vec<&str> = given.signed_headers.split(';').collect();
    if !signed.contains(&"host") {
        return Err(AuthError::incomplete("'Host' must be a signed header in the AWS Authorization."));
    }
    // Otherwise somebody in between could turn one action into another.
    if parts.headers.contains("x-amz-target") && !signed.contains(&"x-amz-target") {
        return Err(AuthError::incomplete("'X-Amz-Target' must be a signed header in the AWS Authorization."));
    }
    let (text, seconds) = time_of(given, parts)?;
    if !text.starts_with(given.credential.date) || given.credential.date.len() != 8 {
        return Err(AuthError::Scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{text}'.",
            crate::error::shortened(given.credential.date),
            text.get(..8).unwrap_or(&text),
        )));
    }
    check_time(given, &text, seconds, now)?;

    let payload = hash(body);
    if let Some(said) = parts.headers.get("x-amz-content-sha256")
        && said != payload.as_bytes()
    {
        return Err(AuthError::Differs);
    }
    let signature = from_hex(given.signature).ok_or(AuthError::Differs)?;
    let signing = signing_key(key.secret(), &given.credential);
    let readings = if parts.query.contains('+') { &[Plus::Space, Plus::Kept][..] } else { &[Plus::Space][..] };
    for plus in readings {
        let canonical = canonical::request(parts, given.signed_headers, &payload, *plus).ok_or(AuthError::Differs)?;
        let to_sign = format!("{ALGORITHM}\n{text}\n{}\n{}", given.credential.scope(), hash(canonical.as_bytes()));
        let mut mac = keyed(&signing);
        mac.update(to_sign.as_bytes());
        // Takes the same time wherever the first difference is.
        if mac.verify_slice(&signature).is_ok() {
            return Ok(key);
        }
    }
    Err(AuthError::Differs)
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The time that was signed, as text in the basic form and as seconds since the epoch.
fn time_of(given: &Given<'_>, parts: Parts<'_>) -> Result<(String, i64), AuthError> {
    let unreadable = || AuthError::incomplete("The request must contain a valid date in X-Amz-Date or Date.");
    match given.time {
        Some(text) => {
            let seconds = time::parse_basic(text).or_else(|| time::parse_date_header(text)).ok_or_else(unreadable)?;
            Ok((time::basic(seconds), seconds))
        }
        None => {
            let text = parts.headers.text("date").ok_or_else(unreadable)?;
            let seconds = time::parse_date_header(text).ok_or_else(unreadable)?;
            Ok((time::basic(seconds), seconds))
        }
    }
}

fn check_time(given: &Given<'_>, text: &str, signed_at: i64, now: Timestamp) -> Result<(), AuthError> {
    let now = now.0.div_euclid(1000);
    let minutes = SKEW_MAX / 60;
    if signed_at > now + SKEW_MAX {
        return Err(AuthError::Skewed(format!(
            "Signature not yet current: {text} is still later than {} ({} + {minutes} min.)",
            time::basic(now + SKEW_MAX),
            time::basic(now)
        )));
    }
    match given.validity {
        Validity::Header | Validity::Presigned(None) if signed_at < now - SKEW_MAX => Err(AuthError::Skewed(format!(
            "Signature expired: {text} is now earlier than {} ({} - {minutes} min.)",
            time::basic(now - SKEW_MAX),
            time::basic(now)
        ))),
        Validity::Presigned(Some(expires)) if signed_at + expires < now => Err(AuthError::Expired(format!(
            "Signature expired: {text} + {expires} s is now earlier than {}",
            time::basic(now)
        ))),
        _ => Ok(()),
    }
}

/// The key of one day, region and service.
fn signing_key(secret: &str, credential: &Credential<'_>) -> [u8; 32] {
    let mut key = mac(format!("AWS4{secret}").as_bytes(), credential.date.as_bytes());
    for part in [credential.region, credential.service, "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    key
}

fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = keyed(key);
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104); the constructor's error is for other algorithms.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn hex_text(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 64 hexadecimal digits.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let [high, low] = *pair else { return None };
        *byte = crate::document::hex(high)? << 4 | crate::document::hex(low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
