//! The length in front of every request.

/// Most bytes of one request unless configured otherwise (`socket.request.max.bytes`).
pub const FRAME_BYTES_MAX_DEFAULT: usize = 100 << 20;
/// Bytes of the length field.
pub const LENGTH_BYTES: usize = 4;
/// Bytes every request has: API key, version, correlation id, and the length of the client id.
const FRAME_BYTES_MIN: usize = 10;

/// Why a frame is refused before it is read. The connection is closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A negative length.
    #[error("the frame length {0} is negative")]
    Negative(i32),
    /// Shorter than any request header.
    #[error("the frame length {0} is too short for a request")]
    TooShort(usize),
    /// Longer than allowed.
    #[error("the frame of {len} bytes is larger than socket.request.max.bytes = {max}")]
    TooLong { len: usize, max: usize },
    /// The first bytes are a TLS handshake.
    #[error("the client speaks TLS, but this port is plaintext")]
    Tls,
    /// The first bytes are an HTTP request.
    #[error("the client speaks HTTP, but this is a Kafka port")]
    Http,
}

/// The length of the frame that follows these four bytes.
pub fn frame_length(bytes: [u8; LENGTH_BYTES], max: usize) -> Result<usize, FrameError> {
    match &bytes {
        // A TLS record: handshake, version 3.x.
        [0x16, 0x03, 0..=4, _] => return Err(FrameError::Tls),
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" | b"PRI " => return Err(FrameError::Http),
        _ => {}
    }
    let len = i32::from_be_bytes(bytes);
    let Ok(len) = usize::try_from(len) else { return Err(FrameError::Negative(len)) };
    if len < FRAME_BYTES_MIN {
        return Err(FrameError::TooShort(len));
    }
    if len > max {
        return Err(FrameError::TooLong { len, max });
    }
    Ok(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_bounded_before_anything_is_read() {
        let of = |len: i32| frame_length(len.to_be_bytes(), 1000);
        assert_eq!(of(10), Ok(10));
        assert_eq!(of(1000), Ok(1000));
        assert_eq!(of(1001), Err(FrameError::TooLong { len: 1001, max: 1000 }));
        assert_eq!(of(i32::MAX), Err(FrameError::TooLong { len: i32::MAX as usize, max: 1000 }));
        assert_eq!(of(-1), Err(FrameError::Negative(-1)));
        assert_eq!(of(i32::MIN), Err(FrameError::Negative(i32::MIN)));
        assert_eq!(of(0), Err(FrameError::TooShort(0)));
        assert_eq!(of(9), Err(FrameError::TooShort(9)));
    }

    #[test]
    fn other_protocols_are_recognised() {
        for version in 0..=4 {
            assert_eq!(frame_length([0x16, 3, version, 2], FRAME_BYTES_MAX_DEFAULT), Err(FrameError::Tls));
        }
        assert_eq!(frame_length(*b"GET ", FRAME_BYTES_MAX_DEFAULT), Err(FrameError::Http));
        assert_eq!(frame_length(*b"POST", FRAME_BYTES_MAX_DEFAULT), Err(FrameError::Http));
    }
}
