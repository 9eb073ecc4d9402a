//! One file per action, each with its request, its result, their shapes in Query, and what it does.

pub(crate) mod add_permission;
pub(crate) mod cancel_message_move_task;
pub(crate) mod change_message_visibility;
pub(crate) mod change_message_visibility_batch;
pub(crate) mod create_queue;
pub(crate) mod delete_message;
pub(crate) mod delete_message_batch;
pub(crate) mod delete_queue;
pub(crate) mod get_queue_attributes;
pub(crate) mod get_queue_url;
pub(crate) mod list_dead_letter_source_queues;
pub(crate) mod list_message_move_tasks;
pub(crate) mod list_queue_tags;
pub(crate) mod list_queues;
pub(crate) mod purge_queue;
pub(crate) mod receive_message;
pub(crate) mod remove_permission;
pub(crate) mod send_message;
pub(crate) mod send_message_batch;
pub(crate) mod set_queue_attributes;
pub(crate) mod start_message_move_task;
pub(crate) mod tag_queue;
pub(crate) mod untag_queue;

use serde::Serialize;
use trine_aws::{Call, Document, Output, ServiceError};

use crate::{SqsError, wire::Int};

/// The result of an action that has none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Nothing;

/// What an action answers with.
pub(crate) trait Answer {
    /// Writes it in the protocol of the call.
    fn write(&self, call: &Call) -> Result<Output, ServiceError>;
}

impl Answer for Nothing {
    fn write(&self, _: &Call) -> Result<Output, ServiceError> {
        Ok(Output::void())
    }
}

impl<T: Document + Serialize> Answer for T {
    fn write(&self, call: &Call) -> Result<Output, ServiceError> {
        call.answer(self)
    }
}

/// A parameter that must be there and not empty.
fn required<'a>(value: Option<&'a str>, name: &str) -> Result<&'a str, SqsError> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| SqsError::missing(name))
}

/// Most seconds a message can be in flight.
const VISIBILITY_MAX: i64 = 43_200;

/// Checks a visibility timeout; milliseconds.
fn visibility(seconds: Int) -> Result<u64, SqsError> {
    match u64::try_from(seconds.0) {
        Ok(n) if seconds.0 <= VISIBILITY_MAX => Ok(n * 1000),
        _ => Err(SqsError::parameter(
            seconds,
            "VisibilityTimeout",
            &format!("Must be >= 0 and <= {VISIBILITY_MAX}, if provided."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visibility_timeouts() {
        assert_eq!(visibility(Int(0)), Ok(0));
        assert_eq!(visibility(Int(43_200)), Ok(43_200_000));
        for bad in [-1, 43_201] {
            assert_eq!(
                visibility(Int(bad)).unwrap_err().message,
                format!(
                    "Value {bad} for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided."
                )
            );
        }
    }
}
