//! The bytes of one simulated file: what reads see, what is on the medium, and which 512-byte blocks differ.
//!
//! ```text
//!            write            write-back, sync
//!   clean ─────────► dirty ───────────────────► clean
//!                      │ failed sync
//!                      ▼
//!                     lost: reads see the new bytes, no sync writes them; a crash (or a new write) ends it
//! ```

use super::bits::Bits;
use crate::rng::Seeded;

/// The unit that survives or is lost as a whole, bytes: a disk sector.
pub(super) const BLOCK: usize = 512;

/// How likely an unsynced block of a file survives a power cut. One of these is drawn per file, so that "all", "none" and "nearly" are as common as the
/// even mix.
const SURVIVAL: [f64; 5] = [0.0, 0.1, 0.5, 0.9, 1.0];

#[derive(Clone, Debug, Default)]
pub(super) struct Image {
    /// What reads see; whole blocks, zero from `len` on.
    current: Vec<u8>,
    /// What is on the medium; whole blocks, may be shorter or longer than `current`.
    medium: Vec<u8>,
    len: usize,
    /// The length a power cut leaves if luck does not save the newer one.
    durable_len: usize,
    /// Written, not yet on the medium.
    dirty: Bits,
    /// Written, given up by a failed sync.
    lost: Bits,
    /// Cut off and perhaps regrown: zero once the length is durable, the old bytes until then.
    stale: Bits,
    /// Blocks that take space, now and on the medium.
    allocated: Bits,
    durable_allocated: Bits,
}

impl Image {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Blocks that take space.
    pub(super) fn allocated(&self) -> u64 {
        self.allocated.count()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.current[..self.len]
    }

    /// Fills the buffer; false when the file ends before.
    pub(super) fn read(&self, buf: &mut [u8], pos: usize) -> bool {
        let Some(from) = pos.checked_add(buf.len()).and_then(|end| self.bytes().get(pos..end)) else {
            return false;
        };
        buf.copy_from_slice(from);
        true
    }

    /// How much of a write at `pos` fits into `free` further blocks: a byte count, and the blocks it takes.
    pub(super) fn fitting(&self, pos: usize, len: usize, free: u64) -> (usize, u64) {
        let mut taken = 0;
        for block in blocks(pos, len) {
            if !self.allocated.get(block) {
                if taken == free {
                    return ((block * BLOCK).saturating_sub(pos), taken);
                }
                taken += 1;
            }
        }
        (len, taken)
    }

    pub(super) fn write(&mut self, buf: &[u8], pos: usize) {
        if buf.is_empty() {
            return;
        }
        let end = pos + buf.len();
        if end > self.len {
            self.len = end;
            self.current.resize(end.next_multiple_of(BLOCK), 0);
        }
        self.current[pos..end].copy_from_slice(buf);
        for block in blocks(pos, buf.len()) {
            self.dirty.set(block);
            self.lost.clear(block);
            self.allocated.set(block);
        }
    }

    /// Returns how many blocks became free.
    pub(super) fn set_len(&mut self, len: usize) -> u64 {
        let mut freed = 0;
        if len < self.len {
            let kept = len.div_ceil(BLOCK);
            for block in kept..self.current.len().max(self.medium.len()) / BLOCK {
                self.stale.set(block);
            }
            self.dirty.clear_from(kept);
            self.lost.clear_from(kept);
            freed = self.allocated.clear_from(kept);
            self.current[len..].fill(0);
            if !len.is_multiple_of(BLOCK) {
                // The zeroed rest of the last block is data of its own that may reach the medium before the length does.
                self.dirty.set(len / BLOCK);
                self.lost.clear(len / BLOCK);
            }
        }
        self.len = len;
        self.current.resize(len.next_multiple_of(BLOCK), 0);
        freed
    }

    /// Makes data and length durable; lost blocks stay lost.
    pub(super) fn sync(&mut self) {
        self.settle_length();
        for block in self.dirty.iter() {
            copy(&self.current, &mut self.medium, block);
        }
        self.dirty.clear_all();
    }

    /// A sync that reports an error: some blocks were written, the others are given up. The length stays undecided: a retry makes it durable.
    pub(super) fn fail_sync(&mut self, rng: &mut Seeded) {
        for block in self.dirty.iter() {
            if rng.chance(0.5) {
                write_back(&self.current, &mut self.medium, block, &mut self.stale, &mut self.durable_allocated);
            } else {
                self.lost.set(block);
            }
        }
        self.dirty.clear_all();
    }

    /// A sync during which the power fails: some blocks were written.
    pub(super) fn write_back_some(&mut self, rng: &mut Seeded) {
        let mut written = Vec::new();
        for block in self.dirty.iter() {
            if rng.chance(0.5) {
                write_back(&self.current, &mut self.medium, block, &mut self.stale, &mut self.durable_allocated);
                written.push(block);
            }
        }
        for block in written {
            self.dirty.clear(block);
        }
    }

    /// Loses power: what is not on the medium survives by luck, block by block, the length apart.
    pub(super) fn crash(&mut self, rng: &mut Seeded) {
        if self.dirty.is_empty() && self.lost.is_empty() && self.stale.is_empty() && self.len == self.durable_len {
            return;
        }
        let survival = SURVIVAL[rng.below(SURVIVAL.len() as u64) as usize];
        let mut touched = std::mem::take(&mut self.dirty);
        for block in touched.iter() {
            if rng.chance(survival) {
                write_back(&self.current, &mut self.medium, block, &mut self.stale, &mut self.durable_allocated);
            }
        }
        for block in self.lost.iter().chain(self.stale.iter()) {
            touched.set(block);
        }
        if self.len != self.durable_len || !self.stale.is_empty() {
            self.crash_length(rng);
        }
        self.current.resize(self.medium.len(), 0);
        for block in touched.iter().take_while(|block| block * BLOCK < self.medium.len()) {
            copy(&self.medium, &mut self.current, block);
        }
        // The block in which the file ends may have been cut.
        self.current[self.len..].fill(0);
        self.lost.clear_all();
        self.allocated = self.durable_allocated.clone();
    }

    /// Flips a bit on the medium; false when the byte is not durable. Reads see it at once, unless newer bytes wait in memory.
    pub(super) fn flip(&mut self, pos: usize, bit: u8) -> bool {
        if pos >= self.durable_len.min(self.medium.len()) {
            return false;
        }
        let mask = 1 << (bit % 8);
        self.medium[pos] ^= mask;
        if self.is_clean(pos) {
            self.current[pos] ^= mask;
        }
        true
    }

    /// Length of what is certainly on the medium.
    pub(super) fn durable_len(&self) -> usize {
        self.durable_len.min(self.medium.len())
    }

    /// Whether the medium holds the same as reads see at `pos`.
    pub(super) fn is_clean(&self, pos: usize) -> bool {
        let block = pos / BLOCK;
        pos < self.len && !self.dirty.get(block) && !self.lost.get(block) && !self.stale.get(block)
    }

    fn settle_length(&mut self) {
        self.durable_len = self.len;
        self.medium.resize(self.current.len(), 0);
        zero(&mut self.medium, &self.stale);
        self.stale.clear_all();
        self.medium[self.len..].fill(0);
        self.durable_allocated = self.allocated.clone();
    }

    fn crash_length(&mut self, rng: &mut Seeded) {
        let grown = self.stale.is_empty() && self.len > self.durable_len;
        let new = match rng.below(3) {
            // A growing file passes through the lengths between.
            0 if grown => {
                let between = self.durable_len as u64 + rng.below((self.len - self.durable_len) as u64);
                (between as usize).next_multiple_of(BLOCK).min(self.len)
            }
            0 | 1 => self.len,
            _ => self.durable_len,
        };
        if new == self.len {
            zero(&mut self.medium, &self.stale);
        }
        self.stale.clear_all();
        self.medium.resize(new.next_multiple_of(BLOCK), 0);
        self.medium[new..].fill(0);
        self.durable_allocated.clear_from(new.div_ceil(BLOCK));
        self.len = new;
        self.durable_len = new;
    }
}

/// Numbers of the blocks that a range of bytes touches.
fn blocks(pos: usize, len: usize) -> std::ops::Range<usize> {
    pos / BLOCK..(pos + len).div_ceil(BLOCK)
}

/// Zeroes those of the blocks that exist.
fn zero(medium: &mut [u8], blocks: &Bits) {
    for block in blocks.iter() {
        if let Some(bytes) = medium.get_mut(block * BLOCK..(block + 1) * BLOCK) {
            bytes.fill(0);
        }
    }
}

fn copy(from: &[u8], to: &mut [u8], block: usize) {
    let range = block * BLOCK..(block + 1) * BLOCK;
    to[range.clone()].copy_from_slice(&from[range]);
}

fn write_back(current: &[u8], medium: &mut Vec<u8>, block: usize, stale: &mut Bits, allocated: &mut Bits) {
    let end = (block + 1) * BLOCK;
    if medium.len() < end {
        medium.resize(end, 0);
    }
    copy(current, medium, block);
    stale.clear(block);
    allocated.set(block);
}
