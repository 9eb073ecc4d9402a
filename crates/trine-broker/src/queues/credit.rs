//! Credit that several push consumers share (AMQP's prefetch of a whole channel): so many deliveries may be unsettled at once, of whatever queues.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use parking_lot::Mutex;
use trine_types::EntityId;

use super::Queues;
use crate::{broker::Inner, shard::Command};

/// A limit on unsettled deliveries. Clones share it.
#[derive(Clone)]
pub struct Credit(Arc<Shared>);

struct Shared {
    inner: Arc<Inner>,
    /// 0: no limit.
    limit: AtomicU32,
    used: AtomicU32,
    /// Consumers (queue, id) that could not be served for want of it.
    starved: Mutex<BTreeSet<(EntityId, u64)>>,
}

impl Queues<'_> {
    /// Credit for so many unsettled deliveries; 0 for any number.
    #[must_use]
    pub fn credit(self, limit: u32) -> Credit {
        Credit(Arc::new(Shared {
            inner: Arc::clone(&self.broker.inner),
            limit: AtomicU32::new(limit),
            used: AtomicU32::new(0),
            starved: Mutex::default(),
        }))
    }
}

impl Credit {
    /// Changes the limit, at once and for everybody who shares it; 0 for none. Deliveries beyond a lower limit stay.
    pub fn set_limit(&self, limit: u32) {
        self.0.limit.store(limit, Ordering::SeqCst);
        self.wake();
    }

    /// Deliveries that are not settled.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.0.used.load(Ordering::SeqCst)
    }

    /// Takes credit for up to `wanted` deliveries; 0 when there is none. Then the consumer is woken once there is some again.
    pub(crate) fn take(&self, wanted: u32, consumer: (EntityId, u64)) -> u32 {
        let taken = self.try_take(wanted);
        if taken > 0 {
            return taken;
        }
        self.0.starved.lock().insert(consumer);
        // What was given back in between did not find it in the list.
        let taken = self.try_take(wanted);
        if taken > 0 {
            self.0.starved.lock().remove(&consumer);
        }
        taken
    }

    fn try_take(&self, wanted: u32) -> u32 {
        let mut taken = 0;
        let _ = self.0.used.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| {
            let limit = match self.0.limit.load(Ordering::SeqCst) {
                0 => u32::MAX,
                limit => limit,
            };
            taken = limit.saturating_sub(used).min(wanted);
            Some(used + taken)
        });
        taken
    }

    /// Deliveries were settled.
    pub(crate) fn give_back(&self, n: u32) {
        if n > 0 {
            self.put_back(n);
            self.wake();
        }
    }

    /// Credit was taken for more than there was to deliver.
    pub(crate) fn put_back(&self, n: u32) {
        self.0.used.fetch_sub(n, Ordering::SeqCst);
    }

    fn wake(&self) {
        let starved = std::mem::take(&mut *self.0.starved.lock());
        for (queue, consumer) in starved {
            let ready = move |shard: &mut crate::shard::Shard| shard.queue_push_ready(queue, consumer);
            self.0.inner.tell(usize::from(self.0.inner.shard_of(queue).0), Command::Call(Box::new(ready)));
        }
    }
}

impl std::fmt::Debug for Credit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credit({} of {})", self.used(), self.0.limit.load(Ordering::SeqCst))
    }
}
