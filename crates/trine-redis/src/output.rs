//! What waits to be written to one connection. Small frames are copied one behind the other, so that a batch of them is one slice of one system call;
//! large ones are shared by all their receivers. An empty queue holds no memory.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;

/// A contiguous chunk takes no more frames beyond this size.
const CHUNK_BYTES_MAX: usize = 64 << 10;
/// First size of a chunk, when nothing is known.
const CHUNK_BYTES_MIN: usize = 256;
/// A chunk starts at most so large, however much the last one held.
const CHUNK_BYTES_HINT_MAX: usize = 32 << 10;
/// Most slices of one system call.
pub(crate) const SLICES_MAX: usize = 64;

/// A queue of bytes.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Older than `tail`.
    front: VecDeque<Bytes>,
    /// The newest small frames.
    tail: Vec<u8>,
    /// Written bytes of the first part.
    written: usize,
    bytes: usize,
    /// What the tail held when it was last full or written.
    hint: usize,
}

impl Output {
    /// Bytes queued.
    pub(crate) const fn len(&self) -> usize {
        self.bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Appends by copying.
    pub(crate) fn copy(&mut self, frame: &[u8]) {
        self.room(frame.len()).extend_from_slice(frame);
        self.bytes += frame.len();
    }

    /// Appends by copying, with another first byte: RESP2 and RESP3 pushes differ in nothing else.
    pub(crate) fn copy_as(&mut self, first: u8, frame: &[u8]) {
        let Some((_, rest)) = frame.split_first() else { return };
        let tail = self.room(frame.len());
        tail.push(first);
        tail.extend_from_slice(rest);
        self.bytes += frame.len();
    }

    /// Appends without copying.
    pub(crate) fn share(&mut self, frame: Bytes) {
        if frame.is_empty() {
            return;
        }
        self.bytes += frame.len();
        self.seal();
        self.front.push_back(frame);
    }

    /// Appends all of another queue, of which nothing was written.
    pub(crate) fn append(&mut self, other: Self) {
        for part in other.front {
            self.share(part);
        }
        self.copy(&other.tail);
    }

    /// The tail with room for a frame.
    fn room(&mut self, len: usize) -> &mut Vec<u8> {
        if self.tail.len() + len > CHUNK_BYTES_MAX {
            self.seal();
        }
        if self.tail.capacity() == 0 {
            self.tail.reserve(len.max(self.hint.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_HINT_MAX)));
        }
        &mut self.tail
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.hint = self.tail.len();
            self.front.push_back(std::mem::take(&mut self.tail).into());
        }
    }

    /// The next bytes to write, if they are one slice.
    pub(crate) fn single(&self) -> Option<&[u8]> {
        match (self.front.len(), self.tail.is_empty()) {
            (0, _) => self.tail.get(self.written..),
            (1, true) => self.front.front()?.get(self.written..),
            _ => None,
        }
    }

    /// Fills in the next slices to write; returns how many.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES_MAX]) -> usize {
        let mut skip = self.written;
        let mut used = 0;
        let parts = self.front.iter().map(|b| &**b).chain(std::iter::once(&*self.tail));
        for (slot, part) in slices.iter_mut().zip(parts) {
            *slot = IoSlice::new(part.get(skip..).unwrap_or(&[]));
            skip = 0;
            used += 1;
        }
        used
    }

    /// So many bytes were written.
    pub(crate) fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(first) = self.front.front() {
            let left = first.len() - self.written;
            if written < left {
                self.written += written;
                return;
            }
            written -= left;
            self.written = 0;
            self.front.pop_front();
        }
        self.written += written;
        if self.bytes == 0 {
            self.release();
        }
    }

    /// Drops everything; returns how many bytes that were.
    pub(crate) fn clear(&mut self) -> usize {
        let bytes = self.bytes;
        self.release();
        bytes
    }

    fn release(&mut self) {
        self.hint = self.tail.len();
        self.tail = Vec::new();
        self.front = VecDeque::new();
        self.written = 0;
        self.bytes = 0;
    }

    /// Everything queued, as one piece.
    #[cfg(test)]
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        for part in self.front.iter().map(|b| &**b).chain(std::iter::once(&*self.tail)) {
            all.extend_from_slice(part);
        }
        let all = all.split_off(self.written);
        self.release();
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Copy(usize),
        CopyAs(usize),
        Share(usize),
        Write(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let len = prop_oneof![0..20_usize, 30_000..70_000_usize];
        (0..4, len).prop_map(|(what, n)| match what {
            0 => Step::Copy(n),
            1 => Step::CopyAs(n),
            2 => Step::Share(n),
            _ => Step::Write(n),
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bytes_come_out_as_they_went_in(steps in prop::collection::vec(step(), 0..40)) {
            let (mut real, mut model) = (Output::default(), Vec::new());
            let mut counter = 0_u8;
            let mut fill = |n: usize| { counter = counter.wrapping_add(1); vec![counter; n] };
            for step in steps {
                match step {
                    Step::Copy(n) => { let f = fill(n); real.copy(&f); model.extend(f); }
                    Step::CopyAs(n) => {
                        let mut f = fill(n);
                        real.copy_as(b'>', &f);
                        if let Some(first) = f.first_mut() { *first = b'>'; }
                        model.extend(f);
                    }
                    Step::Share(n) => { let f = fill(n); real.share(f.clone().into()); model.extend(f); }
                    Step::Write(n) => {
                        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                        let used = real.slices(&mut slices);
                        let next: Vec<u8> = slices[..used].iter().flat_map(|s| s.to_vec()).collect();
                        if let Some(single) = real.single() {
                            prop_assert_eq!(single, &next[..]);
                        }
                        prop_assert_eq!(&next[..], &model[..next.len()]);
                        let n = n.min(next.len());
                        real.advance(n);
                        model.drain(..n);
                    }
                }
                prop_assert_eq!(real.len(), model.len());
                prop_assert_eq!(real.is_empty(), model.is_empty());
            }
            prop_assert_eq!(real.take_all(), model);
        }
    }

    #[test]
    fn an_empty_queue_holds_no_memory() {
        let mut output = Output::default();
        output.copy(&[1; 1000]);
        output.share(Bytes::from_static(b"abc"));
        output.advance(1003);
        assert_eq!((output.tail.capacity(), output.front.capacity(), output.len()), (0, 0, 0));
    }
}
