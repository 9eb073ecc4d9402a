//! Handles of move tasks: base64 of `{"taskId":"<uuid>","sourceArn":"<arn>"}` (reference/sqs.md §4.4).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::SqsError;

/// Longest handle: ids and ARNs are far shorter.
const HANDLE_BYTES_MAX: usize = 1024;

/// What a handle says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskHandle {
    /// The task.
    pub(crate) task_id: String,
    /// The queue it takes messages from.
    pub(crate) source_arn: String,
}

impl TaskHandle {
    /// The handle as text.
    pub(crate) fn to_text(&self) -> String {
        STANDARD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads a handle.
    pub(crate) fn parse(text: &str) -> Result<Self, SqsError> {
        let decoded = (text.len() <= HANDLE_BYTES_MAX).then(|| STANDARD.decode(text).ok()).flatten();
        decoded
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .ok_or_else(|| SqsError::invalid("Value for parameter TaskHandle is invalid."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_round_trip_and_rubbish_is_refused() {
        let handle = TaskHandle { task_id: "id".into(), source_arn: "arn:aws:sqs:r:000000000000:q".into() };
        assert_eq!(TaskHandle::parse(&handle.to_text()).unwrap(), handle);
        assert_eq!(
            STANDARD.decode(handle.to_text()).unwrap(),
            br#"{"taskId":"id","sourceArn":"arn:aws:sqs:r:000000000000:q"}"#
        );
        for bad in ["", "foobared", "e30=", "%", &"A".repeat(2000)] {
            assert_eq!(TaskHandle::parse(bad).unwrap_err().message, "Value for parameter TaskHandle is invalid.");
        }
    }
}
