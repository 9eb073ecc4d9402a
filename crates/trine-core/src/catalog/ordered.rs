//! An ordered map whose copies share what did not change.

use std::cmp::Ordering;
use std::sync::Arc;

/// Entries of one chunk before it is split. A change after a clone copies one chunk and the list of chunks: with 100 000 entries about 1000 pointers.
const CHUNK_MAX: usize = 256;

/// One chunk: its entries in order.
type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// A sorted map whose clone costs one reference count. Look-ups cost O(log n), a range O(log n) and its length, a change after a clone one chunk.
#[derive(Clone, Debug)]
pub struct OrderedMap<K, V> {
    /// Chunks in order, none empty.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Default for OrderedMap<K, V> {
    fn default() -> Self {
        Self { chunks: Arc::default(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> OrderedMap<K, V> {
    /// The chunk that holds what `order` calls equal, if any does: the last whose first key is not greater.
    fn chunk_of(&self, order: &impl Fn(&K) -> Ordering) -> usize {
        let after =
            self.chunks.partition_point(|chunk| chunk.first().is_some_and(|(key, _)| order(key) != Ordering::Greater));
        after.saturating_sub(1)
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        let order = |other: &K| other.cmp(key);
        let chunk = self.chunks.get(self.chunk_of(&order))?;
        let at = chunk.binary_search_by(|(other, _)| order(other)).ok()?;
        chunk.get(at).map(|(_, value)| value)
    }

    /// Sets a value; the old one comes back.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = self.chunk_of(&|other: &K| other.cmp(&key));
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(at) else {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len = 1;
            return None;
        };
        let entries = Arc::make_mut(chunk);
        match entries.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(found) => entries.get_mut(found).map(|(_, old)| std::mem::replace(old, value)),
            Err(place) => {
                entries.insert(place, (key, value));
                self.len += 1;
                if entries.len() > CHUNK_MAX {
                    // Names mostly come in order: what is appended at the end leaves full chunks behind.
                    let cut = if place + 1 == entries.len() { entries.len() - 1 } else { entries.len() / 2 };
                    let tail = entries.split_off(cut);
                    chunks.insert(at + 1, Arc::new(tail));
                }
                None
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.get(key)?;
        let at = self.chunk_of(&|other: &K| other.cmp(key));
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(chunks.get_mut(at)?);
        let found = entries.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        let (_, value) = entries.remove(found);
        if entries.is_empty() {
            chunks.remove(at);
        }
        self.len -= 1;
        Some(value)
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }

    /// Entries in order, from the first that `before` does not put before the range.
    pub fn from(&self, before: impl Fn(&K) -> bool) -> impl Iterator<Item = (&K, &V)> {
        let order = |key: &K| if before(key) { Ordering::Less } else { Ordering::Greater };
        let at = self.chunk_of(&order);
        let first = self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(|(key, _)| before(key)));
        let chunks = self.chunks.get(at..).unwrap_or_default();
        chunks.iter().flat_map(|chunk| chunk.iter()).skip(first).map(|(key, value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn does_what_a_sorted_map_does(
            steps in proptest::collection::vec((any::<bool>(), 0..900_u32, any::<u8>()), 1..2000),
            from in 0..900_u32,
        ) {
            let (mut map, mut model) = (OrderedMap::default(), BTreeMap::new());
            let mut kept = Vec::new();
            for (i, (add, key, value)) in steps.into_iter().enumerate() {
                if i % 500 == 0 {
                    kept.push((map.clone(), model.clone()));
                }
                match add {
                    true => prop_assert_eq!(map.insert(key, value), model.insert(key, value)),
                    false => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                }
                prop_assert_eq!(map.get(&key), model.get(&key));
            }
            kept.push((map, model));
            for (map, model) in &kept {
                prop_assert_eq!(map.len(), model.len());
                prop_assert!(map.iter().eq(model.iter()));
                prop_assert!(map.from(|key| *key < from).eq(model.range(from..)));
            }
        }
    }

    #[test]
    fn many_in_order_and_gone_again() {
        let mut map = OrderedMap::default();
        for n in 0..10_000_u32 {
            assert_eq!(map.insert(n, n), None);
        }
        assert!(map.chunks.len() <= 10_000 / CHUNK_MAX + 1, "chunks that are filled in order stay full");
        assert!(map.from(|key| *key < 9_990).map(|(key, _)| *key).eq(9_990..10_000));
        for n in 0..10_000_u32 {
            assert_eq!(map.remove(&n), Some(n));
        }
        assert!(map.is_empty() && map.iter().next().is_none() && map.from(|_| false).next().is_none());
    }
}
