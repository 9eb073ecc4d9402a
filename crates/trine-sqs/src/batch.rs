//! Rules that hold for every batch (reference/sqs.md §2.4): what fails the whole request, what fails one entry.

use std::collections::HashSet;

use serde::Serialize;
use trine_aws::{Document, Member};

use crate::{ErrorKind, SqsError, error::shorten, shapes::FAILED};

/// Most entries of a batch.
pub(crate) const ENTRIES_MAX: usize = 10;
/// Most bytes of a batch's messages together, whatever a queue's own largest message is.
pub(crate) const BATCH_BYTES_MAX: usize = 1_048_576;
/// Longest entry id.
const ID_CHARS_MAX: usize = 80;

/// Checks number and ids of entries; `entry` is the name the protocol gives one.
pub(crate) fn check<'a>(entry: &str, ids: impl ExactSizeIterator<Item = Option<&'a str>>) -> Result<(), SqsError> {
    let count = ids.len();
    if count == 0 {
        return Err(SqsError::new(
            ErrorKind::EmptyBatchRequest,
            format!("There should be at least one {entry} in the request."),
        ));
    }
    if count > ENTRIES_MAX {
        return Err(SqsError::new(
            ErrorKind::TooManyEntriesInBatchRequest,
            format!("Maximum number of entries per request are {ENTRIES_MAX}. You have sent {count}."),
        ));
    }
    let mut seen = HashSet::with_capacity(count);
    let mut repeated = None;
    for id in ids {
        let id = id.ok_or_else(|| SqsError::missing(&format!("{entry}.Id")))?;
        if id.is_empty()
            || id.len() > ID_CHARS_MAX
            || !id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        {
            return Err(SqsError::new(
                ErrorKind::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id) && repeated.is_none() {
            repeated = Some(id);
        }
    }
    match repeated {
        None => Ok(()),
        Some(id) => Err(SqsError::new(ErrorKind::BatchEntryIdsNotDistinct, format!("Id {id} repeated."))),
    }
}

/// Checks the sum of the entries' sizes.
pub(crate) fn check_sum(bytes: usize) -> Result<(), SqsError> {
    if bytes <= BATCH_BYTES_MAX {
        return Ok(());
    }
    Err(SqsError::new(
        ErrorKind::BatchRequestTooLong,
        format!("Batch requests cannot be longer than {BATCH_BYTES_MAX} bytes. You have sent {bytes} bytes."),
    ))
}

/// An entry that failed while others went through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Failed {
    /// The entry's id.
    pub(crate) id: String,
    /// Whether the client is at fault.
    pub(crate) sender_fault: bool,
    /// The legacy code.
    pub(crate) code: String,
    /// The text.
    pub(crate) message: String,
}

impl Failed {
    /// What becomes of an entry whose operation failed.
    pub(crate) fn of(id: String, error: &SqsError) -> Self {
        let sender_fault = error.kind.sender_fault();
        let code = if sender_fault { error.kind.spelling().legacy } else { "InternalError" };
        Self { id, sender_fault, code: code.to_owned(), message: shorten(&error.message).into_owned() }
    }
}

/// The answer to a batch: both lists are absent when empty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BatchReply<T> {
    /// Entries that went through.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) successful: Vec<T>,
    /// Entries that did not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failed: Vec<Failed>,
}

/// An entry that went through, in a batch's answer.
pub(crate) trait Entry {
    /// Name of its XML element.
    const ELEMENTS: &'static [&'static str];
}

impl<T: Entry> Document for BatchReply<T> {
    const SHAPE: &'static [Member] = &[Member::list("Successful", T::ELEMENTS), FAILED];
}

impl<T> Default for BatchReply<T> {
    fn default() -> Self {
        Self { successful: Vec::new(), failed: Vec::new() }
    }
}

impl<T> BatchReply<T> {
    pub(crate) fn push(&mut self, id: String, result: Result<T, SqsError>) {
        match result {
            Ok(entry) => self.successful.push(entry),
            Err(error) => self.failed.push(Failed::of(id, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(ids: &[&str]) -> Result<(), SqsError> {
        check("SendMessageBatchRequestEntry", ids.iter().map(|id| Some(*id)))
    }

    #[test]
    fn whole_requests_that_fail() {
        let many: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text = |ids: &[&str]| run(ids).unwrap_err();
        for (ids, kind, message) in [
            (
                &[][..],
                ErrorKind::EmptyBatchRequest,
                "There should be at least one SendMessageBatchRequestEntry in the request.",
            ),
            (
                &many,
                ErrorKind::TooManyEntriesInBatchRequest,
                "Maximum number of entries per request are 10. You have sent 20.",
            ),
            (&["a", "b", "b", "a"], ErrorKind::BatchEntryIdsNotDistinct, "Id b repeated."),
            (
                &["a b"],
                ErrorKind::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ),
        ] {
            assert_eq!(text(ids), SqsError::new(kind, message));
        }
        assert!(run(&["", "a"]).is_err());
        assert!(run(&[&"x".repeat(81)]).is_err());
        assert_eq!(check("E", [None].into_iter()).unwrap_err().message, "The request must contain the parameter E.Id.");
    }

    #[test]
    fn good_ids_and_sums() {
        run(&["a", "B-_9", &"x".repeat(80)]).unwrap();
        check_sum(1_048_576).unwrap();
        assert_eq!(
            check_sum(1_048_577).unwrap_err().message,
            "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
        );
    }

    #[test]
    fn an_entry_says_whose_fault_it_is() {
        let ours = Failed::of("a".into(), &SqsError::new(ErrorKind::InternalFailure, "x"));
        assert_eq!((ours.sender_fault, ours.code.as_str()), (false, "InternalError"));
        let theirs = Failed::of("a".into(), &SqsError::bad_receipt("junk"));
        assert_eq!((theirs.sender_fault, theirs.code.as_str()), (true, "ReceiptHandleIsInvalid"));
    }
}
