//! Identifiers of the engine.

use std::fmt;

/// Position of a record in a log. Starts at 0, consecutive, never reused, never changed.
pub type Offset = u64;

/// Number of hash slots that names fall into; a table maps slots to shard groups.
pub const SLOTS: u16 = 1024;

/// A shard group: a set of entities with one owner, one ordered operation log and its own checkpoints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ShardId(pub u16);

/// Log sequence number: per shard group, dense, one per operation batch. The first batch has LSN 1; 0 means "nothing yet".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The LSN before the first batch.
    pub const ZERO: Self = Self(0);

    /// The LSN of the batch after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A partition, queue, consumer group or the catalogue: `slot` (16 bits, 0–1023) and `number` (48 bits), never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityId(u64);

impl EntityId {
    /// Largest entity number.
    pub const NUMBER_MAX: u64 = (1 << 48) - 1;
    /// The catalogue: slot 0, number 0, always in shard group 0.
    pub const CATALOG: Self = Self(0);

    /// An id from its parts; `None` when a part is out of range.
    #[must_use]
    pub const fn new(slot: u16, number: u64) -> Option<Self> {
        if slot >= SLOTS || number > Self::NUMBER_MAX { None } else { Some(Self(((slot as u64) << 48) | number)) }
    }

    /// The id as stored on disk.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// An id read from disk; `None` when its slot is out of range.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if (bits >> 48) >= SLOTS as u64 { None } else { Some(Self(bits)) }
    }

    /// The hash slot of the entity's name.
    #[must_use]
    pub const fn slot(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// The number within the directory, handed out by the catalogue.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0 & Self::NUMBER_MAX
    }

    /// The shard group that owns the entity in a directory with `shards` groups (locally: slot mod groups).
    #[must_use]
    pub const fn shard(self, shards: u16) -> ShardId {
        ShardId(self.slot() % shards)
    }

    /// The slot of a name: FNV-1a over its bytes, so that it never depends on a library's version.
    #[must_use]
    pub fn slot_of(name: &[u8]) -> u16 {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in name {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        ((hash ^ (hash >> 32)) % u64::from(SLOTS)) as u16
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_ids_keep_their_parts() {
        let id = EntityId::new(1023, EntityId::NUMBER_MAX).unwrap();
        assert_eq!((id.slot(), id.number()), (1023, EntityId::NUMBER_MAX));
        assert_eq!(EntityId::from_bits(id.to_bits()), Some(id));
        assert_eq!(EntityId::new(SLOTS, 0), None);
        assert_eq!(EntityId::new(0, EntityId::NUMBER_MAX + 1), None);
        assert_eq!(EntityId::from_bits(1024 << 48), None);
    }

    #[test]
    fn slots_never_change() {
        // On disk for ever: these values must not depend on the build.
        assert_eq!(EntityId::slot_of(b""), (0xcbf2_9ce4_8422_2325_u64 ^ 0xcbf2_9ce4) as u16 % SLOTS);
        assert_eq!(EntityId::slot_of(b"orders"), EntityId::slot_of(b"orders"));
        assert_ne!(EntityId::slot_of(b"orders"), EntityId::slot_of(b"orders2"));
    }
}
