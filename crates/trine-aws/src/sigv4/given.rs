//! The signature a request carries, in its header or its query string.

use super::AuthError;
use crate::{Form, Headers};

/// The one algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest life of a presigned request, in seconds (a week).
const EXPIRES_MAX: i64 = 604_800;

/// Access key and scope: `AK/yyyymmdd/region/service/aws4_request`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Credential<'a> {
    /// The access key's id.
    pub(crate) access_key_id: &'a str,
    /// `yyyymmdd`.
    pub(crate) date: &'a str,
    /// The region as the client has it.
    pub(crate) region: &'a str,
    /// The service signed for.
    pub(crate) service: &'a str,
}

impl<'a> Credential<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.rsplitn(5, '/');
        let (terminator, service, region, date) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let access_key_id = parts.next()?;
        let whole = terminator == "aws4_request" && ![access_key_id, date, region, service].contains(&"");
        whole.then_some(Self { access_key_id, date, region, service })
    }

    /// The scope as it is signed.
    pub(crate) fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// How long a signature is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Validity {
    /// In a header: as long as the clocks may differ.
    Header,
    /// In the query string: so many seconds.
    Presigned(Option<i64>),
}

/// A signature as given, in the words of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Given<'a> {
    /// Whose, and its scope.
    pub(crate) credential: Credential<'a>,
    /// Names of the signed headers: lower case, sorted, joined by semicolons.
    pub(crate) signed_headers: &'a str,
    /// In hexadecimal.
    pub(crate) signature: &'a str,
    /// The time as text; absent: the `Date` header's.
    pub(crate) time: Option<&'a str>,
    /// How long it is good.
    pub(crate) validity: Validity,
    /// A session token comes with it.
    pub(crate) token: bool,
}

/// The signature of a request; `None` when it has none.
pub(crate) fn find<'a>(headers: &'a Headers, query: &'a Form) -> Result<Option<Given<'a>>, AuthError> {
    let presigned = query.get("X-Amz-Algorithm").is_some() || query.get("X-Amz-Signature").is_some();
    let header = headers.get("authorization");
    match (header, presigned) {
        (None, false) => Ok(None),
        (Some(_), true) => Err(AuthError::Twice),
        (None, true) => from_query(query).map(Some),
        (Some(_), false) => {
            let text = headers.text("authorization");
            let text = text.ok_or_else(|| AuthError::incomplete("Authorization header is not text."))?;
            from_header(text, headers).map(Some)
        }
    }
}

fn from_header<'a>(text: &'a str, headers: &'a Headers) -> Result<Given<'a>, AuthError> {
    let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text, ""));
    if algorithm != ALGORITHM {
        return Err(AuthError::incomplete(format!("Unsupported AWS 'algorithm': '{}'.", shown(algorithm))));
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        match part.trim().split_once('=') {
            Some(("Credential", value)) => credential = Some(value),
            Some(("SignedHeaders", value)) => signed_headers = Some(value),
            Some(("Signature", value)) => signature = Some(value),
            _ => {}
        }
    }
    let need = |value: Option<&'a str>, name: &str| {
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| AuthError::incomplete(format!("Authorization header requires '{name}' parameter.")))
    };
    let time = headers.text("x-amz-date");
    Ok(Given {
        credential: parse_credential(need(credential, "Credential")?)?,
        signed_headers: need(signed_headers, "SignedHeaders")?,
        signature: need(signature, "Signature")?,
        time,
        validity: Validity::Header,
        token: headers.contains("x-amz-security-token"),
    })
}

fn from_query(query: &Form) -> Result<Given<'_>, AuthError> {
    let need = |name: &str| {
        query
            .get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| AuthError::incomplete(format!("AWS query-string parameters must include '{name}'.")))
    };
    if need("X-Amz-Algorithm")? != ALGORITHM {
        return Err(AuthError::incomplete("X-Amz-Algorithm is not supported."));
    }
    let expires = query
        .get("X-Amz-Expires")
        .map(|text| match text.parse() {
            Ok(seconds) if (1..=EXPIRES_MAX).contains(&seconds) => Ok(seconds),
            _ => Err(AuthError::incomplete(format!("X-Amz-Expires must be a number from 1 to {EXPIRES_MAX}."))),
        })
        .transpose()?;
    Ok(Given {
        credential: parse_credential(need("X-Amz-Credential")?)?,
        signed_headers: need("X-Amz-SignedHeaders")?,
        signature: need("X-Amz-Signature")?,
        time: Some(need("X-Amz-Date")?),
        validity: Validity::Presigned(expires),
        token: query.get("X-Amz-Security-Token").is_some(),
    })
}

fn parse_credential(text: &str) -> Result<Credential<'_>, AuthError> {
    Credential::parse(text).ok_or_else(|| {
        AuthError::incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{}'",
            shown(text)
        ))
    })
}

fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    crate::error::shortened(text)
}
