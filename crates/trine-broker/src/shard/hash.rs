//! Maps by entity: the id is well spread already, a cryptographic hash would only cost.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use trine_types::EntityId;

/// A map by entity.
pub(crate) type EntityMap<T> = HashMap<EntityId, T, BuildHasherDefault<EntityHasher>>;

/// Multiplies by a large odd number: numbers handed out one after the other land far from each other.
#[derive(Default)]
pub(crate) struct EntityHasher(u64);

impl Hasher for EntityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, v: u64) {
        let mixed = (self.0.rotate_left(5) ^ v).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
