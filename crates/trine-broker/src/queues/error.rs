//! What can go wrong with queues and their messages.

use trine_core::{catalog::CatalogRefusal, queues::SettingsError};
use trine_types::QueueName;

use crate::Failure;

/// Why an operation on a queue was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The name is taken. An edge compares the settings.
    #[error("queue {0} exists already")]
    Exists(QueueName),
    /// The queue of this name was deleted less than the asked cooldown ago.
    #[error("queue {name} was deleted a moment ago; its name can be used again in {left_ms} ms")]
    DeletedRecently {
        /// The name.
        name: QueueName,
        /// Milliseconds until it is free.
        left_ms: i64,
    },
    /// The queue does not exist (any more).
    #[error("there is no such queue")]
    NotFound,
    /// The settings cannot be, or cannot be had by a queue that exists.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The directory holds as many partitions, queues and groups as it may.
    #[error("the limit of {max} partitions, queues and groups in one data directory is reached")]
    TooMany {
        /// `ENTITIES_MAX`.
        max: u64,
    },
    /// Not about the queue.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<CatalogRefusal> for QueueError {
    fn from(refusal: CatalogRefusal) -> Self {
        match refusal {
            CatalogRefusal::QueueExists { name } => Self::Exists(name),
            CatalogRefusal::QueueDeletedRecently { name, left_ms } => Self::DeletedRecently { name, left_ms },
            CatalogRefusal::QueueSettings(error) => Self::Settings(error),
            CatalogRefusal::TooManyEntities { max } => Self::TooMany { max },
            // The others are about topics.
            _ => Self::NotFound,
        }
    }
}

/// Why one message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendRefusal {
    /// The queue was deleted.
    #[error("there is no such queue")]
    Deleted,
    /// The message is larger than the queue allows.
    #[error("the message has {size} bytes; max_message_bytes of the queue is {max}")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        max: u64,
    },
    /// The queue is full and does not drop what is old.
    #[error("the queue is full: its limit {limit} of {value} is reached")]
    QueueFull {
        /// Name of the setting.
        limit: &'static str,
        /// Its value.
        value: u64,
    },
    /// A FIFO queue needs to know the group.
    #[error("a message of a FIFO queue needs a group")]
    NoGroup,
    /// A FIFO queue delays all its messages alike.
    #[error("a message of a FIFO queue cannot have a delay of its own")]
    OwnDelay,
    /// More messages at once than go into one batch.
    #[error("at most {max} messages go into one batch")]
    TooMany {
        /// The limit.
        max: u64,
    },
    /// So many deduplication ids are remembered that no more fit; older ones end with their window.
    #[error("the limit dedup_entries_max of {max} is reached")]
    DedupFull {
        /// The limit.
        max: u64,
    },
}

/// Why nothing was received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// So many messages are in flight that no more may be. A receive that waits gets an empty answer instead.
    #[error("the limit in_flight_max of {limit} is reached")]
    OverLimit {
        /// The limit.
        limit: u64,
    },
    /// The queue was deleted, perhaps while the receive waited.
    #[error("there is no such queue")]
    Deleted,
    /// Stored messages cannot be read; already reported. Nothing was taken.
    #[error("cannot read the messages: {0}")]
    Read(String),
    /// Not about the queue.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why a receipt settled nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// This server did not issue it.
    #[error("the receipt was not issued by this server")]
    Forged,
    /// It was issued for another queue.
    #[error("the receipt belongs to another queue")]
    WrongQueue,
    /// FIFO: the message is available again or was delivered to somebody else.
    #[error("the receipt has expired")]
    Expired,
    /// The message is not in the queue any more. (An acknowledgement of it succeeds.)
    #[error("the message is not in the queue any more")]
    Gone,
    /// A message is in flight for at most 12 hours.
    #[error("a message can be in flight for at most {max_ms} ms")]
    LimitReached {
        /// 12 hours.
        max_ms: u64,
    },
}

/// Why no messages are moved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// A queue does not exist (any more).
    #[error("there is no such queue")]
    NotFound,
    /// The source has a move task that runs already.
    #[error("the queue has a move task that runs already")]
    Running,
    /// There is no such task, or it runs no more.
    #[error("there is no such move task")]
    UnknownTask,
    /// A queue cannot be moved to itself.
    #[error("source and destination are the same queue")]
    SameQueue,
    /// FIFO queues and others do not mix.
    #[error("source and destination are not of the same kind")]
    KindDiffers,
    /// A rate of nothing.
    #[error("the rate of a move task must be at least 1 per second; it is 0")]
    ZeroRate,
    /// More messages were named than a task can remember, or more bodies given than it can replace.
    #[error("a move task can name at most {max} messages; these are {got}")]
    TooMany {
        /// The limit.
        max: u64,
        /// How many were named.
        got: u64,
    },
    /// A message whose body was to be replaced cannot be read; already reported.
    #[error("cannot read a message to edit: {0}")]
    Read(String),
    /// Not about the queues.
    #[error(transparent)]
    Failure(#[from] Failure),
}
