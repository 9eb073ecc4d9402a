//! Reading a request's body within bounds: of bytes received (what is announced is only believed when it is too much), of time, and of memory of all
//! connections together.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

/// Largest body in bytes. The largest legal payload is 1 MiB of message text; JSON may spell every byte as `\u00xx` and a form as `%xx`, so the most
/// is six times that, and something for attributes, names and receipt handles.
pub(crate) const BODY_BYTES_MAX: usize = (6 << 20) + (256 << 10);
/// Bytes of each body that need no room.
pub(crate) const BODY_BYTES_FREE: usize = 64 << 10;
/// Memory of all bodies beyond the first bytes of each, in bytes.
pub(crate) const BODIES_BYTES_MAX: usize = 256 << 20;
/// Room is counted in units of so many bytes.
const UNIT_BYTES: usize = 16 << 10;
/// A body up to this size is copied out of the read buffer.
const COPIED_BYTES_MAX: usize = 2 << 10;
/// Longest pause between two parts of a body.
pub(crate) const PART_TIMEOUT: Duration = Duration::from_secs(20);
/// Time for a whole body.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// Room for bodies, shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX / UNIT_BYTES)))
    }
}

impl Room {
    /// Bytes in use, in whole units.
    pub(crate) fn used(&self) -> usize {
        BODIES_BYTES_MAX.saturating_sub(self.0.available_permits() * UNIT_BYTES)
    }
}

/// A body and the room it takes until dropped.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    _room: Vec<OwnedSemaphorePermit>,
}

impl Received {
    /// A body of at most [`BODY_BYTES_FREE`] bytes: it needs no room.
    pub(crate) const fn small(bytes: Bytes) -> Self {
        Self { bytes, _room: Vec::new() }
    }
}

/// Why there is no body.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// More than [`BODY_BYTES_MAX`].
    #[error("the request body is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// It came too slowly, or there was no room for it in time.
    #[error("the request body was not received within {} s", BODY_TIMEOUT.as_secs())]
    TooSlow,
    /// The connection broke, or the framing.
    #[error("the request body is not complete")]
    Broken,
}

/// Reads a whole body.
pub(crate) async fn read<B>(mut body: B, room: &Room) -> Result<Received, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(BodyError::TooLarge);
    }
    let end = Instant::now() + BODY_TIMEOUT;
    let (mut first, mut more) = (Bytes::new(), BytesMut::new());
    let mut held = Vec::new();
    let mut held_bytes = BODY_BYTES_FREE;
    loop {
        let part = timeout_at(end.min(Instant::now() + PART_TIMEOUT), body.frame());
        let frame = match part.await.map_err(|_| BodyError::TooSlow)? {
            None => break,
            Some(frame) => frame.map_err(|_| BodyError::Broken)?,
        };
        // Trailers say nothing to these protocols.
        let Ok(data) = frame.into_data() else { continue };
        let len = first.len() + more.len() + data.len();
        if len > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        while held_bytes < len {
            let taken = timeout_at(end, Arc::clone(&room.0).acquire_owned()).await;
            held.push(taken.map_err(|_| BodyError::TooSlow)?.map_err(|_| BodyError::Broken)?);
            held_bytes += UNIT_BYTES;
        }
        match (first.is_empty(), more.is_empty()) {
            // Most bodies come in one part. A small one is copied: it would hold the connection's read buffer as long as its request is answered, which
            // for a long poll is long.
            (true, true) if data.len() <= COPIED_BYTES_MAX => first = Bytes::copy_from_slice(&data),
            (true, true) => first = data,
            (_, empty) => {
                if empty {
                    more.extend_from_slice(&std::mem::take(&mut first));
                }
                more.extend_from_slice(&data);
            }
        }
    }
    let bytes = if more.is_empty() { first } else { more.freeze() };
    Ok(Received { bytes, _room: held })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use hyper::body::Frame;

    use super::*;

    /// Parts, then the end or silence.
    struct Parts(VecDeque<Bytes>, bool);

    impl Body for Parts {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.0.pop_front() {
                Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
                None if self.1 => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    fn parts(lens: &[usize], ends: bool) -> Parts {
        Parts(lens.iter().map(|len| vec![b'x'; *len].into()).collect(), ends)
    }

    #[tokio::test]
    async fn parts_are_joined_and_room_comes_back() {
        let room = Room::default();
        let received = read(parts(&[10, 0, 5], true), &room).await.unwrap();
        assert_eq!((received.bytes.len(), room.used()), (15, 0));
        let received = read(parts(&[1 << 20, 1 << 20], true), &room).await.unwrap();
        assert_eq!(received.bytes.len(), 2 << 20);
        assert!(room.used() >= (2 << 20) - BODY_BYTES_FREE);
        drop(received);
        assert_eq!(room.used(), 0);
        assert!(read(parts(&[], true), &room).await.unwrap().bytes.is_empty());
    }

    #[tokio::test]
    async fn the_limit_counts_what_comes() {
        let room = Room::default();
        assert_eq!(read(parts(&[BODY_BYTES_MAX], true), &room).await.unwrap().bytes.len(), BODY_BYTES_MAX);
        let error = read(parts(&[BODY_BYTES_MAX, 1], false), &room).await.unwrap_err();
        assert_eq!(error, BodyError::TooLarge);
        assert_eq!(room.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_coming_is_given_up() {
        let began = Instant::now();
        assert_eq!(read(parts(&[10], false), &Room::default()).await.unwrap_err(), BodyError::TooSlow);
        assert_eq!(began.elapsed(), PART_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_a_body_waits_and_then_fails() {
        let room = Room::default();
        let all = Arc::clone(&room.0).acquire_many_owned((BODIES_BYTES_MAX / UNIT_BYTES) as u32).await.unwrap();
        assert!(read(parts(&[BODY_BYTES_FREE], true), &room).await.is_ok(), "small ones need no room");
        assert_eq!(read(parts(&[1 << 20], true), &room).await.unwrap_err(), BodyError::TooSlow);
        drop(all);
        assert!(read(parts(&[1 << 20], true), &room).await.is_ok());
    }
}
