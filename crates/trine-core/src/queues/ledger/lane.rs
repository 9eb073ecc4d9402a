//! One log's share of a ledger.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use trine_types::Offset;

use super::bits::PAGE;
use super::page::Page;

/// Head, cursor and tail of one log, and the pages between head and tail.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    /// Pages from the one that holds `head` to the one that holds `tail - 1`.
    pub(super) pages: VecDeque<Arc<Page>>,
    /// Number of the first of them.
    pub(super) first_page: u64,
    /// Everything below is done.
    pub(super) head: Offset,
    /// Everything below was delivered once, is done, or is chosen otherwise. Derived.
    pub(super) cursor: Offset,
    /// The next number.
    pub(super) tail: Offset,
    /// How many are not done.
    pub(super) live: u64,
    /// Below the cursor or not, available again, not aside. Derived.
    pub(super) free: BTreeSet<Offset>,
}

/// The place of an offset in its page.
pub(super) const fn place(offset: Offset) -> u16 {
    (offset % PAGE) as u16
}

impl Lane {
    pub(super) fn page(&self, offset: Offset) -> Option<&Page> {
        if offset < self.head || offset >= self.tail {
            return None;
        }
        let at = usize::try_from((offset / PAGE).checked_sub(self.first_page)?).ok()?;
        self.pages.get(at).map(Arc::as_ref)
    }

    /// The page to change; copied first when a checkpoint holds it.
    pub(super) fn page_mut(&mut self, offset: Offset) -> Option<&mut Page> {
        if offset < self.head || offset >= self.tail {
            return None;
        }
        let at = usize::try_from((offset / PAGE).checked_sub(self.first_page)?).ok()?;
        self.pages.get_mut(at).map(Arc::make_mut)
    }

    pub(super) fn is_live(&self, offset: Offset) -> bool {
        self.page(offset).is_some_and(|page| !page.done.get(place(offset)))
    }

    /// Appends `n` numbers; `first` is the log's end, or further: what is between is done.
    pub(super) fn extend(&mut self, first: Offset, n: u64) {
        assert!(first >= self.tail, "numbers continue the log");
        if self.live == 0 {
            self.reset(first);
        }
        let gap = self.tail..first;
        self.tail = first + n;
        self.live += n;
        let pages = self.tail.div_ceil(PAGE).saturating_sub(self.first_page);
        while (self.pages.len() as u64) < pages {
            self.pages.push_back(Arc::default());
        }
        for offset in gap {
            if let Some(page) = self.page_mut(offset) {
                page.done.set(place(offset));
                page.busy.set(place(offset));
            }
        }
    }

    /// Nothing is left; the next number is `at`.
    pub(super) fn reset(&mut self, at: Offset) {
        *self = Self { first_page: at / PAGE, head: at, cursor: at, tail: at, ..Self::default() };
    }

    /// The first offset from `from` on that was never delivered and is not aside.
    pub(super) fn next_fresh(&self, from: Offset) -> Option<Offset> {
        let mut offset = from.max(self.cursor);
        while offset < self.tail {
            let at = self.page(offset)?.busy.first_clear(place(offset));
            let found = offset - u64::from(place(offset)) + u64::from(at);
            if u64::from(at) < PAGE {
                return (found < self.tail).then_some(found);
            }
            offset = found;
        }
        None
    }

    /// The first offset from `from` on that is not done.
    pub(super) fn next_live(&self, from: Offset) -> Option<Offset> {
        let mut offset = from.max(self.head);
        while offset < self.tail {
            let at = self.page(offset)?.done.first_clear(place(offset));
            let found = offset - u64::from(place(offset)) + u64::from(at);
            if u64::from(at) < PAGE {
                return (found < self.tail).then_some(found);
            }
            offset = found;
        }
        None
    }

    /// The first offset from `from` on that is done, at most the tail.
    pub(super) fn next_done(&self, from: Offset) -> Offset {
        let mut offset = from;
        while offset < self.tail {
            let Some(page) = self.page(offset) else { return offset };
            let at = page.done.first_set(place(offset));
            let found = offset - u64::from(place(offset)) + u64::from(at);
            if u64::from(at) < PAGE {
                return found.min(self.tail);
            }
            offset = found;
        }
        self.tail
    }

    /// Offsets that are aside and not done, ascending.
    pub(super) fn aside(&self) -> impl Iterator<Item = Offset> {
        self.pages.iter().enumerate().flat_map(move |(at, page)| {
            let first = (self.first_page + at as u64) * PAGE;
            (0..(PAGE / 64) as usize).flat_map(move |word| {
                let mut bits = page.aside.word(word) & !page.done.word(word);
                std::iter::from_fn(move || {
                    let at = bits.trailing_zeros();
                    bits &= bits.checked_sub(1)?;
                    Some(first + word as u64 * 64 + u64::from(at))
                })
            })
        })
    }

    /// Moves the cursor over what it passes.
    pub(super) fn advance_cursor(&mut self) {
        self.cursor = self.next_fresh(self.cursor).unwrap_or(self.tail);
    }

    /// Moves the head over what is done and lets go of its pages.
    pub(super) fn advance_head(&mut self) {
        if self.live == 0 {
            self.reset(self.tail);
            return;
        }
        self.head = self.next_live(self.head).unwrap_or(self.tail);
        self.cursor = self.cursor.max(self.head);
        while self.first_page < self.head / PAGE {
            self.pages.pop_front();
            self.first_page += 1;
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let pages: usize = self.pages.iter().map(|page| 16 + page.heap_bytes()).sum();
        pages + self.pages.capacity() * 8 + self.free.len() * 12
    }
}
