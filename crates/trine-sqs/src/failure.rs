//! The broker's refusals in the protocol's words.

use trine_broker::{Failure, MoveError, QueueError, ReceiptError, ReceiveError, SendRefusal};

use crate::{ErrorKind, SqsError};

impl From<Failure> for SqsError {
    fn from(failure: Failure) -> Self {
        match failure {
            // Known not to be done: SDKs try these again.
            Failure::Busy { .. } => Self::new(ErrorKind::RequestThrottled, format!("Rate exceeded: {failure}.")),
            Failure::Full { .. } | Failure::Stopping => {
                Self::new(ErrorKind::ServiceUnavailable, format!("The request was not done: {failure}."))
            }
            // Neither a success nor a refusal. HTTP has no way to say nothing but closing the connection, and 500 says to every SDK what that does.
            Failure::Unknown => Self::new(ErrorKind::InternalFailure, format!("Nobody knows: {failure}.")),
        }
    }
}

impl From<QueueError> for SqsError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Failure(failure) => failure.into(),
            QueueError::NotFound => Self::no_queue(),
            QueueError::DeletedRecently { .. } => Self::new(
                ErrorKind::QueueDeletedRecently,
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            ),
            QueueError::TooMany { .. } => Self::new(ErrorKind::OverLimit, format!("{error}.")),
            QueueError::Exists(_) => Self::new(ErrorKind::QueueNameExists, format!("{error}.")),
            other => Self::invalid(format!("{other}.")),
        }
    }
}

impl From<SendRefusal> for SqsError {
    fn from(refusal: SendRefusal) -> Self {
        match refusal {
            SendRefusal::Deleted => Self::no_queue(),
            SendRefusal::TooLarge { max, .. } => too_large(max),
            // Both end by themselves, so SDKs should try again.
            other => Self::new(ErrorKind::RequestThrottled, format!("Rate exceeded: {other}.")),
        }
    }
}

/// A single message over its queue's limit.
pub(crate) fn too_large(max: u64) -> SqsError {
    SqsError::invalid(format!("One or more parameters are invalid. Reason: Message must be shorter than {max} bytes."))
}

/// The same as an entry of a batch.
pub(crate) fn too_large_entry(max: u64) -> SqsError {
    SqsError::invalid(format!(
        "One or more parameters cannot be validated. Reason: Message must be shorter than {max} bytes."
    ))
}

impl From<ReceiveError> for SqsError {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::OverLimit { limit } => Self::new(
                ErrorKind::OverLimit,
                format!("The limit of {limit} messages in flight in a queue is reached."),
            ),
            ReceiveError::Deleted => Self::no_queue(),
            ReceiveError::Failure(failure) => failure.into(),
            other => Self::new(ErrorKind::InternalFailure, format!("{other}.")),
        }
    }
}

/// Why a receipt did not do; `handle` is its text, `seconds` the visibility timeout that was asked for.
pub(crate) fn receipt(error: ReceiptError, handle: &str, seconds: Option<i64>) -> SqsError {
    match error {
        ReceiptError::Forged => SqsError::bad_receipt(handle),
        ReceiptError::WrongQueue => SqsError::foreign_receipt(handle),
        ReceiptError::Expired => SqsError::expired_receipt(handle),
        ReceiptError::Gone => SqsError::gone_receipt(handle),
        ReceiptError::LimitReached { max_ms } => SqsError::parameter(
            seconds.unwrap_or_default(),
            "VisibilityTimeout",
            &format!("Total VisibilityTimeout for the message is beyond the limit [{} seconds]", max_ms / 1000),
        ),
    }
}

impl From<MoveError> for SqsError {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::NotFound => Self::no_resource("SourceArn"),
            MoveError::Running => Self::invalid(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ),
            MoveError::UnknownTask => Self::new(ErrorKind::ResourceNotFound, "Task does not exist."),
            MoveError::Failure(failure) => failure.into(),
            other => Self::invalid(format!("{other}.")),
        }
    }
}
