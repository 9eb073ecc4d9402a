//! Why a request is not let in, in the words of both protocols.

use std::borrow::Cow;

use crate::ServiceError;

/// Why a request is not let in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// No signature.
    #[error("the request is not signed")]
    Missing,
    /// Parts of the signature are missing or malformed.
    #[error("{0}")]
    Incomplete(Cow<'static, str>),
    /// Nobody has this access key.
    #[error("the access key is unknown")]
    UnknownKey,
    /// The signature is not that of this request with this key.
    #[error("the signature differs")]
    Differs,
    /// In the header and in the query string.
    #[error("the request is signed twice")]
    Twice,
    /// For another day or service.
    #[error("{0}")]
    Scope(String),
    /// The clocks differ too much.
    #[error("{0}")]
    Skewed(String),
    /// A presigned request that is too old.
    #[error("{0}")]
    Expired(String),
}

impl AuthError {
    pub(crate) fn incomplete(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Incomplete(what.into())
    }

    /// The answer. The text of a difference says nothing about what would have been right.
    pub(crate) fn answer(self) -> ServiceError {
        const SIGNATURE: (&str, &str) = ("InvalidSignatureException", "SignatureDoesNotMatch");
        let ((name, code), status, message): (_, _, Cow<'static, str>) = match self {
            Self::Missing => (
                ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
                403,
                "Request is missing Authentication Token".into(),
            ),
            Self::Incomplete(what) => (("IncompleteSignatureException", "IncompleteSignature"), 400, what),
            Self::UnknownKey => (
                ("UnrecognizedClientException", "InvalidClientTokenId"),
                403,
                "The security token included in the request is invalid.".into(),
            ),
            Self::Differs => (
                SIGNATURE,
                403,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing \
                 method. Consult the service documentation for details."
                    .into(),
            ),
            Self::Twice => (
                SIGNATURE,
                403,
                "The request is signed in the Authorization header and in the query string; only one is allowed.".into(),
            ),
            Self::Scope(what) | Self::Skewed(what) => (SIGNATURE, 403, what.into()),
            Self::Expired(what) => ((SIGNATURE.0, "RequestExpired"), 400, what.into()),
        };
        ServiceError::framework(name, code, status, message)
    }
}
