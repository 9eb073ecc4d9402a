//! The records of the catalogue, as they stand in the log.

use bytes::Bytes;
use trine_types::{GroupName, Namespace, QueueName, TopicName, Uuid};

use crate::{
    codec::{DecodeError, Reader, Writer},
    queues::QueueSettings,
};

/// One change of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogRecord {
    /// The directory's first record: its cluster id.
    Cluster {
        /// What Kafka clients see as cluster id.
        id: Uuid,
    },
    /// A topic and all its partitions; those have no record until their first append.
    TopicCreated {
        /// Its id, random.
        id: Uuid,
        /// Its name.
        name: TopicName,
        /// Entity number of partition 0; the others follow.
        first_number: u64,
        /// How many partitions.
        partitions: u32,
        /// Settings of its own.
        settings: Vec<(String, String)>,
    },
    /// A topic has more partitions.
    PartitionsAdded {
        /// Which topic.
        id: Uuid,
        /// Entity number of the first new partition.
        first_number: u64,
        /// How many new ones.
        count: u32,
    },
    /// A topic's own settings are now these.
    TopicAltered {
        /// Which topic.
        id: Uuid,
        /// All its settings.
        settings: Vec<(String, String)>,
    },
    /// A topic and all its partitions are gone.
    TopicDeleted {
        /// Which topic.
        id: Uuid,
    },
    /// A consumer group has a place.
    GroupCreated {
        /// Its name.
        name: GroupName,
        /// Its entity number.
        number: u64,
    },
    /// A consumer group is gone.
    GroupDeleted {
        /// Its name.
        name: GroupName,
    },
    /// Producer ids below this one may be in use.
    ProducerIds {
        /// The first id that was never handed out.
        next: i64,
    },
    /// A queue and all its lanes; those have no record until their first message.
    QueueCreated {
        /// Its id, random.
        id: Uuid,
        /// Where its name is unique.
        namespace: Namespace,
        /// Its name.
        name: QueueName,
        /// Entity number of lane 0; the others follow.
        first_number: u64,
        /// How many lanes.
        lanes: u8,
        /// Its settings.
        settings: Box<QueueSettings>,
    },
    /// A queue's settings are now these.
    QueueAltered {
        /// Which queue.
        id: Uuid,
        /// All its settings.
        settings: Box<QueueSettings>,
    },
    /// A queue and all its messages are gone.
    QueueDeleted {
        /// Which queue.
        id: Uuid,
    },
    /// The secret that receipts are signed with.
    ReceiptKey {
        /// Random.
        key: [u8; 32],
    },
}

// On disk for ever: a tag is never given a second meaning.
const CLUSTER: u8 = 0;
const TOPIC_CREATED: u8 = 1;
const PARTITIONS_ADDED: u8 = 2;
const TOPIC_ALTERED: u8 = 3;
const TOPIC_DELETED: u8 = 4;
const GROUP_CREATED: u8 = 5;
const GROUP_DELETED: u8 = 6;
const PRODUCER_IDS: u8 = 7;
const QUEUE_CREATED: u8 = 8;
const QUEUE_ALTERED: u8 = 9;
const QUEUE_DELETED: u8 = 10;
const RECEIPT_KEY: u8 = 11;

pub(super) fn encode_settings<'a>(w: &mut Writer, settings: impl ExactSizeIterator<Item = (&'a str, &'a str)>) {
    w.var(settings.len() as u64);
    for (name, value) in settings {
        w.str(name);
        w.str(value);
    }
}

pub(super) fn decode_settings(r: &mut Reader<'_>) -> Result<Vec<(String, String)>, DecodeError> {
    let n = r.count()?;
    let mut settings = Vec::new();
    for _ in 0..n {
        settings.push((r.str()?.to_owned(), r.str()?.to_owned()));
    }
    Ok(settings)
}

pub(super) fn decode_topic_name(r: &mut Reader<'_>) -> Result<TopicName, DecodeError> {
    let name = r.str()?;
    TopicName::parse(name).or_else(|_| r.fail())
}

pub(super) fn decode_namespace(r: &mut Reader<'_>) -> Result<Namespace, DecodeError> {
    let name = r.str()?;
    Namespace::parse(name).or_else(|_| r.fail())
}

pub(super) fn decode_queue_name(r: &mut Reader<'_>) -> Result<QueueName, DecodeError> {
    let name = r.str()?;
    QueueName::parse(name).or_else(|_| r.fail())
}

pub(super) fn decode_key(r: &mut Reader<'_>) -> Result<[u8; 32], DecodeError> {
    r.raw(32)?.try_into().or_else(|_| r.fail())
}

pub(super) fn decode_group_name(r: &mut Reader<'_>) -> Result<GroupName, DecodeError> {
    let name = r.str()?;
    GroupName::parse(name).or_else(|_| r.fail())
}

impl CatalogRecord {
    /// The bytes of a [`crate::ops::CATALOG`] operation.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut w = Writer::new();
        match self {
            Self::Cluster { id } => {
                w.u8(CLUSTER);
                w.raw(&id.0);
            }
            Self::TopicCreated { id, name, first_number, partitions, settings } => {
                w.u8(TOPIC_CREATED);
                w.raw(&id.0);
                w.str(name.as_str());
                w.var(*first_number);
                w.var(u64::from(*partitions));
                encode_settings(&mut w, settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            }
            Self::PartitionsAdded { id, first_number, count } => {
                w.u8(PARTITIONS_ADDED);
                w.raw(&id.0);
                w.var(*first_number);
                w.var(u64::from(*count));
            }
            Self::TopicAltered { id, settings } => {
                w.u8(TOPIC_ALTERED);
                w.raw(&id.0);
                encode_settings(&mut w, settings.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            }
            Self::TopicDeleted { id } => {
                w.u8(TOPIC_DELETED);
                w.raw(&id.0);
            }
            Self::GroupCreated { name, number } => {
                w.u8(GROUP_CREATED);
                w.str(name.as_str());
                w.var(*number);
            }
            Self::GroupDeleted { name } => {
                w.u8(GROUP_DELETED);
                w.str(name.as_str());
            }
            Self::ProducerIds { next } => {
                w.u8(PRODUCER_IDS);
                w.i64(*next);
            }
            Self::QueueCreated { id, namespace, name, first_number, lanes, settings } => {
                w.u8(QUEUE_CREATED);
                w.raw(&id.0);
                w.str(namespace.as_str());
                w.str(name.as_str());
                w.var(*first_number);
                w.u8(*lanes);
                settings.encode(&mut w);
            }
            Self::QueueAltered { id, settings } => {
                w.u8(QUEUE_ALTERED);
                w.raw(&id.0);
                settings.encode(&mut w);
            }
            Self::QueueDeleted { id } => {
                w.u8(QUEUE_DELETED);
                w.raw(&id.0);
            }
            Self::ReceiptKey { key } => {
                w.u8(RECEIPT_KEY);
                w.raw(key);
            }
        }
        w.finish()
    }

    /// Reads a record back.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes, "a catalogue record");
        let record = match r.u8()? {
            CLUSTER => Self::Cluster { id: r.uuid()? },
            TOPIC_CREATED => Self::TopicCreated {
                id: r.uuid()?,
                name: decode_topic_name(&mut r)?,
                first_number: r.var()?,
                partitions: r.var_u32()?,
                settings: decode_settings(&mut r)?,
            },
            PARTITIONS_ADDED => Self::PartitionsAdded { id: r.uuid()?, first_number: r.var()?, count: r.var_u32()? },
            TOPIC_ALTERED => Self::TopicAltered { id: r.uuid()?, settings: decode_settings(&mut r)? },
            TOPIC_DELETED => Self::TopicDeleted { id: r.uuid()? },
            GROUP_CREATED => Self::GroupCreated { name: decode_group_name(&mut r)?, number: r.var()? },
            GROUP_DELETED => Self::GroupDeleted { name: decode_group_name(&mut r)? },
            PRODUCER_IDS => Self::ProducerIds { next: r.i64()? },
            QUEUE_CREATED => Self::QueueCreated {
                id: r.uuid()?,
                namespace: decode_namespace(&mut r)?,
                name: decode_queue_name(&mut r)?,
                first_number: r.var()?,
                lanes: r.u8()?.max(1),
                settings: Box::new(QueueSettings::decode(&mut r)?),
            },
            QUEUE_ALTERED => Self::QueueAltered { id: r.uuid()?, settings: Box::new(QueueSettings::decode(&mut r)?) },
            QUEUE_DELETED => Self::QueueDeleted { id: r.uuid()? },
            RECEIPT_KEY => Self::ReceiptKey { key: decode_key(&mut r)? },
            _ => return r.fail(),
        };
        r.end()?;
        Ok(record)
    }
}
