//! A simulated machine with one store on it.

use std::{ops::Range, path::Path, sync::Arc};

use bytes::Bytes;
use trine_env::{SimClock, SimFs, SimRng};
use trine_types::{EntityId, Lsn, Offset, ShardId, Timestamp};

use crate::{
    AppendError, Durability, Engine, LocalOptions, LocalStore, Op, OpBatch, OpKind, Opened, Replay, Request, Run,
    Section, ShardStore, StoreError, StoredBatch, test_batch,
};

/// Where the store lives.
pub(super) const DIR: &str = "/data";

/// What recovery handed out, in short.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) sections: Vec<(EntityId, Bytes)>,
    pub(super) lsns: Vec<Lsn>,
    pub(super) texts: Vec<String>,
}

impl Replay for Replayed {
    fn section(&mut self, _: ShardId, section: Section) {
        self.sections.push((section.entity, section.bytes));
    }

    fn batch(&mut self, _: ShardId, lsn: Lsn, _: Timestamp, ops: Vec<Op>) {
        self.lsns.push(lsn);
        self.texts.extend(ops.iter().map(|op| String::from_utf8_lossy(&op.meta).into_owned()));
    }
}

pub(super) struct World {
    pub(super) fs: SimFs,
    pub(super) clock: SimClock,
    pub(super) options: LocalOptions,
    lives: u64,
    stores: Vec<Arc<dyn ShardStore>>,
}

impl World {
    pub(super) fn new(options: LocalOptions) -> Self {
        Self { fs: SimFs::new(3), clock: SimClock::new(Timestamp(0)), options, lives: 0, stores: Vec::new() }
    }

    pub(super) fn try_open(&mut self, replay: &mut dyn Replay) -> Result<Store, StoreError> {
        self.lives += 1;
        self.stores.clear();
        let Opened { stores, last, engine, .. } = LocalStore::open(
            Arc::new(self.fs.clone()),
            Arc::new(self.clock.clone()),
            Arc::new(SimRng::new(self.lives)),
            Path::new(DIR),
            self.options.clone(),
            Arc::new(|_| {}),
            replay,
            &mut |_, _| {},
        )?;
        self.stores.clone_from(&stores);
        Ok(Store { stores, last, engine })
    }

    pub(super) fn open(&mut self) -> Store {
        self.try_open(&mut Replayed::default()).expect("the store opens")
    }

    /// What the last store of group 0 called durable.
    pub(super) fn acked(&self) -> Lsn {
        self.stores.first().map_or(Lsn::ZERO, |store| store.durable())
    }

    /// Cuts the power.
    pub(super) fn crash(&mut self) -> &mut Self {
        self.fs = self.fs.crash();
        self
    }

    /// Kills the process.
    pub(super) fn kill(&mut self) -> &mut Self {
        self.fs = self.fs.kill();
        self
    }
}

pub(super) struct Store {
    pub(super) stores: Vec<Arc<dyn ShardStore>>,
    pub(super) last: Vec<Lsn>,
    pub(super) engine: Box<dyn Engine>,
}

impl Store {
    pub(super) fn try_append(&self, shard: usize, ops: Vec<Op>, reserve: bool) -> Result<Lsn, AppendError> {
        let batch = OpBatch { at: Timestamp(1), durability: Durability::Sync, reserve, ops };
        self.stores[shard].append(batch)
    }

    pub(super) fn append(&self, shard: usize, ops: Vec<Op>) -> Lsn {
        self.try_append(shard, ops, true).expect("the append is accepted")
    }

    pub(super) fn append_with(&self, shard: usize, ops: Vec<Op>, durability: Durability) -> Lsn {
        let batch = OpBatch { at: Timestamp(1), durability, reserve: true, ops };
        self.stores[shard].append(batch).expect("the append is accepted")
    }

    /// Commits and maintains until nothing is left.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let did = self.engine.commit();
            if !self.engine.maintain() && !did {
                return;
            }
        }
        panic!("the store never comes to rest");
    }

    pub(super) fn checkpoint(&self, shard: usize, start: Lsn, sections: &[(EntityId, &str)]) {
        let mut writer = self.stores[shard].checkpoint(start);
        for (entity, text) in sections {
            writer.section(Section { entity: *entity, as_of: start, bytes: Bytes::copy_from_slice(text.as_bytes()) });
        }
        writer.finish();
    }

    /// Answers every request as an owner with nothing but data would.
    pub(super) fn serve(&mut self, live: impl Fn(EntityId, Range<Offset>) -> Vec<Range<Offset>>) {
        for shard in 0..self.stores.len() {
            let store = Arc::clone(&self.stores[shard]);
            while let Some(request) = store.request() {
                let now = store.written();
                match request {
                    Request::Checkpoint => self.checkpoint(shard, now, &[]),
                    Request::Live(asked) => {
                        for (entity, range) in asked {
                            store.live(entity, range.clone(), live(entity, range), now);
                        }
                    }
                }
            }
        }
        self.settle();
    }
}

pub(super) fn entity(slot: u16, number: u64) -> EntityId {
    EntityId::new(slot, number).expect("in range")
}

pub(super) fn note(entity: EntityId, text: &str) -> Op {
    Op { kind: OpKind(9), entity, meta: Bytes::copy_from_slice(text.as_bytes()), run: None }
}

/// Appends one batch of `count` records in `size` bytes at `base`; returns where it ends.
pub(super) fn produce(store: &mut Store, entity: EntityId, base: Offset, count: u32, size: usize) -> Offset {
    let run = Run { base, count, max_ts: 0, leader_epoch: 0, batch: test_batch(count, 0, &vec![7; size]) };
    let op = Op { kind: OpKind(1), entity, meta: Bytes::new(), run: Some(run) };
    let shard = usize::from(entity.shard(store.stores.len() as u16).0);
    store.append(shard, vec![op]);
    base + u64::from(count)
}

/// Everything an entity has.
pub(super) fn read_all(store: &Store, entity: EntityId) -> Vec<StoredBatch> {
    let shard = usize::from(entity.shard(store.stores.len() as u16).0);
    let (mut out, mut from) = (Vec::new(), 0);
    loop {
        let some = store.stores[shard].read(entity, from, u64::MAX, 20_000, true).expect("it can be read");
        let Some(last) = some.last() else { return out };
        from = last.end();
        out.extend(some);
    }
}

pub(super) fn offsets(batches: &[StoredBatch]) -> Vec<Offset> {
    batches.iter().map(|b| b.base).collect()
}
