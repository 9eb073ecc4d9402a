//! What many other channels and many idle subscribers cost: time of a publish with one subscriber, and the server's memory.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::fan_out::{self, Load, Outcome};
use super::protocol::{Speaks, resp};
use crate::process;

/// Channels named in one request.
const PER_REQUEST: usize = 1000;

/// A connection that is subscribed to many channels nobody publishes to, until it is dropped.
pub struct Others(#[expect(dead_code, reason = "its being open is what counts")] Vec<TcpStream>);

/// Subscribes one connection to `count` channels.
///
/// # Errors
/// When the server refuses.
pub fn subscribe(address: SocketAddr, count: usize) -> io::Result<Others> {
    let mut stream = TcpStream::connect(address)?;
    let mut n = 0;
    while n < count {
        let names: Vec<String> = (n..count.min(n + PER_REQUEST)).map(|i| format!("trine-bench-other-{i:06}")).collect();
        let mut parts: Vec<&[u8]> = vec![b"SUBSCRIBE"];
        parts.extend(names.iter().map(String::as_bytes));
        stream.write_all(&resp(&parts))?;
        // Six lines a confirmation: *3, $9, subscribe, its length, its name, its number.
        lines(&mut stream, names.len() * 6)?;
        n += names.len();
    }
    Ok(Others(vec![stream]))
}

/// Opens `count` connections that are subscribed to a channel each and stay idle.
///
/// # Errors
/// When one is refused.
pub fn idle(address: SocketAddr, count: usize) -> io::Result<Others> {
    let mut streams = Vec::new();
    for n in 0..count {
        let mut stream = TcpStream::connect(address)?;
        let name = format!("trine-bench-idle-{n}");
        stream.write_all(&resp(&[b"SUBSCRIBE", name.as_bytes()]))?;
        lines(&mut stream, 6)?;
        streams.push(stream);
    }
    Ok(Others(streams))
}

fn lines(stream: &mut TcpStream, count: usize) -> io::Result<()> {
    let mut buffer = [0; 64 << 10];
    let mut seen = 0;
    while seen < count {
        let n = stream.read(&mut buffer)?;
        let got = buffer.get(..n).unwrap_or_default();
        if n == 0 || got.starts_with(b"-") {
            return Err(io::Error::other(format!("subscribing was answered {:?}", String::from_utf8_lossy(got))));
        }
        seen += got.iter().filter(|byte| **byte == b'\n').count();
    }
    Ok(())
}

/// Publishes one by one to one subscriber.
///
/// # Errors
/// As [`fan_out::run`].
pub fn one_to_one(address: SocketAddr, time: Duration) -> io::Result<Outcome> {
    let load = Load {
        subscribers: 1,
        batch: 1,
        payload: 64,
        warm_up: Duration::from_millis(500),
        time,
        rate: None,
        stalled: 0,
    };
    fan_out::run(address, Speaks::Redis, &load)
}

/// Resident memory of the server, bytes; 0 when nobody knows.
#[must_use]
pub fn memory(pid: Option<u32>) -> u64 {
    pid.and_then(process::usage).map_or(0, |usage| usage.rss)
}
