//! Errors as the API answers them: `{code, message, setting?, limit?, value?}` with a stable code.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use trine_broker::{
    ClockError, Denied, Failure, GroupError, MoveError, QueueError, ReceiveError, SendRefusal, StreamError, TopicError,
};
use trine_core::queues::TextError;
use trine_types::NameError;

/// What went wrong. `code` never changes its meaning; `message` is for people.
#[derive(Debug, Serialize)]
pub(crate) struct ApiError {
    #[serde(skip)]
    status: StatusCode,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    setting: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), setting: None, limit: None, value: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn no_path(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_path", format!("there is nothing at {path}"))
    }

    pub(crate) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not know the method")
    }

    pub(crate) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "denied", message)
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    pub(crate) fn too_large(limit: &str, max: usize, message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message).limit(limit, max)
    }

    /// Names the limit that was hit and its value.
    pub(crate) fn limit(mut self, limit: &str, value: impl ToString) -> Self {
        self.limit = Some(limit.to_owned());
        self.value = Some(value.to_string());
        self
    }

    /// Says which of several records is meant.
    pub(crate) fn at(mut self, index: usize) -> Self {
        self.message = format!("record {index}: {}", self.message);
        self
    }

    /// Says how much was done before the error.
    pub(crate) fn after(mut self, done: u64, of: usize) -> Self {
        self.message = format!("{} ({done} of {of} records were appended)", self.message);
        self
    }

    /// Says which of several messages is meant.
    pub(crate) fn at_message(mut self, index: usize) -> Self {
        self.message = format!("message {index}: {}", self.message);
        self
    }

    /// Says which of several messages was refused; those before it were taken.
    pub(crate) fn message_at(mut self, index: usize, of: usize) -> Self {
        if of > 1 {
            self.message = format!("message {index}: {} ({index} of {of} messages were taken before it)", self.message);
        }
        self
    }

    fn setting(mut self, setting: &str) -> Self {
        self.setting = Some(setting.to_owned());
        self
    }

    /// The error as a JSON object, for streams that have begun.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "error": self })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(&self)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"trine\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<NameError> for ApiError {
    fn from(error: NameError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<Denied> for ApiError {
    fn from(error: Denied) -> Self {
        Self::denied(error.to_string())
    }
}

impl From<Failure> for ApiError {
    fn from(error: Failure) -> Self {
        let message = error.to_string();
        match error {
            Failure::Full { needed, .. } => Self::unavailable("full", message).limit("disk_reserve", needed),
            Failure::Busy { limit, value } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).limit(limit, value)
            }
            Failure::Stopping => Self::unavailable("stopping", message),
            Failure::Unknown => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown_outcome", message),
        }
    }
}

impl From<TopicError> for ApiError {
    fn from(error: TopicError) -> Self {
        let message = error.to_string();
        match error {
            TopicError::Exists(_) | TopicError::Collides { .. } => Self::conflict("exists", message),
            TopicError::NotFound => Self::not_found(message),
            TopicError::Partitions { max, .. } => Self::invalid(message).limit("partitions", max),
            TopicError::NotMore { present, .. } => Self::conflict("not_more", message).limit("partitions", present),
            TopicError::InvalidSetting { key, .. } => Self::invalid(message).setting(&key),
            TopicError::TooMany { max } => Self::conflict("too_many", message).limit("entities", max),
            TopicError::Failure(failure) => failure.into(),
        }
    }
}

impl From<StreamError> for ApiError {
    fn from(error: StreamError) -> Self {
        let message = error.to_string();
        match error {
            StreamError::UnknownPartition => Self::not_found(message),
            StreamError::OutOfRange { .. } => Self::new(StatusCode::BAD_REQUEST, "out_of_range", message),
            StreamError::Corrupt(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "corrupt", message),
            StreamError::Io(_) => Self::internal(message),
            StreamError::Failure(failure) => failure.into(),
        }
    }
}

impl From<GroupError> for ApiError {
    fn from(error: GroupError) -> Self {
        let message = error.to_string();
        match error {
            GroupError::NotFound => Self::not_found(message),
            GroupError::NotEmpty => Self::conflict("not_empty", "the group has members; stop them first"),
            GroupError::Subscribed => Self::conflict("subscribed", message),
            GroupError::UnknownPartition => Self::not_found(message),
            GroupError::TooMany { max } => Self::conflict("too_many", message).limit("entities", max),
            GroupError::Failure(failure) => failure.into(),
            _ => Self::invalid(message),
        }
    }
}

impl From<TextError> for ApiError {
    fn from(error: TextError) -> Self {
        Self::invalid(error.to_string()).setting(&error.name)
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        let message = error.to_string();
        match error {
            QueueError::Exists(_) => Self::conflict("exists", message),
            QueueError::DeletedRecently { .. } => Self::conflict("deleted_recently", message),
            QueueError::NotFound => Self::not_found(message),
            QueueError::TooMany { max } => Self::conflict("too_many", message).limit("entities", max),
            QueueError::Failure(failure) => failure.into(),
            _ => Self::invalid(message),
        }
    }
}

impl From<SendRefusal> for ApiError {
    fn from(refusal: SendRefusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            SendRefusal::Deleted => Self::not_found(message),
            SendRefusal::NoGroup | SendRefusal::OwnDelay => Self::invalid(message),
            SendRefusal::TooMany { max } => Self::invalid(message).limit("messages", max),
            SendRefusal::TooLarge { max, .. } => Self::invalid(message).limit("max_message_bytes", max),
            SendRefusal::QueueFull { limit, value } => Self::conflict("queue_full", message).limit(limit, value),
            SendRefusal::DedupFull { max } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).limit("dedup_entries_max", max)
            }
        }
    }
}

impl From<ReceiveError> for ApiError {
    fn from(error: ReceiveError) -> Self {
        let message = error.to_string();
        match error {
            ReceiveError::OverLimit { limit } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).limit("in_flight_max", limit)
            }
            ReceiveError::Deleted => Self::not_found(message),
            ReceiveError::Read(_) => Self::internal(message),
            ReceiveError::Failure(failure) => failure.into(),
        }
    }
}

impl From<MoveError> for ApiError {
    fn from(error: MoveError) -> Self {
        let message = error.to_string();
        match error {
            MoveError::NotFound | MoveError::UnknownTask => Self::not_found(message),
            MoveError::Running => Self::conflict("running", message),
            MoveError::Failure(failure) => failure.into(),
            _ => Self::invalid(message),
        }
    }
}

impl From<ClockError> for ApiError {
    fn from(error: ClockError) -> Self {
        let message = error.to_string();
        match error {
            ClockError::NotFrozen => Self::conflict("not_frozen", message),
            ClockError::Endless => Self::internal(message),
            ClockError::Failure(failure) => failure.into(),
        }
    }
}
