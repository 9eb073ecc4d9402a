//! The local store under simulation.

use std::{path::Path, time::Duration};

use trine_env::{Fs, Seeded};
use trine_storage::{LocalOptions, LocalStore, Opened, Replay, StoreError, Where};
use trine_testkit::store_sim::{DIR, Env, Subject};

/// The local store with the options of one run.
pub(crate) struct Local {
    options: LocalOptions,
}

impl Local {
    /// Options that follow from the run's seed: small, and each of them sometimes extreme.
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Seeded::new(seed ^ 0x0DD5);
        let mut pick = |values: &[u64]| values[rng.below(values.len() as u64) as usize];
        let file = pick(&[16 << 10, 64 << 10]);
        let small = LocalOptions::small();
        let options = LocalOptions {
            shards: pick(&[1, 2, 3]) as u16,
            wal_file_min: file,
            wal_file_max: pick(&[1, 2]) * file,
            wal_grow_within: Duration::from_millis(pick(&[1, 1_000])),
            wal_budget: pick(&[2, 4, 8]) * file,
            frame_bytes: pick(&[4 << 10, 16 << 10]) as usize,
            checkpoint_bytes: pick(&[8 << 10, 96 << 10]),
            cache_bytes: pick(&[0, 64 << 10]),
            segment_bytes: pick(&[32 << 10, 128 << 10]),
            segment_own_bytes: pick(&[4 << 10, 16 << 10]),
            slice_bytes: pick(&[4 << 10, 16 << 10]) as usize,
            spares: pick(&[0, 1, 2]) as usize,
            open_segments: pick(&[1, 8]) as usize,
            zeroed_frame_bytes: pick(&[0, 8 << 10, 1 << 30]),
            ..small
        };
        Self { options }
    }

    /// The same with a mistake: batches are called durable before they are synced.
    pub(crate) fn acknowledging_early(seed: u64) -> Self {
        let mut local = Self::new(seed);
        local.options.ack_before_sync = true;
        local
    }
}

impl Subject for Local {
    fn open(&self, env: Env, replay: &mut dyn Replay) -> Result<Opened, StoreError> {
        let Env { fs, clock, rng, waker } = env;
        let options = self.options.clone();
        LocalStore::open(fs, clock, rng, Path::new(DIR), options, waker, replay, &mut |_, _| {})
    }

    fn verify(&self, fs: &dyn Fs) -> Result<Option<Vec<Where>>, StoreError> {
        LocalStore::verify(fs, Path::new(DIR), &mut |_, _| {}).map(|report| Some(report.damage))
    }
}
