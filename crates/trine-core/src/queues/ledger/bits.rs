//! One bit for each number of a page; a page without exceptions has none.

/// Numbers of a page.
pub(in crate::queues) const PAGE: u64 = 4096;
const WORDS: usize = (PAGE / 64) as usize;

/// A set of the places of a page.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits(Option<Box<[u64; WORDS]>>);

impl Bits {
    pub(super) fn get(&self, at: u16) -> bool {
        self.word(usize::from(at) / 64) & (1 << (at % 64)) != 0
    }

    /// The 64 bits of one word.
    pub(super) fn word(&self, word: usize) -> u64 {
        self.0.as_ref().and_then(|words| words.get(word)).copied().unwrap_or(0)
    }

    fn words(&mut self) -> &mut [u64; WORDS] {
        self.0.get_or_insert_with(|| Box::new([0; WORDS]))
    }

    /// Adds a place; false when it was there.
    pub(super) fn set(&mut self, at: u16) -> bool {
        let (word, bit) = (usize::from(at) / 64, 1 << (at % 64));
        self.words().get_mut(word).is_some_and(|word| {
            let new = *word & bit == 0;
            *word |= bit;
            new
        })
    }

    pub(super) fn clear(&mut self, at: u16) {
        if let Some(word) = self.0.as_mut().and_then(|words| words.get_mut(usize::from(at) / 64)) {
            *word &= !(1 << (at % 64));
        }
    }

    /// Adds all places of `range`.
    pub(super) fn fill(&mut self, range: std::ops::Range<u16>) {
        for at in range {
            self.set(at);
        }
    }

    /// Adds what `word` says to a word.
    pub(super) fn or_word(&mut self, word: usize, bits: u64) {
        if bits != 0
            && let Some(own) = self.words().get_mut(word)
        {
            *own |= bits;
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.0.as_ref().map_or(0, |words| words.iter().map(|word| word.count_ones()).sum())
    }

    /// The first place from `at` on that is not in the set; [`PAGE`] when all are.
    pub(super) fn first_clear(&self, at: u16) -> u16 {
        let Some(words) = &self.0 else { return at };
        let mut word = usize::from(at) / 64;
        let mut mask = u64::MAX << (at % 64);
        while let Some(bits) = words.get(word) {
            let free = !bits & mask;
            if free != 0 {
                return (word * 64) as u16 + free.trailing_zeros() as u16;
            }
            mask = u64::MAX;
            word += 1;
        }
        PAGE as u16
    }

    /// The first place from `at` on that is in the set; [`PAGE`] when none is.
    pub(super) fn first_set(&self, at: u16) -> u16 {
        let Some(words) = &self.0 else { return PAGE as u16 };
        let mut word = usize::from(at) / 64;
        let mut mask = u64::MAX << (at % 64);
        while let Some(bits) = words.get(word) {
            let found = bits & mask;
            if found != 0 {
                return (word * 64) as u16 + found.trailing_zeros() as u16;
            }
            mask = u64::MAX;
            word += 1;
        }
        PAGE as u16
    }

    /// All words, for a section.
    pub(super) const fn words_ref(&self) -> Option<&[u64; WORDS]> {
        match &self.0 {
            Some(words) => Some(words),
            None => None,
        }
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        if self.0.is_some() { WORDS * 8 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_of_either_kind() {
        let mut bits = Bits::default();
        assert_eq!((bits.first_clear(5), bits.first_set(5)), (5, 4096));
        bits.fill(0..130);
        assert_eq!((bits.first_clear(0), bits.first_set(3), bits.count()), (130, 3, 130));
        assert!(!bits.set(129));
        bits.clear(64);
        assert_eq!((bits.first_clear(0), bits.first_set(64)), (64, 65));
        bits.fill(0..4096);
        assert_eq!((bits.first_clear(0), bits.first_set(4095)), (4096, 4095));
        bits.or_word(3, 0);
        assert_eq!(bits.word(63), u64::MAX);
    }
}
