//! What goes over the wire, so that one generator loads servers of either protocol: everything has a known length.

/// Name of the channel that is published to.
pub const CHANNEL: &str = "trine-bench";
/// What NATS servers ask and clients answer to stay connected.
pub(super) const NATS_PING: &[u8] = b"PING\r\n";
/// The answer to [`NATS_PING`].
pub(super) const NATS_PONG: &[u8] = b"PONG\r\n";

/// Which protocol the server speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaks {
    /// Redis, RESP2.
    Redis,
    /// NATS core.
    Nats,
}

/// The bytes of one run.
pub(super) struct Words {
    pub(super) speaks: Speaks,
    /// One publish.
    pub(super) publish: Vec<u8>,
    /// Written behind each batch of publishes.
    pub(super) batch_end: &'static [u8],
    /// One delivery.
    pub(super) delivery: Vec<u8>,
}

impl Words {
    pub(super) fn new(speaks: Speaks, payload: usize) -> Self {
        let payload = vec![b'x'; payload];
        match speaks {
            Speaks::Redis => Self {
                speaks,
                publish: resp(&[b"PUBLISH", CHANNEL.as_bytes(), &payload]),
                batch_end: b"",
                delivery: resp(&[b"message", CHANNEL.as_bytes(), &payload]),
            },
            Speaks::Nats => Self {
                speaks,
                publish: nats(&format!("PUB {CHANNEL} {}", payload.len()), &payload),
                batch_end: NATS_PING,
                delivery: nats(&format!("MSG {CHANNEL} 1 {}", payload.len()), &payload),
            },
        }
    }

    /// The whole request that subscribes to one channel, and what the server answers.
    pub(super) fn subscribe(speaks: Speaks, channel: &str) -> (Vec<u8>, Vec<u8>) {
        match speaks {
            Speaks::Redis => {
                let mut answer = resp(&[b"subscribe", channel.as_bytes(), b"1"]);
                // The third element is a number, not a string.
                answer.truncate(answer.len() - b"$1\r\n1\r\n".len());
                answer.extend_from_slice(b":1\r\n");
                (resp(&[b"SUBSCRIBE", channel.as_bytes()]), answer)
            }
            Speaks::Nats => (format!("SUB {channel} 1\r\nPING\r\n").into_bytes(), NATS_PONG.to_vec()),
        }
    }
}

/// An array of bulk strings: a request, and as frame of a message the same bytes.
pub(super) fn resp(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn nats(line: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = line.as_bytes().to_vec();
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_the_protocols_say() {
        let words = Words::new(Speaks::Redis, 2);
        assert_eq!(words.publish, b"*3\r\n$7\r\nPUBLISH\r\n$11\r\ntrine-bench\r\n$2\r\nxx\r\n");
        assert_eq!(words.delivery, b"*3\r\n$7\r\nmessage\r\n$11\r\ntrine-bench\r\n$2\r\nxx\r\n");
        let (request, answer) = Words::subscribe(Speaks::Redis, "c");
        assert_eq!(request, b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n");
        assert_eq!(answer, b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
        let words = Words::new(Speaks::Nats, 2);
        assert_eq!(words.publish, b"PUB trine-bench 2\r\nxx\r\n");
        assert_eq!(words.delivery, b"MSG trine-bench 1 2\r\nxx\r\n");
    }
}
