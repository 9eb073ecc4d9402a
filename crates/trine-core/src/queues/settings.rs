//! Settings of a queue, and their stored form.

use std::collections::BTreeMap;

use trine_types::QueueName;

use crate::codec::{DecodeError, Reader, Writer};

/// Everything that can be set on a queue. Durations are milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Whether messages of a group keep their order and are delivered one prefix at a time. Never changes.
    pub fifo: bool,
    /// How long a message stays invisible after it was sent, unless it says so itself. On a FIFO queue a change also applies to what is queued.
    pub delay_ms: u64,
    /// How long a delivery is held, unless the receive says so itself.
    pub visibility_ms: u64,
    /// How long a message is kept after it was first sent, in whatever state.
    pub retention_ms: u64,
    /// How long a receive waits for messages, unless it says so itself.
    pub receive_wait_ms: u64,
    /// Largest message: body and attributes, bytes.
    pub max_message_bytes: u64,
    /// Where messages go that were delivered too often.
    pub dead_letter: Option<DeadLetter>,
    /// Which queues may use this one as their dead-letter queue.
    pub redrive_allow: RedriveAllow,
    /// Whether the deduplication id is the hash of the body unless given (FIFO).
    pub content_dedup: bool,
    /// Whether deduplication looks at the whole queue or at one group.
    pub dedup_scope: DedupScope,
    /// How long an id is remembered from the first accepted send on. 0: ids are not looked at.
    pub dedup_window_ms: u64,
    /// Most messages in flight at once.
    pub in_flight_max: u64,
    /// How long a message is kept from its send on, unless it says so itself.
    pub ttl_ms: Option<u64>,
    /// Most messages that wait (ready or delayed).
    pub max_messages: Option<u64>,
    /// Most bytes of messages that wait (ready or delayed).
    pub max_bytes: Option<u64>,
    /// What happens when a send would exceed one of the two.
    pub overflow: Overflow,
    /// Number of priorities, 0 or 1: none. Never changes.
    pub priorities: u8,
    /// When a send or receive is answered.
    pub durability: QueueDurability,
    /// Nothing is delivered; sends go on.
    pub paused: bool,
    /// Opaque to the broker: an edge's own.
    pub attributes: BTreeMap<String, String>,
    /// Opaque to the broker: the user's own.
    pub tags: BTreeMap<String, String>,
}

/// Where messages go that were delivered too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue they go to, in the same namespace, looked up whenever it is used.
    pub target: QueueName,
    /// Deliveries that a message may have: the one after that moves it instead.
    pub max_receives: u32,
}

/// Which queues may use a queue as their dead-letter queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RedriveAllow {
    /// Any.
    #[default]
    All,
    /// None.
    None,
    /// These.
    From(Vec<QueueName>),
}

/// What a deduplication id is unique in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DedupScope {
    /// The queue.
    #[default]
    Queue,
    /// The message's group.
    Group,
}

/// What happens to a send that exceeds a limit of length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused.
    #[default]
    Reject,
    /// The oldest waiting messages go.
    DropHead,
}

/// When what happens to a queue is answered (decision E7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueDurability {
    /// As the server's setting says.
    #[default]
    Default,
    /// After fdatasync.
    Sync,
    /// Once written; synced at most this many milliseconds later.
    Interval(u32),
    /// Never on disk: after a restart the queue exists and is empty.
    Memory,
}

impl QueueDurability {
    /// Whether nothing of the queue is ever on disk.
    #[must_use]
    pub const fn is_memory(self) -> bool {
        matches!(self, Self::Memory)
    }
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            fifo: false,
            delay_ms: 0,
            visibility_ms: 30_000,
            retention_ms: 345_600_000,
            receive_wait_ms: 0,
            max_message_bytes: 1_048_576,
            dead_letter: None,
            redrive_allow: RedriveAllow::All,
            content_dedup: false,
            dedup_scope: DedupScope::Queue,
            dedup_window_ms: 300_000,
            in_flight_max: 120_000,
            ttl_ms: None,
            max_messages: None,
            max_bytes: None,
            overflow: Overflow::Reject,
            priorities: 0,
            durability: QueueDurability::Default,
            paused: false,
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
        }
    }
}

/// Version byte of stored settings. A reader refuses versions it does not know.
const VERSION: u8 = 1;

// Bits of the flags byte; on disk for ever.
const FLAG_FIFO: u8 = 1;
const FLAG_CONTENT_DEDUP: u8 = 2;
const FLAG_GROUP_SCOPE: u8 = 4;
const FLAG_DROP_HEAD: u8 = 8;
const FLAG_PAUSED: u8 = 16;
const FLAG_DEAD_LETTER: u8 = 32;

const ALLOW_ALL: u8 = 0;
const ALLOW_NONE: u8 = 1;
const ALLOW_FROM: u8 = 2;

const DURABILITY_DEFAULT: u8 = 0;
const DURABILITY_SYNC: u8 = 1;
const DURABILITY_INTERVAL: u8 = 2;
const DURABILITY_MEMORY: u8 = 3;

impl QueueSettings {
    /// How many lanes (logs) the queue has: one per priority.
    #[must_use]
    pub const fn lanes(&self) -> u8 {
        if self.priorities == 0 { 1 } else { self.priorities }
    }

    /// Why these settings cannot belong to a queue, in words that name setting and value. Ranges that a protocol adds are its edge's business.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.fifo && self.priorities > 1 {
            return Err(SettingsError::FifoWithPriorities { priorities: self.priorities });
        }
        if self.in_flight_max == 0 {
            return Err(SettingsError::Zero { name: "in_flight_max" });
        }
        if self.retention_ms == 0 {
            return Err(SettingsError::Zero { name: "retention_ms" });
        }
        if self.dead_letter.as_ref().is_some_and(|policy| policy.max_receives == 0) {
            return Err(SettingsError::Zero { name: "dead_letter.max_receives" });
        }
        Ok(())
    }

    /// Why a queue with these settings cannot get `new` ones.
    pub fn check_alter(&self, new: &Self) -> Result<(), SettingsError> {
        new.check()?;
        if self.fifo != new.fifo {
            return Err(SettingsError::Fixed { name: "fifo" });
        }
        if self.lanes() != new.lanes() {
            return Err(SettingsError::Fixed { name: "priorities" });
        }
        Ok(())
    }

    /// The stored form.
    pub fn encode(&self, w: &mut Writer) {
        w.u8(VERSION);
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        w.u8(flag(self.fifo, FLAG_FIFO)
            | flag(self.content_dedup, FLAG_CONTENT_DEDUP)
            | flag(self.dedup_scope == DedupScope::Group, FLAG_GROUP_SCOPE)
            | flag(self.overflow == Overflow::DropHead, FLAG_DROP_HEAD)
            | flag(self.paused, FLAG_PAUSED)
            | flag(self.dead_letter.is_some(), FLAG_DEAD_LETTER));
        for value in [
            self.delay_ms,
            self.visibility_ms,
            self.retention_ms,
            self.receive_wait_ms,
            self.max_message_bytes,
            self.dedup_window_ms,
            self.in_flight_max,
        ] {
            w.var(value);
        }
        for value in [self.ttl_ms, self.max_messages, self.max_bytes] {
            // One more than the value; 0 for none. A limit of u64::MAX is none.
            w.var(value.map_or(0, |value| value.saturating_add(1)));
        }
        if let Some(policy) = &self.dead_letter {
            w.str(policy.target.as_str());
            w.var(u64::from(policy.max_receives));
        }
        match &self.redrive_allow {
            RedriveAllow::All => w.u8(ALLOW_ALL),
            RedriveAllow::None => w.u8(ALLOW_NONE),
            RedriveAllow::From(names) => {
                w.u8(ALLOW_FROM);
                w.var(names.len() as u64);
                names.iter().for_each(|name| w.str(name.as_str()));
            }
        }
        w.u8(self.priorities);
        match self.durability {
            QueueDurability::Default => w.u8(DURABILITY_DEFAULT),
            QueueDurability::Sync => w.u8(DURABILITY_SYNC),
            QueueDurability::Interval(ms) => {
                w.u8(DURABILITY_INTERVAL);
                w.var(u64::from(ms));
            }
            QueueDurability::Memory => w.u8(DURABILITY_MEMORY),
        }
        for map in [&self.attributes, &self.tags] {
            w.var(map.len() as u64);
            for (key, value) in map {
                w.str(key);
                w.str(value);
            }
        }
    }

    /// Settings back from [`QueueSettings::encode`].
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.u8()? != VERSION {
            return r.fail();
        }
        let flags = r.u8()?;
        let is = |bit: u8| flags & bit != 0;
        let mut numbers = [0; 7];
        for number in &mut numbers {
            *number = r.var()?;
        }
        let [delay_ms, visibility_ms, retention_ms, receive_wait_ms, max_message_bytes, dedup_window_ms, in_flight_max] =
            numbers;
        let mut options = [None; 3];
        for option in &mut options {
            *option = r.var()?.checked_sub(1);
        }
        let [ttl_ms, max_messages, max_bytes] = options;
        let dead_letter =
            if is(FLAG_DEAD_LETTER) { Some(DeadLetter { target: name(r)?, max_receives: r.var_u32()? }) } else { None };
        let redrive_allow = match r.u8()? {
            ALLOW_ALL => RedriveAllow::All,
            ALLOW_NONE => RedriveAllow::None,
            ALLOW_FROM => {
                let mut names = Vec::new();
                for _ in 0..r.count()? {
                    names.push(name(r)?);
                }
                RedriveAllow::From(names)
            }
            _ => return r.fail(),
        };
        let priorities = r.u8()?;
        let durability = match r.u8()? {
            DURABILITY_DEFAULT => QueueDurability::Default,
            DURABILITY_SYNC => QueueDurability::Sync,
            DURABILITY_INTERVAL => QueueDurability::Interval(r.var_u32()?),
            DURABILITY_MEMORY => QueueDurability::Memory,
            _ => return r.fail(),
        };
        Ok(Self {
            fifo: is(FLAG_FIFO),
            delay_ms,
            visibility_ms,
            retention_ms,
            receive_wait_ms,
            max_message_bytes,
            dead_letter,
            redrive_allow,
            content_dedup: is(FLAG_CONTENT_DEDUP),
            dedup_scope: if is(FLAG_GROUP_SCOPE) { DedupScope::Group } else { DedupScope::Queue },
            dedup_window_ms,
            in_flight_max,
            ttl_ms,
            max_messages,
            max_bytes,
            overflow: if is(FLAG_DROP_HEAD) { Overflow::DropHead } else { Overflow::Reject },
            priorities,
            durability,
            paused: is(FLAG_PAUSED),
            attributes: map(r)?,
            tags: map(r)?,
        })
    }
}

fn name(r: &mut Reader<'_>) -> Result<QueueName, DecodeError> {
    QueueName::parse(r.str()?).or_else(|_| r.fail())
}

fn map(r: &mut Reader<'_>) -> Result<BTreeMap<String, String>, DecodeError> {
    let mut map = BTreeMap::new();
    for _ in 0..r.count()? {
        map.insert(r.str()?.to_owned(), r.str()?.to_owned());
    }
    Ok(map)
}

/// Why settings were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Order in a group and priorities exclude each other.
    #[error("a FIFO queue cannot have priorities; priorities is {priorities}")]
    FifoWithPriorities {
        /// What was asked for.
        priorities: u8,
    },
    /// A setting that must be positive.
    #[error("{name} must be at least 1; it is 0")]
    Zero {
        /// Its name.
        name: &'static str,
    },
    /// A setting that is chosen when the queue is made.
    #[error("{name} of an existing queue cannot be changed")]
    Fixed {
        /// Its name.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(settings: &QueueSettings) {
        let mut w = Writer::new();
        settings.encode(&mut w);
        let bytes = w.finish();
        let mut r = Reader::new(&bytes, "test");
        assert_eq!(QueueSettings::decode(&mut r).as_ref(), Ok(settings));
        assert_eq!(r.end(), Ok(()));
        for cut in 0..bytes.len() {
            let mut r = Reader::new(&bytes[..cut], "test");
            assert!(QueueSettings::decode(&mut r).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn settings_round_trip() {
        round_trip(&QueueSettings::default());
        let name = |text: &str| QueueName::parse(text).unwrap();
        round_trip(&QueueSettings {
            fifo: true,
            delay_ms: 1,
            visibility_ms: 0,
            retention_ms: u64::MAX,
            receive_wait_ms: 20_000,
            max_message_bytes: 1024,
            dead_letter: Some(DeadLetter { target: name("döad"), max_receives: 1000 }),
            redrive_allow: RedriveAllow::From(vec![name("a"), name("b")]),
            content_dedup: true,
            dedup_scope: DedupScope::Group,
            dedup_window_ms: 1,
            in_flight_max: 5,
            ttl_ms: Some(0),
            max_messages: Some(7),
            max_bytes: Some(u64::MAX - 1),
            overflow: Overflow::DropHead,
            priorities: 10,
            durability: QueueDurability::Interval(50),
            paused: true,
            attributes: BTreeMap::from([("Policy".to_owned(), "{}".to_owned())]),
            tags: BTreeMap::from([("team".to_owned(), "ä".to_owned())]),
        });
        for durability in [QueueDurability::Sync, QueueDurability::Memory] {
            round_trip(&QueueSettings { durability, redrive_allow: RedriveAllow::None, ..QueueSettings::default() });
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let base = QueueSettings::default();
        assert_eq!(base.check(), Ok(()));
        let fifo = QueueSettings { fifo: true, priorities: 3, ..base.clone() };
        assert_eq!(fifo.check(), Err(SettingsError::FifoWithPriorities { priorities: 3 }));
        let none = QueueSettings { in_flight_max: 0, ..base.clone() };
        assert_eq!(none.check().unwrap_err().to_string(), "in_flight_max must be at least 1; it is 0");
        let changed = QueueSettings { fifo: true, ..base.clone() };
        assert_eq!(base.check_alter(&changed), Err(SettingsError::Fixed { name: "fifo" }));
        let lanes = QueueSettings { priorities: 2, ..base.clone() };
        assert_eq!(base.check_alter(&lanes), Err(SettingsError::Fixed { name: "priorities" }));
        assert_eq!(base.check_alter(&QueueSettings { paused: true, ..base.clone() }), Ok(()));
    }
}
