//! Lists of message numbers: runs of consecutive ones, in the order given.

use super::MessageNumber;
use crate::codec::{DecodeError, Reader, Writer};

/// Most numbers one list can hold. A record of this size is far below the largest batch.
const NUMBERS_MAX: u64 = 1 << 20;

/// Writes runs: distance from the end of the one before (either direction), length.
pub(in crate::queues) fn write_numbers(w: &mut Writer, numbers: &[MessageNumber]) {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((start, len)) if *start + *len == number.0 => *len += 1,
            _ => runs.push((number.0, 1)),
        }
    }
    w.var(runs.len() as u64);
    let mut end = 0_u64;
    for (start, len) in runs {
        w.var(zigzag(start.wrapping_sub(end) as i64));
        w.var(len);
        end = start.wrapping_add(len);
    }
}

/// Reads what [`write_numbers`] wrote. Runs could claim any length, so what they unfold to is bounded.
pub(in crate::queues) fn read_numbers(r: &mut Reader<'_>) -> Result<Vec<MessageNumber>, DecodeError> {
    let (mut numbers, mut end) = (Vec::new(), 0_u64);
    for _ in 0..r.count()? {
        let start = end.wrapping_add(unzigzag(r.var()?) as u64);
        let len = r.var()?;
        if len == 0 || len > NUMBERS_MAX - numbers.len() as u64 {
            return r.fail();
        }
        numbers.extend((0..len).map(|i| MessageNumber(start.wrapping_add(i))));
        end = start.wrapping_add(len);
    }
    Ok(numbers)
}

/// Small for numbers near 0 of either sign.
pub(in crate::queues) const fn zigzag(v: i64) -> u64 {
    ((v << 1) ^ (v >> 63)) as u64
}

/// The number back.
pub(in crate::queues) const fn unzigzag(v: u64) -> i64 {
    ((v >> 1) as i64) ^ -((v & 1) as i64)
}
