//! The moving parts: what was appended becomes durable at the next round.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use super::Shared;
use crate::{Engine, Running, StoreError};

/// The thread looks around at least this often.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// Wakes the engine's thread.
#[derive(Default)]
pub(super) struct Signal {
    set: Mutex<bool>,
    cond: Condvar,
}

impl Signal {
    pub(super) fn notify(&self) {
        *self.set.lock() = true;
        self.cond.notify_one();
    }

    fn wait(&self) {
        let mut set = self.set.lock();
        if !*set {
            self.cond.wait_for(&mut set, IDLE_WAIT);
        }
        *set = false;
    }
}

/// See [`Engine`].
pub(super) struct MemoryEngine {
    shared: Arc<Shared>,
}

impl MemoryEngine {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Shared {
    fn round(&self) -> bool {
        let mut did = false;
        for shard in &self.shards {
            let last = *shard.last.lock();
            if shard.durable.load(Ordering::Relaxed) != last.0 {
                if let Some(disk) = &self.disk {
                    disk.set_durable(shard.id, last);
                }
                shard.durable.store(last.0, Ordering::Release);
                (self.waker)(shard.id);
                did = true;
            }
        }
        did
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        while self.round() {}
        if let Some(disk) = &self.disk {
            disk.publish();
            disk.set_clean();
        }
    }
}

impl Engine for MemoryEngine {
    fn commit(&mut self) -> bool {
        self.shared.round()
    }

    fn maintain(&mut self) -> bool {
        self.shared.disk.as_ref().is_some_and(super::MemoryDisk::publish)
    }

    fn start(self: Box<Self>) -> Box<dyn Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (shared, stop) = (Arc::clone(&self.shared), Arc::clone(&stop));
            std::thread::Builder::new().name("trine-commit".into()).spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    if !shared.round() {
                        shared.signal.wait();
                    }
                }
            })
        };
        Box::new(MemoryRunning { shared: self.shared, stop, thread: thread.ok() })
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        self.shared.close();
        Ok(())
    }
}

struct MemoryRunning {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl MemoryRunning {
    fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.shared.signal.notify();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Running for MemoryRunning {
    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.stop();
        self.shared.close();
        Ok(())
    }
}

impl Drop for MemoryRunning {
    fn drop(&mut self) {
        self.stop();
    }
}
