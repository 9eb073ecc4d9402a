//! Errors of the protocol: kinds with their three spellings, and the texts that clients and suites compare (reference/sqs.md §2.3, §4).

use std::borrow::Cow;

use trine_aws::ServiceError;

/// What went wrong, in the protocol's words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ErrorKind {
    /// No queue of that name or URL.
    QueueDoesNotExist,
    /// CreateQueue: it exists with another value of an attribute.
    QueueNameExists,
    /// CreateQueue too soon after DeleteQueue.
    QueueDeletedRecently,
    /// PurgeQueue too soon after another.
    PurgeQueueInProgress,
    /// A batch without entries.
    EmptyBatchRequest,
    /// A batch of more than ten.
    TooManyEntriesInBatchRequest,
    /// Two entries of a batch have one id.
    BatchEntryIdsNotDistinct,
    /// An entry's id is malformed.
    InvalidBatchEntryId,
    /// The entries of a batch are too long together.
    BatchRequestTooLong,
    /// A receipt handle nobody issued, or one of another queue.
    ReceiptHandleIsInvalid,
    /// An attribute that does not exist or cannot be set.
    InvalidAttributeName,
    /// A value an attribute does not take.
    InvalidAttributeValue,
    /// Characters XML cannot carry.
    InvalidMessageContents,
    /// A parameter's value is refused.
    InvalidParameterValue,
    /// A parameter is absent.
    MissingParameter,
    /// A limit is reached.
    OverLimit,
    /// Try again later; SDKs do by themselves.
    RequestThrottled,
    /// Move tasks: queue or task not found.
    ResourceNotFound,
    /// The user may not.
    AccessDenied,
    /// The outcome is unknown, or the server is at fault.
    InternalFailure,
    /// Not now: starting, stopping, full.
    ServiceUnavailable,
}

/// Names of errors that the service's model has.
const MODELLED: &str = "com.amazonaws.sqs#";
/// Names of errors that belong to the protocol's framework.
const FRAMEWORK: &str = "com.amazon.coral.service#";

/// How a kind is spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spelling {
    /// Prefix of `__type` in JSON.
    pub namespace: &'static str,
    /// `__type` without prefix.
    pub json: &'static str,
    /// Code in Query answers and in `x-amzn-query-error`.
    pub legacy: &'static str,
    /// HTTP status.
    pub status: u16,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::QueueDoesNotExist,
        Self::QueueNameExists,
        Self::QueueDeletedRecently,
        Self::PurgeQueueInProgress,
        Self::EmptyBatchRequest,
        Self::TooManyEntriesInBatchRequest,
        Self::BatchEntryIdsNotDistinct,
        Self::InvalidBatchEntryId,
        Self::BatchRequestTooLong,
        Self::ReceiptHandleIsInvalid,
        Self::InvalidAttributeName,
        Self::InvalidAttributeValue,
        Self::InvalidMessageContents,
        Self::InvalidParameterValue,
        Self::MissingParameter,
        Self::OverLimit,
        Self::RequestThrottled,
        Self::ResourceNotFound,
        Self::AccessDenied,
        Self::InternalFailure,
        Self::ServiceUnavailable,
    ];

    /// Its spellings.
    #[must_use]
    pub const fn spelling(self) -> Spelling {
        let (namespace, json, legacy, status) = match self {
            Self::QueueDoesNotExist => (MODELLED, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400),
            Self::QueueNameExists => (MODELLED, "QueueNameExists", "QueueAlreadyExists", 400),
            Self::QueueDeletedRecently => {
                (MODELLED, "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", 400)
            }
            Self::PurgeQueueInProgress => {
                (MODELLED, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", 403)
            }
            Self::EmptyBatchRequest => (MODELLED, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400),
            Self::TooManyEntriesInBatchRequest => {
                (MODELLED, "TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400)
            }
            Self::BatchEntryIdsNotDistinct => {
                (MODELLED, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400)
            }
            Self::InvalidBatchEntryId => {
                (MODELLED, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400)
            }
            Self::BatchRequestTooLong => {
                (MODELLED, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400)
            }
            Self::ReceiptHandleIsInvalid => (MODELLED, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400),
            Self::InvalidAttributeName => (MODELLED, "InvalidAttributeName", "InvalidAttributeName", 400),
            Self::InvalidAttributeValue => (MODELLED, "InvalidAttributeValue", "InvalidAttributeValue", 400),
            Self::InvalidMessageContents => (MODELLED, "InvalidMessageContents", "InvalidMessageContents", 400),
            Self::InvalidParameterValue => (FRAMEWORK, "InvalidParameterValueException", "InvalidParameterValue", 400),
            Self::MissingParameter => (FRAMEWORK, "MissingRequiredParameterException", "MissingParameter", 400),
            Self::OverLimit => (MODELLED, "OverLimit", "OverLimit", 403),
            Self::RequestThrottled => (MODELLED, "RequestThrottled", "RequestThrottled", 403),
            Self::ResourceNotFound => (MODELLED, "ResourceNotFoundException", "ResourceNotFoundException", 404),
            Self::AccessDenied => (FRAMEWORK, "AccessDeniedException", "AccessDenied", 403),
            Self::InternalFailure => (FRAMEWORK, "InternalFailure", "InternalFailure", 500),
            Self::ServiceUnavailable => (FRAMEWORK, "ServiceUnavailable", "ServiceUnavailable", 503),
        };
        Spelling { namespace, json, legacy, status }
    }

    /// Whether the client is at fault (`Sender`) or the server (`Receiver`).
    #[must_use]
    pub const fn sender_fault(self) -> bool {
        self.spelling().status < 500
    }
}

/// An error with its text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct SqsError {
    /// What kind.
    pub kind: ErrorKind,
    /// The text clients show.
    pub message: Cow<'static, str>,
}

/// The two texts for a queue that is not there.
const NO_QUEUE_JSON: &str = "The specified queue does not exist.";
const NO_QUEUE_QUERY: &str = "The specified queue does not exist for this wsdl version.";

impl SqsError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The text in a Query answer, where one differs.
    #[must_use]
    pub fn query_message(&self) -> &str {
        match self.kind {
            ErrorKind::QueueDoesNotExist => NO_QUEUE_QUERY,
            _ => &self.message,
        }
    }

    /// As the AWS port sends it.
    pub(crate) fn into_service(self) -> ServiceError {
        let Spelling { namespace, json, legacy, status } = self.kind.spelling();
        let differs = self.query_message() != self.message;
        let query_message = differs.then(|| Cow::Owned(self.query_message().to_owned()));
        ServiceError { namespace, name: json, code: legacy, status, message: self.message, query_message }
    }

    pub(crate) fn no_queue() -> Self {
        Self::new(ErrorKind::QueueDoesNotExist, NO_QUEUE_JSON)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(ErrorKind::MissingParameter, format!("The request must contain the parameter {parameter}."))
    }

    /// A value outside what a parameter takes.
    pub(crate) fn parameter(value: impl std::fmt::Display, parameter: &str, reason: &str) -> Self {
        Self::invalid(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidParameterValue, message)
    }

    pub(crate) fn unknown_attribute(name: &str) -> Self {
        Self::new(ErrorKind::InvalidAttributeName, format!("Unknown Attribute {name}."))
    }

    pub(crate) fn attribute_value(name: &str) -> Self {
        Self::new(ErrorKind::InvalidAttributeValue, format!("Invalid value for the parameter {name}."))
    }

    pub(crate) fn bad_receipt(handle: &str) -> Self {
        Self::new(
            ErrorKind::ReceiptHandleIsInvalid,
            format!("The input receipt handle \"{}\" is not a valid receipt handle.", shorten(handle)),
        )
    }

    pub(crate) fn foreign_receipt(handle: &str) -> Self {
        Self::new(
            ErrorKind::ReceiptHandleIsInvalid,
            format!("The receipt handle \"{}\" is not valid for this queue.", shorten(handle)),
        )
    }

    pub(crate) fn expired_receipt(handle: &str) -> Self {
        Self::parameter(shorten(handle), "ReceiptHandle", "The receipt handle has expired.")
    }

    pub(crate) fn gone_receipt(handle: &str) -> Self {
        Self::parameter(
            shorten(handle),
            "ReceiptHandle",
            "Message does not exist or is not available for visibility timeout change.",
        )
    }

    pub(crate) fn no_resource(parameter: &str) -> Self {
        Self::new(
            ErrorKind::ResourceNotFound,
            format!("The resource that you specified for the {parameter} parameter doesn't exist."),
        )
    }
}

/// Most characters of a client's own text that an error repeats: a handle has at most 1024.
const ECHO_CHARS_MAX: usize = 1024;

/// A client's text as far as an error repeats it, so that an answer never grows with what was sent.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_is_spelled_once() {
        let kinds: HashSet<_> = ErrorKind::ALL.into_iter().collect();
        let names: HashSet<_> = ErrorKind::ALL.into_iter().map(|k| k.spelling().json).collect();
        assert_eq!(kinds.len(), ErrorKind::ALL.len());
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn statuses_and_codes_that_clients_match_on() {
        for (kind, json, legacy, status) in [
            (ErrorKind::QueueDoesNotExist, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400),
            (ErrorKind::QueueNameExists, "QueueNameExists", "QueueAlreadyExists", 400),
            (
                ErrorKind::PurgeQueueInProgress,
                "PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
                403,
            ),
            (ErrorKind::InvalidParameterValue, "InvalidParameterValueException", "InvalidParameterValue", 400),
            (ErrorKind::MissingParameter, "MissingRequiredParameterException", "MissingParameter", 400),
            (ErrorKind::OverLimit, "OverLimit", "OverLimit", 403),
            (ErrorKind::RequestThrottled, "RequestThrottled", "RequestThrottled", 403),
            (ErrorKind::ResourceNotFound, "ResourceNotFoundException", "ResourceNotFoundException", 404),
        ] {
            let spelling = kind.spelling();
            assert_eq!((spelling.json, spelling.legacy, spelling.status), (json, legacy, status));
        }
        assert!(ErrorKind::OverLimit.sender_fault());
        assert!(!ErrorKind::InternalFailure.sender_fault());
    }

    #[test]
    fn a_missing_queue_has_a_text_per_protocol() {
        let error = SqsError::no_queue();
        assert_eq!(error.message, "The specified queue does not exist.");
        assert_eq!(error.query_message(), "The specified queue does not exist for this wsdl version.");
        assert_eq!(SqsError::missing("QueueUrl").query_message(), "The request must contain the parameter QueueUrl.");
    }

    #[test]
    fn an_error_repeats_a_bounded_part_of_what_was_sent() {
        let error = SqsError::bad_receipt(&"ä".repeat(5000));
        assert!(error.message.chars().count() < ECHO_CHARS_MAX + 100);
        assert_eq!(
            SqsError::bad_receipt("junk").message,
            "The input receipt handle \"junk\" is not a valid receipt handle."
        );
    }
}
