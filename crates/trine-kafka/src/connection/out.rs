//! Answers on their way to the socket.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io::{self, IoSlice},
};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

use super::Answer;
use crate::memory::Held;

/// Most slices in one system call.
const SLICES_MAX: usize = 64;

#[derive(Default)]
pub(super) struct Out {
    parts: VecDeque<(Bytes, Option<Held>)>,
    bytes: usize,
}

impl Out {
    pub(super) fn push(&mut self, answer: Answer) {
        let Some(frame) = answer.frame else { return };
        self.bytes += frame.len();
        let parts = frame.into_parts();
        let last = parts.len().saturating_sub(1);
        let mut held = answer.held;
        for (i, part) in parts.into_iter().enumerate() {
            self.parts.push_back((part, if i == last { held.take() } else { None }));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes as much as the socket takes at once. Cancelled, nothing was written.
    pub(super) async fn write(&mut self, stream: &TcpStream) -> io::Result<()> {
        loop {
            // Most sockets take the bytes: ask for readiness only when they do not.
            match self.try_write(stream) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.advance(written);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| stream.poll_write_ready(cx)).await?
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn try_write(&self, stream: &TcpStream) -> io::Result<usize> {
        // A single part is common, and a plain write is cheaper.
        if let (Some((part, _)), 1) = (self.parts.front(), self.parts.len()) {
            return stream.try_write(part);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut used = 0;
        for (slot, (part, _)) in slices.iter_mut().zip(&self.parts) {
            *slot = IoSlice::new(part);
            used += 1;
        }
        stream.try_write_vectored(slices.get(..used).unwrap_or_default())
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some((front, _)) = self.parts.front_mut() {
            if written < front.len() {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.parts.pop_front();
        }
    }
}
