//! Names of messages.

use std::fmt;

use trine_types::{Offset, Uuid};

/// A message of a queue for ever: its lane (8 bits) and its offset in the lane's log (56 bits). Queues without priorities have lane 0 only, so that there
/// a number is an offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct MessageNumber(pub u64);

impl MessageNumber {
    /// Largest offset a number can hold.
    pub const OFFSET_MAX: Offset = (1 << 56) - 1;

    /// A number from its parts; offsets beyond [`MessageNumber::OFFSET_MAX`] are cut off, which no log reaches.
    #[must_use]
    pub const fn new(lane: u8, offset: Offset) -> Self {
        Self(((lane as u64) << 56) | (offset & Self::OFFSET_MAX))
    }

    /// The number as stored and shown.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// A number from its bits; each is one.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The lane: the higher, the sooner delivered.
    #[must_use]
    pub const fn lane(self) -> u8 {
        (self.0 >> 56) as u8
    }

    /// The offset in the lane's log.
    #[must_use]
    pub const fn offset(self) -> Offset {
        self.0 & Self::OFFSET_MAX
    }

    /// The id of this message in the queue with id `queue`, unless it was moved here: then it has brought its id along. A fixed permutation: different
    /// numbers of one queue have different ids, and nothing needs to be stored (decision Q9).
    #[must_use]
    pub fn message_id(self, queue: Uuid) -> Uuid {
        let (high, low) = queue.0.split_at(8);
        let (high, low) = (word(high), word(low));
        // `mixed` is a bijection of the number; all of its bits go into places that the version and variant bits leave alone.
        let mixed = mix(mix(self.0 ^ high) ^ low);
        let check = mix(mixed ^ high.rotate_left(32) ^ mix(low));
        let (upper, lower) = (mixed >> 4, mixed & 0xf);
        let first = ((upper >> 12) << 16) | 0x4000 | (upper & 0xfff);
        let second = 0x8000_0000_0000_0000 | (lower << 58) | (check >> 6);
        let mut id = [0; 16];
        let (a, b) = id.split_at_mut(8);
        a.copy_from_slice(&first.to_be_bytes());
        b.copy_from_slice(&second.to_be_bytes());
        Uuid(id)
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte))
}

/// A bijection of 64 bits that spreads every bit over all (two rounds of xor-shift and odd multiplication).
const fn mix(mut x: u64) -> u64 {
    x ^= x >> 31;
    x = x.wrapping_mul(0x7fb5_d329_728e_a185);
    x ^= x >> 27;
    x = x.wrapping_mul(0x81da_def4_bc2d_d44d);
    x ^ (x >> 33)
}

/// Lane 0: the offset. Other lanes: `lane:offset`.
impl fmt::Display for MessageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lane() {
            0 => write!(f, "{}", self.offset()),
            lane => write!(f, "{lane}:{}", self.offset()),
        }
    }
}

impl std::str::FromStr for MessageNumber {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            None => Self::new(0, text.parse()?),
            Some((lane, offset)) => Self::new(lane.parse()?, offset.parse()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn parts_round_trip() {
        let number = MessageNumber::new(7, 12);
        assert_eq!((number.lane(), number.offset()), (7, 12));
        assert_eq!(MessageNumber::from_bits(number.to_bits()), number);
        assert_eq!(number.to_string().parse(), Ok(number));
        assert_eq!(MessageNumber::new(0, 9).to_string(), "9");
        assert!("x".parse::<MessageNumber>().is_err());
        assert_eq!(MessageNumber::new(255, u64::MAX).offset(), MessageNumber::OFFSET_MAX);
    }

    #[test]
    fn message_ids_are_distinct_uuids_and_never_change() {
        let queue = Uuid::from_random([7; 16]);
        let mut seen = HashSet::new();
        for lane in 0..4 {
            for offset in 0..20_000 {
                let id = MessageNumber::new(lane, offset).message_id(queue);
                assert_eq!((id.0[6] >> 4, id.0[8] >> 6), (4, 2), "a version 4 uuid");
                assert!(seen.insert(id));
            }
        }
        let other = Uuid::from_random([8; 16]);
        assert!((0..20_000).all(|offset| !seen.contains(&MessageNumber::new(0, offset).message_id(other))));
        // On disk and in clients' hands for ever: must not depend on the build.
        let hex = |id: Uuid| id.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(MessageNumber::new(0, 0).message_id(Uuid::NIL)), "00000000000040008000000000000000");
        assert_eq!(hex(MessageNumber::new(0, 1).message_id(queue)), GOLDEN);
    }

    const GOLDEN: &str = "7c877f9084134e6e9c7f94622d762239";
}
