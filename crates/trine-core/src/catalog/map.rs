//! A map by name whose copies share what did not change.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use trine_types::EntityId;

/// Buckets of a map. A change copies one bucket: with 100 000 names about 400 entries.
const BUCKETS: usize = 256;

/// A map whose clone costs one reference count, and whose change after a clone copies one bucket.
#[derive(Clone, Debug)]
pub struct NameMap<K, V> {
    buckets: Arc<Vec<Arc<HashMap<K, V>>>>,
    len: usize,
}

impl<K, V> Default for NameMap<K, V> {
    fn default() -> Self {
        let empty = Arc::new(HashMap::new());
        Self { buckets: Arc::new(vec![empty; BUCKETS]), len: 0 }
    }
}

fn bucket(key: &[u8]) -> usize {
    usize::from(EntityId::slot_of(key)) % BUCKETS
}

impl<K: Eq + Hash + Clone + AsRef<[u8]>, V: Clone> NameMap<K, V> {
    /// The value of a key.
    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: ?Sized + Eq + Hash + AsRef<[u8]>,
    {
        self.buckets.get(bucket(key.as_ref()))?.get(key)
    }

    /// Sets a value; the old one comes back.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let old = Arc::make_mut(Arc::make_mut(&mut self.buckets).get_mut(bucket(key.as_ref()))?).insert(key, value);
        self.len += usize::from(old.is_none());
        old
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = bucket(key.as_ref());
        if !self.buckets.get(at)?.contains_key(key) {
            return None;
        }
        let old = Arc::make_mut(Arc::make_mut(&mut self.buckets).get_mut(at)?).remove(key);
        self.len -= usize::from(old.is_some());
        old
    }

    /// Keeps of the entries in the bucket of `key` those whose value is wanted: a bounded share of a sweep over everything.
    pub fn retain_near(&mut self, key: &K, wanted: impl Fn(&V) -> bool) {
        let Some(at) = self.buckets.get(bucket(key.as_ref())) else { return };
        if at.values().all(&wanted) {
            return;
        }
        let Some(at) = Arc::make_mut(&mut self.buckets).get_mut(bucket(key.as_ref())) else { return };
        let entries = Arc::make_mut(at);
        let before = entries.len();
        entries.retain(|_, value| wanted(value));
        self.len -= before - entries.len();
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.buckets.iter().flat_map(|bucket| bucket.iter())
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}
