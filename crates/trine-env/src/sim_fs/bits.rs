//! Sets of block numbers.

/// A growing bitmap.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(super) fn get(&self, block: usize) -> bool {
        self.words.get(block / 64).is_some_and(|word| word >> (block % 64) & 1 == 1)
    }

    pub(super) fn set(&mut self, block: usize) {
        if self.words.len() <= block / 64 {
            self.words.resize(block / 64 + 1, 0);
        }
        self.words[block / 64] |= 1 << (block % 64);
    }

    pub(super) fn clear(&mut self, block: usize) {
        if let Some(word) = self.words.get_mut(block / 64) {
            *word &= !(1 << (block % 64));
        }
    }

    pub(super) fn clear_all(&mut self) {
        self.words.clear();
    }

    /// Takes out everything at or above `block`; returns how many there were.
    pub(super) fn clear_from(&mut self, block: usize) -> u64 {
        let mut cleared = 0;
        for (index, word) in self.words.iter_mut().enumerate().skip(block / 64) {
            let keep = if index == block / 64 { (1u64 << (block % 64)) - 1 } else { 0 };
            cleared += u64::from((*word & !keep).count_ones());
            *word &= keep;
        }
        cleared
    }

    pub(super) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The members, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }
}
