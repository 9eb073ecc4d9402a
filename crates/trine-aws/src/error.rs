//! Errors as both protocols spell them (reference: SQS service model; `x-amzn-query-error` carries the Query code in JSON answers).

use std::borrow::Cow;

/// Prefix of `__type` for errors that belong to the protocol and not to a service's model.
pub(crate) const FRAMEWORK: &str = "com.amazon.coral.service#";

/// An error answer, complete: what JSON calls it, what Query calls it, its status and its text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// Prefix of `__type`, with the `#`. Clients cut it off; it is sent all the same because some log it.
    pub namespace: &'static str,
    /// `__type` without its prefix: what typed SDKs match on.
    pub name: &'static str,
    /// The code in Query answers and in `x-amzn-query-error`.
    pub code: &'static str,
    /// HTTP status; from 500 on the fault is the server's.
    pub status: u16,
    /// The text people see.
    pub message: Cow<'static, str>,
    /// The text in Query answers where it differs.
    pub query_message: Option<Cow<'static, str>>,
}

impl ServiceError {
    /// An error of the protocol itself.
    #[must_use]
    pub fn framework(
        name: &'static str,
        code: &'static str,
        status: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { namespace: FRAMEWORK, name, code, status, message: message.into(), query_message: None }
    }

    /// The same error with another text in Query answers.
    #[must_use]
    pub fn in_query(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.query_message = Some(message.into());
        self
    }

    /// A body or parameters that cannot be read.
    #[must_use]
    pub fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::framework("SerializationException", "MalformedInput", 400, message)
    }

    /// An action that the service, or this address of it, does not have.
    #[must_use]
    pub fn invalid_action(action: &str) -> Self {
        let message = format!("The action {} is not valid for this endpoint.", shortened(action));
        Self::framework("InvalidAction", "InvalidAction", 400, message)
    }

    /// A target header that names no action.
    #[must_use]
    pub fn unknown_operation() -> Self {
        Self::framework("UnknownOperationException", "UnknownOperationException", 400, "")
    }

    /// The caller may not do it.
    #[must_use]
    pub fn access_denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::framework("AccessDeniedException", "AccessDenied", 403, message)
    }

    /// The server is at fault; the cause is in its log, not in the answer.
    #[must_use]
    pub fn internal() -> Self {
        Self::framework("InternalFailure", "InternalFailure", 500, "The request failed because of an internal error.")
    }

    /// Not now; SDKs try again by themselves.
    #[must_use]
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::framework("ServiceUnavailable", "ServiceUnavailable", 503, message)
    }

    /// `Sender` or `Receiver`: whose fault it is.
    #[must_use]
    pub const fn fault(&self) -> &'static str {
        if self.status < 500 { "Sender" } else { "Receiver" }
    }

    /// The text in a Query answer.
    #[must_use]
    pub fn query_text(&self) -> &str {
        self.query_message.as_deref().unwrap_or(&self.message)
    }
}

/// Most characters of a client's own text that an error repeats.
const ECHO_CHARS_MAX: usize = 256;

/// A client's text as far as an error repeats it, so that an answer never grows with what was sent.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fault_follows_the_status() {
        assert_eq!(ServiceError::internal().fault(), "Receiver");
        assert_eq!(ServiceError::access_denied("no").fault(), "Sender");
    }

    #[test]
    fn an_error_repeats_a_bounded_part_of_what_was_sent() {
        let error = ServiceError::invalid_action("Fly");
        assert_eq!(error.message, "The action Fly is not valid for this endpoint.");
        assert!(ServiceError::invalid_action(&"ä".repeat(10_000)).message.chars().count() < ECHO_CHARS_MAX + 100);
        let both = ServiceError::access_denied("json").in_query("query");
        assert_eq!((both.message.as_ref(), both.query_text()), ("json", "query"));
    }
}
