//! CLUSTER KEYSLOT key, COUNTKEYSINSLOT slot, GETKEYSINSLOT slot count: which of the 16 384 slots a key belongs to, and that there are no keys.

use bytes::Bytes;

use super::SLOTS;
use crate::{
    commands::{Ctx, Flow, NOT_AN_INTEGER},
    wire::decimal,
};

/// CRC-16/XMODEM of all bytes: polynomial 0x1021, nothing reflected, nothing added.
const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The slot of a key. Of a key with `{tag}` only the tag counts, if it is not empty.
pub(crate) fn of(key: &[u8]) -> u16 {
    let tag = memchr::memchr(b'{', key).and_then(|open| {
        let after = key.get(open + 1..)?;
        let close = memchr::memchr(b'}', after).filter(|close| *close > 0)?;
        after.get(..close)
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| crc << 8 ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

pub(crate) fn keyslot(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    ctx.out.int(args.get(2).map_or(0, |key| i64::from(of(key))));
    Flow::Continue
}

pub(crate) fn countkeysinslot(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args.get(2).and_then(|slot| decimal(slot)) {
        None => ctx.out.error(NOT_AN_INTEGER),
        Some(slot) if !(0..i64::from(SLOTS)).contains(&slot) => ctx.out.error("ERR Invalid slot"),
        Some(_) => ctx.out.int(0),
    }
    Flow::Continue
}

pub(crate) fn getkeysinslot(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let number = |at: usize| args.get(at).and_then(|arg| decimal(arg));
    match (number(2), number(3)) {
        (None, _) | (_, None) => ctx.out.error(NOT_AN_INTEGER),
        (Some(slot), Some(count)) if !(0..i64::from(SLOTS)).contains(&slot) || count < 0 => {
            ctx.out.error("ERR Invalid slot or number of keys");
        }
        _ => ctx.out.array(0),
    }
    Flow::Continue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (key, slot) in
            [("foo", 12_182), ("{foo}bar", 12_182), ("a{foo}{bar}", 12_182), ("", 0), ("123456789", 12_739)]
        {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
        // No tag: empty, never closed, closed before.
        for key in ["{}foo", "{foo", "}{foo", "foo{}{foo}"] {
            assert_eq!(of(key.as_bytes()), crc16(key.as_bytes()) % SLOTS, "{key}");
        }
    }
}
