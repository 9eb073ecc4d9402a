//! Size instead of speed: many partitions, many connections.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::kafka::client::{Answer, Client, Fields};
use crate::kafka::produce::batch;

const METADATA: i16 = 3;
const PRODUCE: i16 = 0;
const API_VERSIONS: i16 = 18;
/// Requests in flight while many partitions are written to.
const WINDOW: usize = 64;

/// Name of the nth topic.
#[must_use]
pub fn topic(n: u32) -> String {
    format!("trine-bench-scale-{n}")
}

/// Creates `topics` topics of `partitions` each.
///
/// # Errors
/// When the server refuses.
pub fn create(address: SocketAddr, topics: u32, partitions: u32) -> io::Result<Duration> {
    let mut client = Client::connect(address)?;
    let begun = Instant::now();
    for n in 0..topics {
        client.create_topic(&topic(n), partitions as i32, &[])?;
    }
    Ok(begun.elapsed())
}

/// Asks for everything there is: how long the answer takes, and its size in bytes.
///
/// # Errors
/// When the connection breaks.
pub fn list(address: SocketAddr) -> io::Result<(Duration, usize)> {
    let mut client = Client::connect(address)?;
    let mut f = Fields::request(METADATA, 1, 7);
    f.i32(-1);
    let frame = f.frame();
    let begun = Instant::now();
    let answer = client.call(&frame)?;
    Ok((begun.elapsed(), answer.len()))
}

/// Writes one record of 100 bytes to each of `count` partitions, spread over all, a request each.
///
/// # Errors
/// When the server refuses one.
pub fn touch(address: SocketAddr, topics: u32, partitions: u32, count: u32) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let batch = batch(100, 1);
    let all = u64::from(topics) * u64::from(partitions);
    let begun = Instant::now();
    let (mut sent, mut answered) = (0, 0);
    while answered < count {
        while sent < count && ((sent - answered) as usize) < WINDOW {
            // A step that shares no factor with a power of ten visits partitions in no particular order, each once.
            let at = u64::from(sent) * 7_919 % all;
            let (topic_no, partition) = ((at / u64::from(partitions)) as u32, (at % u64::from(partitions)) as i32);
            let mut f = Fields::request(PRODUCE, 8, sent as i32);
            f.i16(-1).i16(-1).i32(30_000).i32(1).str(&topic(topic_no)).i32(1).i32(partition);
            f.i32(batch.len() as i32).raw(&batch);
            stream.write_all(&f.frame())?;
            sent += 1;
        }
        let answer = read_frame(&mut stream)?;
        let mut r = Answer(&answer);
        let (_correlation, _topics) = (r.i32()?, r.i32()?);
        r.skip_str()?;
        let (_partitions, _index, code) = (r.i32()?, r.i32()?, r.i16()?);
        if code != 0 {
            return Err(io::Error::other(format!("produce failed with error {code}")));
        }
        answered += 1;
    }
    Ok(begun.elapsed())
}

fn read_frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let mut frame = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}

/// Opens `count` connections that ask for the versions once and then say nothing. They close when dropped.
///
/// # Errors
/// When one is refused.
pub fn connect(address: SocketAddr, count: usize) -> io::Result<Vec<TcpStream>> {
    let frame = Fields::request(API_VERSIONS, 0, 1).frame();
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(&frame)?;
        read_frame(&mut stream)?;
        connections.push(stream);
    }
    Ok(connections)
}
