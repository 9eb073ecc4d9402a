//! Receipts: what a consumer shows to settle a message. Opaque to everybody else, and nobody can make one up.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use trine_core::queues::MessageNumber;
use trine_types::{EntityId, Timestamp};

/// The first byte of a receipt: its format.
const VERSION: u8 = 2;
/// Bytes that are signed: version, entity, number, receive count, stamp.
const SIGNED: usize = 1 + 8 + 8 + 4 + 4;
/// Bytes of the signature: 128 bits of HMAC-SHA-256 cannot be guessed.
const MAC: usize = 16;
/// Characters of a receipt as text.
const TEXT: usize = ((SIGNED + MAC) * 4).div_ceil(3);

/// Says that a message was delivered for the n-th time. Made by the broker under the data directory's own key, so that it outlives a restart; another
/// one on each delivery.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    entity: EntityId,
    number: MessageNumber,
    count: u32,
    stamp: u32,
    mac: [u8; MAC],
}

/// Makes receipts and knows its own.
#[derive(Clone)]
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // A key of the hash's own length is always taken.
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// The receipt of a delivery.
    pub(crate) fn sign(&self, entity: EntityId, number: MessageNumber, count: u32, sent_at: Timestamp) -> Receipt {
        let mut receipt = Receipt { entity, number, count, stamp: stamp_of(sent_at), mac: [0; MAC] };
        let full = self.hmac(&receipt).finalize().into_bytes();
        if let Some(head) = full.first_chunk::<MAC>() {
            receipt.mac = *head;
        }
        receipt
    }

    /// Whether this server issued a receipt. Takes as long whatever is wrong with it.
    pub(crate) fn is_genuine(&self, receipt: &Receipt) -> bool {
        self.hmac(receipt).verify_truncated_left(&receipt.mac).is_ok()
    }

    fn hmac(&self, receipt: &Receipt) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&receipt.signed());
        mac
    }
}

impl Receipt {
    pub(crate) const fn entity(&self) -> EntityId {
        self.entity
    }

    /// The message's number in its queue.
    #[must_use]
    pub const fn number(&self) -> MessageNumber {
        self.number
    }

    /// How often the message had been delivered, that time included.
    #[must_use]
    pub const fn receive_count(&self) -> u32 {
        self.count
    }

    /// Tells the message from another that got its number after a crash undid it.
    pub(crate) const fn stamp(&self) -> u32 {
        self.stamp
    }

    fn signed(&self) -> [u8; SIGNED] {
        let mut bytes = [0; SIGNED];
        bytes[0] = VERSION;
        bytes[1..9].copy_from_slice(&self.entity.to_bits().to_le_bytes());
        bytes[9..17].copy_from_slice(&self.number.0.to_le_bytes());
        bytes[17..21].copy_from_slice(&self.count.to_le_bytes());
        bytes[21..25].copy_from_slice(&self.stamp.to_le_bytes());
        bytes
    }

    /// The receipt as URL-safe text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = [0; SIGNED + MAC];
        bytes[..SIGNED].copy_from_slice(&self.signed());
        bytes[SIGNED..].copy_from_slice(&self.mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads [`Receipt::to_text`] back; `None` when the text is none. Whether this server issued it shows when it is used.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != TEXT {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signed, mac) = bytes.split_first_chunk::<SIGNED>()?;
        let at = |range: std::ops::Range<usize>| signed.get(range)?.try_into().ok();
        if signed[0] != VERSION {
            return None;
        }
        Some(Self {
            entity: EntityId::from_bits(u64::from_le_bytes(at(1..9)?))?,
            number: MessageNumber(u64::from_le_bytes(at(9..17)?)),
            count: u32::from_le_bytes(signed.get(17..21)?.try_into().ok()?),
            stamp: u32::from_le_bytes(signed.get(21..25)?.try_into().ok()?),
            mac: mac.try_into().ok()?,
        })
    }
}

/// The stamp of a message: the lower half of the time at which it was sent. Two messages that had one number in turn were sent before and after a crash.
pub(crate) const fn stamp_of(sent_at: Timestamp) -> u32 {
    sent_at.0 as u32
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Receipt({}, {:?}, {})", self.entity, self.number, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn receipt() -> Receipt {
        Signer::new(&KEY).sign(EntityId::new(5, 77).unwrap(), MessageNumber(1 << 57 | 9), 3, Timestamp(1 << 40 | 5))
    }

    #[test]
    fn the_text_round_trips_and_is_short() {
        let text = receipt().to_text();
        assert_eq!((Receipt::parse(&text), text.len()), (Some(receipt()), TEXT));
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        assert!(Signer::new(&KEY).is_genuine(&receipt()));
    }

    #[test]
    fn no_bit_can_be_changed() {
        let bytes = URL_SAFE_NO_PAD.decode(receipt().to_text()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let parsed = Receipt::parse(&URL_SAFE_NO_PAD.encode(&bad));
            assert!(parsed.is_none_or(|parsed| !Signer::new(&KEY).is_genuine(&parsed)), "bit {bit}");
        }
        assert!(!Signer::new(&[8; 32]).is_genuine(&receipt()), "another directory's key");
    }

    #[test]
    fn rubbish_is_none() {
        for text in ["", "x", &"A".repeat(TEXT), &"!".repeat(TEXT), &"A".repeat(1024), "ää"] {
            assert_eq!(Receipt::parse(text), None, "{text}");
        }
    }
}
