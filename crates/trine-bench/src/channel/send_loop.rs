//! What the kernel alone gives: a server that parses nothing, answers every publish and sends each subscriber the frames of a whole batch with one call.
//! It runs in a process of its own, so that it can be pinned to a core as the measured server is.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::protocol::{Speaks, Words, resp};

/// Serves one run of a fan-out load: `subscribers` connections that subscribe, then one that publishes batches of `batch` messages of `payload` bytes.
/// Returns when the publisher is gone.
///
/// # Errors
/// When a connection breaks or does not do what was agreed.
pub fn serve(listener: &TcpListener, subscribers: usize, batch: usize, payload: usize) -> io::Result<()> {
    let words = Words::new(Speaks::Redis, payload);
    let (request, answer) = Words::subscribe(Speaks::Redis, super::CHANNEL);
    let mut sockets = Vec::new();
    for _ in 0..subscribers {
        let mut stream = accept(listener)?;
        let mut got = vec![0; request.len()];
        stream.read_exact(&mut got)?;
        stream.write_all(&answer)?;
        sockets.push(stream);
    }
    let mut publisher = accept(listener)?;
    let deliveries = words.delivery.repeat(batch);
    let replies = format!(":{subscribers}\r\n").repeat(batch);
    let mut requests = vec![0; words.publish.len() * batch];
    debug_assert_eq!(words.publish, resp(&[b"PUBLISH", super::CHANNEL.as_bytes(), &vec![b'x'; payload]]));
    loop {
        match publisher.read_exact(&mut requests) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        publisher.write_all(replies.as_bytes())?;
        for socket in &mut sockets {
            socket.write_all(&deliveries)?;
        }
    }
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fan_out::{Load, run};
    use super::*;

    #[test]
    fn every_message_reaches_every_subscriber() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || serve(&listener, 5, 16, 100));
        let load = Load {
            subscribers: 5,
            batch: 16,
            payload: 100,
            warm_up: Duration::ZERO,
            time: Duration::from_secs(1),
            rate: None,
            stalled: 0,
        };
        // It fails by itself when a message is missing or is not what was published.
        let outcome = run(address, Speaks::Redis, &load).unwrap();
        assert!(outcome.deliveries > 0 && outcome.published > 0);
        server.join().unwrap().unwrap();
    }
}
