//! Produce requests, built once and sent many times.

use crate::load::Exchange;

use super::client::{Answer, Fields};

const PRODUCE: i16 = 0;
/// The last version of the old encoding.
const VERSION: i16 = 8;
/// Where the correlation id stands in a frame.
const CORRELATION_AT: usize = 8;

/// Requests with more bytes are sent from where they lie; only what stands before the rest of a frame is written for each.
const COPY_BYTES_MAX: usize = 8 << 10;
/// Bytes of a frame up to the end of its correlation id.
const HEAD_BYTES: usize = CORRELATION_AT + 4;

/// Produces one batch a request, to a partition that depends on the connection.
pub struct Produce {
    /// One frame per partition.
    frames: Vec<Vec<u8>>,
    records: u64,
}

impl Produce {
    /// Requests of `records` records of `bytes` each (the value; no key) with acks = all.
    #[must_use]
    pub fn new(topic: &str, partitions: u32, bytes: usize, records: u32) -> Self {
        let batch = batch(bytes, records);
        let frames = (0..partitions.max(1))
            .map(|partition| {
                let mut f = Fields::request(PRODUCE, VERSION, 0);
                f.i16(-1).i16(-1).i32(30_000).i32(1).str(topic).i32(1).i32(partition as i32);
                f.i32(batch.len() as i32).raw(&batch);
                f.frame()
            })
            .collect();
        Self { frames, records: u64::from(records) }
    }

    fn frame(&self, connection: usize) -> &[u8] {
        self.frames.get(connection % self.frames.len().max(1)).map_or(&[], Vec::as_slice)
    }

    /// Size of a request without its length.
    #[must_use]
    pub fn request_bytes(&self) -> usize {
        self.frames.first().map_or(0, |frame| frame.len() - 4)
    }

    /// Size of an answer without its length, for a topic of this name.
    #[must_use]
    pub const fn answer_bytes(topic: &str) -> usize {
        // correlation, topics, name, partitions, index, error, offset, append time, log start, record errors, message, throttle
        4 + 4 + 2 + topic.len() + 4 + 4 + 2 + 8 + 8 + 8 + 4 + 2 + 4
    }
}

/// A record batch v2 without compression, producer or keys.
#[must_use]
pub fn batch(value_bytes: usize, records: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for delta in 0..records {
        let mut record = vec![0_u8];
        varint(&mut record, 0);
        varint(&mut record, i64::from(delta));
        varint(&mut record, -1);
        varint(&mut record, value_bytes as i64);
        record.extend((0..value_bytes).map(|i| (i % 251) as u8));
        varint(&mut record, 0);
        varint(&mut body, record.len() as i64);
        body.extend_from_slice(&record);
    }
    let mut tail = Vec::new();
    tail.extend_from_slice(&0_i16.to_be_bytes());
    tail.extend_from_slice(&(records as i32 - 1).to_be_bytes());
    for _ in 0..2 {
        tail.extend_from_slice(&1_700_000_000_000_i64.to_be_bytes());
    }
    tail.extend_from_slice(&(-1_i64).to_be_bytes());
    tail.extend_from_slice(&(-1_i16).to_be_bytes());
    tail.extend_from_slice(&(-1_i32).to_be_bytes());
    tail.extend_from_slice(&(records as i32).to_be_bytes());
    tail.extend_from_slice(&body);
    let mut out = Vec::new();
    out.extend_from_slice(&0_i64.to_be_bytes());
    out.extend_from_slice(&(tail.len() as i32 + 9).to_be_bytes());
    out.extend_from_slice(&(-1_i32).to_be_bytes());
    out.push(2);
    out.extend_from_slice(&crc32c::crc32c(&tail).to_be_bytes());
    out.extend_from_slice(&tail);
    out
}

fn varint(out: &mut Vec<u8>, v: i64) {
    let mut v = ((v << 1) ^ (v >> 63)) as u64;
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

impl Exchange for Produce {
    fn request(&self, connection: usize, number: u32, out: &mut Vec<u8>) {
        let start = out.len();
        let frame = self.frame(connection);
        let copied = if frame.len() > COPY_BYTES_MAX { HEAD_BYTES } else { frame.len() };
        out.extend_from_slice(frame.get(..copied).unwrap_or_default());
        if let Some(slot) = out.get_mut(start + CORRELATION_AT..start + CORRELATION_AT + 4) {
            slot.copy_from_slice(&number.to_be_bytes());
        }
    }

    fn tail(&self, connection: usize) -> &[u8] {
        let frame = self.frame(connection);
        if frame.len() > COPY_BYTES_MAX { frame.get(HEAD_BYTES..).unwrap_or_default() } else { &[] }
    }

    fn answer(&self, number: u32, frame: &[u8]) -> Result<u64, String> {
        let mut r = Answer(frame);
        let read = |r: &mut Answer<'_>| -> std::io::Result<(i32, i16)> {
            let correlation = r.i32()?;
            r.i32()?;
            r.skip_str()?;
            r.i32()?;
            r.i32()?;
            Ok((correlation, r.i16()?))
        };
        match read(&mut r) {
            Ok((correlation, 0)) if correlation == number as i32 => Ok(self.records),
            Ok((correlation, 0)) => Err(format!("answer {correlation} came where {number} was next")),
            Ok((_, code)) => Err(format!("produce failed with error {code}")),
            Err(error) => Err(format!("an answer is too short: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_says_its_own_size_and_checksum() {
        let batch = batch(100, 3);
        let len = i32::from_be_bytes(batch[8..12].try_into().unwrap());
        assert_eq!(batch.len(), 12 + len as usize);
        let crc = u32::from_be_bytes(batch[17..21].try_into().unwrap());
        assert_eq!(crc, crc32c::crc32c(&batch[21..]));
    }

    #[test]
    fn requests_carry_their_number() {
        let produce = Produce::new("t", 2, 10, 1);
        let mut out = Vec::new();
        produce.request(1, 77, &mut out);
        assert_eq!(crate::load::frame(&out).unwrap().len(), produce.request_bytes());
        assert_eq!(out[8..12], 77_i32.to_be_bytes());
    }

    #[test]
    fn large_requests_come_in_two_parts() {
        let produce = Produce::new("t", 2, COPY_BYTES_MAX, 1);
        let mut out = Vec::new();
        produce.request(1, 77, &mut out);
        assert_eq!(out.len(), HEAD_BYTES);
        out.extend_from_slice(produce.tail(1));
        assert_eq!(crate::load::frame(&out).unwrap().len(), produce.request_bytes());
        assert_eq!(out[8..12], 77_i32.to_be_bytes());
    }
}
