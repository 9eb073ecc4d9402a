//! From the broker's errors to the protocol's codes (reference §7). An outcome nobody knows has no code: the connection is closed (decision E17).

use trine_broker::{AppendError, Failure, FetchError, GroupError, StreamError, TopicError};
use trine_records::{ProduceError, RecordProblem};

/// An error code of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(i16)]
#[allow(missing_docs, reason = "the names are the protocol's own")]
pub enum ErrorCode {
    UnknownServerError = -1,
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    LeaderNotAvailable = 5,
    NotLeaderOrFollower = 6,
    RequestTimedOut = 7,
    MessageTooLarge = 10,
    OffsetMetadataTooLarge = 12,
    CoordinatorLoadInProgress = 14,
    CoordinatorNotAvailable = 15,
    InvalidTopicException = 17,
    RecordListTooLarge = 18,
    InvalidRequiredAcks = 21,
    IllegalGeneration = 22,
    InconsistentGroupProtocol = 23,
    InvalidGroupId = 24,
    UnknownMemberId = 25,
    InvalidSessionTimeout = 26,
    RebalanceInProgress = 27,
    TopicAuthorizationFailed = 29,
    GroupAuthorizationFailed = 30,
    ClusterAuthorizationFailed = 31,
    InvalidTimestamp = 32,
    UnsupportedVersion = 35,
    TopicAlreadyExists = 36,
    InvalidPartitions = 37,
    InvalidReplicationFactor = 38,
    InvalidReplicaAssignment = 39,
    InvalidConfig = 40,
    InvalidRequest = 42,
    PolicyViolation = 44,
    OutOfOrderSequenceNumber = 45,
    InvalidProducerEpoch = 47,
    InvalidTxnState = 48,
    TransactionalIdAuthorizationFailed = 53,
    KafkaStorageError = 56,
    NonEmptyGroup = 68,
    GroupIdNotFound = 69,
    FetchSessionIdNotFound = 70,
    InvalidFetchSessionEpoch = 71,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    UnsupportedCompressionType = 76,
    MemberIdRequired = 79,
    GroupMaxSizeReached = 81,
    FencedInstanceId = 82,
    ElectionNotNeeded = 84,
    GroupSubscribedToTopic = 86,
    InvalidRecord = 87,
    UnknownTopicId = 100,
    InconsistentTopicId = 103,
    FetchSessionTopicIdError = 106,
    MismatchedEndpointType = 114,
    UnsupportedEndpointType = 115,
    RebootstrapRequired = 129,
}

impl ErrorCode {
    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> i16 {
        self as i16
    }
}

/// The connection must be closed without an answer: nobody knows what became of the request, or it cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Close(pub(crate) String);

impl From<crate::wire::WireError> for Close {
    fn from(error: crate::wire::WireError) -> Self {
        Self(error.to_string())
    }
}

/// A refusal with a message for versions that carry one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }
}

/// Whose error a [`Failure`] becomes: clients of each know other codes as "try again".
#[derive(Clone, Copy, Debug)]
pub(crate) enum Area {
    /// Produce and Fetch.
    Data,
    /// Groups and offsets.
    Group,
    /// Topics and configuration.
    Admin,
}

/// Known not to be done, all of these, and worth trying again.
pub(crate) fn failure(failure: &Failure, area: Area) -> Result<ErrorCode, Close> {
    Ok(match (failure, area) {
        (Failure::Unknown, _) => return Err(Close(failure.to_string())),
        (Failure::Full { .. }, Area::Group) | (Failure::Stopping, Area::Group) => ErrorCode::CoordinatorNotAvailable,
        (Failure::Busy { .. }, Area::Group) => ErrorCode::CoordinatorLoadInProgress,
        (Failure::Full { .. }, _) | (Failure::Busy { .. }, Area::Data) => ErrorCode::KafkaStorageError,
        (Failure::Stopping, Area::Data) => ErrorCode::NotLeaderOrFollower,
        (Failure::Busy { .. } | Failure::Stopping, Area::Admin) => ErrorCode::RequestTimedOut,
    })
}

/// `by_id`: whether the request named the topic by id, which has a code of its own for "unknown".
pub(crate) const fn unknown_topic(by_id: bool) -> ErrorCode {
    if by_id { ErrorCode::UnknownTopicId } else { ErrorCode::UnknownTopicOrPartition }
}

pub(crate) fn append(error: &AppendError, by_id: bool) -> Result<ErrorCode, Close> {
    Ok(match error {
        AppendError::UnknownPartition => unknown_topic(by_id),
        AppendError::OldEpoch { .. } => ErrorCode::InvalidProducerEpoch,
        AppendError::OutOfOrder { .. } => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::Failure(error) => failure(error, Area::Data)?,
    })
}

pub(crate) fn fetch(error: &FetchError, by_id: bool, version: i16) -> ErrorCode {
    match error {
        FetchError::UnknownPartition => unknown_topic(by_id),
        FetchError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        FetchError::FencedEpoch { .. } => ErrorCode::FencedLeaderEpoch,
        FetchError::UnknownEpoch { .. } => ErrorCode::UnknownLeaderEpoch,
        // Clients of versions up to 5 do not know the storage error.
        FetchError::Corrupt(_) | FetchError::Io(_) if version <= 5 => ErrorCode::NotLeaderOrFollower,
        FetchError::Corrupt(_) | FetchError::Io(_) => ErrorCode::KafkaStorageError,
    }
}

pub(crate) fn stream(error: &StreamError) -> Result<ErrorCode, Close> {
    Ok(match error {
        StreamError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        StreamError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        StreamError::Corrupt(_) | StreamError::Io(_) => ErrorCode::KafkaStorageError,
        StreamError::Failure(error) => failure(error, Area::Data)?,
    })
}

pub(crate) fn topic(error: &TopicError, by_id: bool) -> Result<Refusal, Close> {
    let code = match error {
        TopicError::Exists(_) => ErrorCode::TopicAlreadyExists,
        TopicError::Collides { .. } => ErrorCode::InvalidTopicException,
        TopicError::NotFound => unknown_topic(by_id),
        TopicError::Partitions { .. } | TopicError::NotMore { .. } => ErrorCode::InvalidPartitions,
        TopicError::InvalidSetting { .. } => ErrorCode::InvalidConfig,
        TopicError::TooMany { .. } => ErrorCode::PolicyViolation,
        TopicError::Failure(error) => failure(error, Area::Admin)?,
    };
    Ok(Refusal::new(code, error))
}

pub(crate) fn group(error: &GroupError) -> Result<ErrorCode, Close> {
    Ok(match error {
        GroupError::NotFound => ErrorCode::GroupIdNotFound,
        GroupError::SessionTimeout { .. } => ErrorCode::InvalidSessionTimeout,
        GroupError::MemberIdRequired { .. } => ErrorCode::MemberIdRequired,
        GroupError::UnknownMember => ErrorCode::UnknownMemberId,
        GroupError::Fenced => ErrorCode::FencedInstanceId,
        GroupError::IllegalGeneration => ErrorCode::IllegalGeneration,
        GroupError::InconsistentProtocol => ErrorCode::InconsistentGroupProtocol,
        GroupError::Rebalancing => ErrorCode::RebalanceInProgress,
        GroupError::MembersMax { .. } => ErrorCode::GroupMaxSizeReached,
        GroupError::NotEmpty => ErrorCode::NonEmptyGroup,
        GroupError::Subscribed => ErrorCode::GroupSubscribedToTopic,
        GroupError::MetadataTooLong { .. } => ErrorCode::OffsetMetadataTooLarge,
        GroupError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        GroupError::TooMany { .. } | GroupError::TooLarge { .. } => ErrorCode::PolicyViolation,
        GroupError::Unavailable => ErrorCode::CoordinatorNotAvailable,
        GroupError::Failure(error) => failure(error, Area::Group)?,
    })
}

pub(crate) fn produce(error: &ProduceError) -> ErrorCode {
    match error {
        ProduceError::NotOneBatch | ProduceError::Magic(_) | ProduceError::Header(_) | ProduceError::Undecodable(_) => {
            ErrorCode::InvalidRecord
        }
        ProduceError::ZstdTooEarly => ErrorCode::UnsupportedCompressionType,
        // Java splits the batch and tries again.
        ProduceError::TooLarge { .. } | ProduceError::DecompressedTooLarge { .. } => ErrorCode::MessageTooLarge,
        ProduceError::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        ProduceError::Corrupt(_) => ErrorCode::CorruptMessage,
        ProduceError::TimestampType => ErrorCode::InvalidTimestamp,
        ProduceError::Records { errors } if errors.iter().any(|e| e.problem == RecordProblem::Timestamp) => {
            ErrorCode::InvalidTimestamp
        }
        ProduceError::Records { .. } => ErrorCode::InvalidRecord,
        ProduceError::Recompress(_) => ErrorCode::UnknownServerError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_has_no_code() {
        for area in [Area::Data, Area::Group, Area::Admin] {
            assert!(failure(&Failure::Unknown, area).is_err());
            assert!(failure(&Failure::Stopping, area).is_ok());
        }
        assert!(append(&AppendError::Failure(Failure::Unknown), false).is_err());
        assert!(group(&GroupError::Failure(Failure::Unknown)).is_err());
    }

    #[test]
    fn a_full_disk_is_the_retriable_storage_error() {
        let full = Failure::Full { free: 1, needed: 2 };
        assert_eq!(append(&AppendError::Failure(full), false), Ok(ErrorCode::KafkaStorageError));
        assert_eq!(ErrorCode::KafkaStorageError.code(), 56);
    }
}
