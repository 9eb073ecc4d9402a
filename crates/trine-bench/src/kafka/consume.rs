//! Fetching: how fast what is stored can be read, and how many readers a tail can have.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::client::{Answer, Client, Fields};

const FETCH: i16 = 1;
const VERSION: i16 = 11;
/// Bytes of one partition in one answer.
const FETCH_BYTES: i32 = 4 << 20;

/// What readers got.
#[derive(Clone, Copy, Debug, Default)]
pub struct Read {
    /// Bytes of record batches.
    pub bytes: u64,
    /// Offsets passed.
    pub records: u64,
    /// Fetches answered.
    pub fetches: u64,
    /// How long it took.
    pub time: Duration,
}

fn request(topic: &str, partition: u32, offset: u64, max_wait_ms: i32) -> Vec<u8> {
    let mut f = Fields::request(FETCH, VERSION, 9);
    f.i32(-1).i32(max_wait_ms).i32(1).i32(FETCH_BYTES * 2).raw(&[0]).i32(0).i32(-1);
    f.i32(1).str(topic).i32(1).i32(partition as i32).i32(-1).i64(offset as i64).i64(-1).i32(FETCH_BYTES);
    f.i32(0).str("");
    f.frame()
}

/// The high watermark, the bytes of records and the offset after them.
fn answer(frame: &[u8], from: u64) -> io::Result<(u64, u64, u64)> {
    let mut r = Answer(frame);
    let (_throttle, code, _session, topics) = (r.i32()?, r.i16()?, r.i32()?, r.i32()?);
    if code != 0 || topics != 1 {
        return Err(io::Error::other(format!("fetch failed with error {code}")));
    }
    r.skip_str()?;
    let (_partitions, _index, code) = (r.i32()?, r.i32()?, r.i16()?);
    if code != 0 {
        return Err(io::Error::other(format!("fetch failed with error {code}")));
    }
    let (high_watermark, _stable, _start) = (r.i64()?, r.i64()?, r.i64()?);
    for _ in 0..r.i32()?.max(0) {
        r.i64()?;
        r.i64()?;
    }
    r.i32()?;
    let len = usize::try_from(r.i32()?).unwrap_or(0);
    let mut batches = r.0.get(..len).unwrap_or_default();
    let mut next = from;
    while let Some(header) = batches.first_chunk::<27>() {
        let base = u64::from_be_bytes([
            header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7],
        ]);
        let size = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize + 12;
        next = base + u64::from(u32::from_be_bytes([header[23], header[24], header[25], header[26]])) + 1;
        batches = batches.get(size..).unwrap_or_default();
    }
    Ok((high_watermark as u64, len as u64, next))
}

/// Reads a partition from its start to its end, once.
///
/// # Errors
/// When a fetch fails.
pub fn catch_up(address: SocketAddr, topic: &str, partition: u32) -> io::Result<Read> {
    let mut client = Client::connect(address)?;
    let mut read = Read::default();
    let mut offset = 0;
    let start = Instant::now();
    loop {
        let frame = client.call(&request(topic, partition, offset, 0))?;
        let (high_watermark, bytes, next) = answer(&frame, offset)?;
        read.fetches += 1;
        read.bytes += bytes;
        read.records += next - offset;
        offset = next;
        if offset >= high_watermark || bytes == 0 {
            read.time = start.elapsed();
            return Ok(read);
        }
    }
}

/// Follows a partition from its end for a time, as one reader of a live topic.
///
/// # Errors
/// When a fetch fails.
pub fn follow(address: SocketAddr, topic: &str, partition: u32, time: Duration) -> io::Result<Read> {
    let mut client = Client::connect(address)?;
    let mut offset = client.end_offset(topic, partition as i32)? as u64;
    let mut read = Read::default();
    let start = Instant::now();
    while start.elapsed() < time {
        let frame = client.call(&request(topic, partition, offset, 100))?;
        let (_, bytes, next) = answer(&frame, offset)?;
        read.fetches += 1;
        read.bytes += bytes;
        read.records += next - offset;
        offset = next;
    }
    read.time = start.elapsed();
    Ok(read)
}
