//! The table of queue attributes.

/// A queue attribute.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AttributeName {
    ApproximateNumberOfMessages,
    ApproximateNumberOfMessagesNotVisible,
    ApproximateNumberOfMessagesDelayed,
    CreatedTimestamp,
    LastModifiedTimestamp,
    QueueArn,
    DelaySeconds,
    MaximumMessageSize,
    MessageRetentionPeriod,
    ReceiveMessageWaitTimeSeconds,
    VisibilityTimeout,
    Policy,
    RedrivePolicy,
    RedriveAllowPolicy,
    KmsMasterKeyId,
    KmsDataKeyReusePeriodSeconds,
    SqsManagedSseEnabled,
    FifoQueue,
    ContentBasedDeduplication,
    DeduplicationScope,
    FifoThroughputLimit,
}

/// What values an attribute takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Cannot be set.
    ReadOnly,
    /// A whole number from `min` to `max`.
    Number {
        /// Least.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// `true` or `false`; also with a capital.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// Any text; empty removes it.
    Text,
    /// A JSON document; empty removes it.
    Document,
}

/// One attribute.
#[derive(Clone, Copy, Debug)]
pub struct AttributeSpec {
    /// Which.
    pub name: AttributeName,
    /// Name on the wire.
    pub text: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Whether only FIFO queues have it.
    pub fifo_only: bool,
    /// What a new queue that can have it shows; empty: nothing, or what depends on the queue.
    pub default: &'static str,
}

const fn spec(name: AttributeName, text: &'static str, kind: Kind, default: &'static str) -> AttributeSpec {
    AttributeSpec { name, text, kind, fifo_only: false, default }
}

const fn fifo(name: AttributeName, text: &'static str, kind: Kind, default: &'static str) -> AttributeSpec {
    AttributeSpec { name, text, kind, fifo_only: true, default }
}

impl AttributeName {
    /// All attributes, in the order in which `All` shows them.
    pub const TABLE: [AttributeSpec; 21] = [
        spec(Self::ApproximateNumberOfMessages, "ApproximateNumberOfMessages", Kind::ReadOnly, "0"),
        spec(Self::ApproximateNumberOfMessagesNotVisible, "ApproximateNumberOfMessagesNotVisible", Kind::ReadOnly, "0"),
        spec(Self::ApproximateNumberOfMessagesDelayed, "ApproximateNumberOfMessagesDelayed", Kind::ReadOnly, "0"),
        spec(Self::CreatedTimestamp, "CreatedTimestamp", Kind::ReadOnly, ""),
        spec(Self::LastModifiedTimestamp, "LastModifiedTimestamp", Kind::ReadOnly, ""),
        spec(Self::QueueArn, "QueueArn", Kind::ReadOnly, ""),
        spec(Self::DelaySeconds, "DelaySeconds", Kind::Number { min: 0, max: 900 }, "0"),
        spec(Self::MaximumMessageSize, "MaximumMessageSize", Kind::Number { min: 1024, max: 1_048_576 }, "1048576"),
        spec(
            Self::MessageRetentionPeriod,
            "MessageRetentionPeriod",
            Kind::Number { min: 60, max: 1_209_600 },
            "345600",
        ),
        spec(
            Self::ReceiveMessageWaitTimeSeconds,
            "ReceiveMessageWaitTimeSeconds",
            Kind::Number { min: 0, max: 20 },
            "0",
        ),
        spec(Self::VisibilityTimeout, "VisibilityTimeout", Kind::Number { min: 0, max: 43_200 }, "30"),
        spec(Self::Policy, "Policy", Kind::Document, ""),
        spec(Self::RedrivePolicy, "RedrivePolicy", Kind::Document, ""),
        spec(Self::RedriveAllowPolicy, "RedriveAllowPolicy", Kind::Document, ""),
        spec(Self::KmsMasterKeyId, "KmsMasterKeyId", Kind::Text, ""),
        spec(
            Self::KmsDataKeyReusePeriodSeconds,
            "KmsDataKeyReusePeriodSeconds",
            Kind::Number { min: 60, max: 86_400 },
            "",
        ),
        spec(Self::SqsManagedSseEnabled, "SqsManagedSseEnabled", Kind::Flag, "true"),
        fifo(Self::FifoQueue, "FifoQueue", Kind::Flag, "true"),
        fifo(Self::ContentBasedDeduplication, "ContentBasedDeduplication", Kind::Flag, "false"),
        fifo(Self::DeduplicationScope, "DeduplicationScope", Kind::Choice(&["queue", "messageGroup"]), "queue"),
        fifo(
            Self::FifoThroughputLimit,
            "FifoThroughputLimit",
            Kind::Choice(&["perQueue", "perMessageGroupId"]),
            "perQueue",
        ),
    ];

    /// Its row.
    #[must_use]
    pub const fn spec(self) -> &'static AttributeSpec {
        &Self::TABLE[self as usize]
    }

    /// Name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.spec().text
    }

    /// The attribute of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::TABLE.iter().find(|spec| spec.text == text).map(|spec| spec.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_in_the_order_of_the_enum_and_spelled_like_it() {
        for (i, row) in AttributeName::TABLE.iter().enumerate() {
            assert_eq!(row.name as usize, i);
            assert_eq!(format!("{:?}", row.name), row.text);
            assert_eq!(AttributeName::parse(row.text), Some(row.name));
        }
        assert_eq!(AttributeName::parse("All"), None);
    }
}
