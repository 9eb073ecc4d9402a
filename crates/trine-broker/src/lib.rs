//! The runtime and facade the edges call: shards, mailboxes, timers, recovery, access checks. It speaks of topics, partitions, groups and queues, and does not
//! know that Kafka exists (law 5).
//!
//! Whoever gets an answer from here sees its effect from any connection, and the effect survives any crash (law 1; for topics with
//! `durability = interval`, a crash of the process). An outcome nobody knows is [`Failure::Unknown`], never a success and never a refusal.

mod access;
mod broker;
mod catalog;
mod cleaner;
mod clock;
mod config;
mod failure;
mod groups;
mod host;
pub mod inline;
mod mailbox;
mod open;
mod producers;
pub mod pubsub;
mod queues;
mod shard;
mod stats;
mod streams;
mod topic;
mod topics;
mod view;

pub use access::{Access, Action, Denied, Grant, Principal, Resource, ResourceKind};
pub use broker::Broker;
pub use catalog::CatalogSnapshot;
pub use clock::{ClockError, ClockMoved};
pub use config::BrokerConfig;
pub use failure::Failure;
pub use groups::{
    CommitEntry, Committed, CommittedOffsets, GroupDescription, GroupError, GroupListing, Groups, JoinReply,
    JoinRequest, JoinedMember, Leaving, MemberDescription, MemberRef, OffsetsWanted, PartitionLag, SyncReply,
    SyncRequest,
};
pub use host::{BoxFuture, Host, TokioHost};
pub use open::{BrokerParts, OpenError, Recovered};
pub use producers::Producers;
pub use queues::{
    Credit, Delivery, HEADER_PROTOCOL, MESSAGES_PER_SEND_MAX, MOVE_EDITS_MAX, MOVE_NO_DESTINATION, MOVE_NO_ORIGIN,
    Message, MessageState, MoveError, MoveStatus, MoveTask, MoveTaskId, NewConsumer, NewMessage, NewQueue, PEEK_MAX,
    Peek, PeekPage, Peeked, PeekedState, Pushed, QueueError, QueueRef, QueueStats, Queues, Receipt, ReceiptError,
    Receive, ReceiveError, SEND_BYTES_MAX, SendRefusal, Sent, Settlement, StartMove, SubscribeError, Subscription,
    SubscriptionEnd,
};
pub use stats::BrokerStats;
pub use streams::{
    AppendError, AppendFuture, Appended, EpochEnd, FetchError, FetchPartition, FetchResult, FetchSpec, Fetched,
    FoundOffset, NewBatch, OffsetQuery, PartitionStats, Permit, StreamError, Streams,
};
pub use topic::{PartitionRef, Topic};
pub use topics::{Alteration, NewTopic, SettingChange, SettingOp, TopicError, TopicResult, TopicSelector, Topics};
pub use trine_core::{
    catalog::TopicDefaults,
    groups::{GroupSettings, GroupState},
    queues::{
        DeadLetter, DedupScope, MessageNumber, Overflow, QueueDurability, QueueSettings, RedriveAllow, SettingsError,
    },
};
pub use view::PartitionView;
