//! The newest offset of every key.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use trine_records::{Records, records_of};
use trine_types::Offset;

use super::Job;
use crate::{
    broker::Inner,
    streams::{DECOMPRESSED_BYTES_MAX, ReadFailure, damaged, scan},
};

/// What one key costs in the map, generously.
const KEY_BYTES: usize = 48;

/// Enough of a cryptographic hash that two keys of one partition never share it, whoever chose them.
type KeyHash = [u8; 16];

/// Newest offsets by key.
pub(super) struct Keys {
    newest: HashMap<KeyHash, Offset>,
    /// Every record below this offset was looked at.
    pub(super) covers_to: Offset,
}

impl Keys {
    /// Whether a record with this key at this offset was superseded.
    pub(super) fn supersedes(&self, key: &[u8], offset: Offset) -> bool {
        self.newest.get(&hash(key)).is_some_and(|newest| *newest > offset)
    }
}

fn hash(key: &[u8]) -> KeyHash {
    let digest = Sha256::digest(key);
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    short
}

/// Looks at every record of the part that was not cleaned yet, until the map is full. At least one batch is always taken in, so that every job gets on.
pub(super) fn newest(inner: &Inner, job: &Job) -> Result<Keys, ReadFailure> {
    let entity = job.partition.entity();
    let keys_max = (job.map_bytes / KEY_BYTES).max(1);
    let mut keys = Keys { newest: HashMap::new(), covers_to: job.to };
    scan(inner, entity, job.cleaned_to.max(job.start), job.to, |header, batch| {
        let payload =
            records_of(header, &batch.bytes, DECOMPRESSED_BYTES_MAX).map_err(|error| damaged(entity, batch, &error))?;
        if keys.newest.len() >= keys_max {
            keys.covers_to = batch.base;
            return Ok(false);
        }
        for record in Records::new(&payload) {
            let record = record.map_err(|error| damaged(entity, batch, &error))?;
            if let Some(key) = record.key {
                keys.newest.insert(hash(key), header.offset_at(record.offset_delta));
            }
        }
        Ok(true)
    })?;
    Ok(keys)
}
