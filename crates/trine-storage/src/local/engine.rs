//! The moving parts: steps in simulation, threads in production.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use trine_env::Lock;

use super::{commit::Committer, maintain::Maintainer, shared::Shared};
use crate::{Engine, Running, StoreError};

/// See [`Engine`].
pub(crate) struct LocalEngine {
    shared: Arc<Shared>,
    committer: Committer,
    maintainer: Maintainer,
    lock: Box<dyn Lock>,
}

impl LocalEngine {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        committer: Committer,
        maintainer: Maintainer,
        lock: Box<dyn Lock>,
    ) -> Self {
        Self { shared, committer, maintainer, lock }
    }

    fn finish(mut self) -> Result<(), StoreError> {
        self.shared.close_appends();
        let result = if self.committer.drain() { self.maintainer.close(&mut self.committer) } else { Ok(()) };
        drop(self.lock);
        let stopped = |why: &str| {
            Err(StoreError::Io { what: "close the store".into(), source: io::Error::other(why.to_owned()) })
        };
        match self.shared.failure() {
            Some(why) => stopped(&why),
            None if self.shared.shards.iter().any(|s| s.durable() < s.log.lock().last) => stopped("the disk is full"),
            None => result.map_err(|source| StoreError::Io { what: "close the store".into(), source }),
        }
    }
}

impl Engine for LocalEngine {
    fn commit(&mut self) -> bool {
        self.committer.round()
    }

    fn maintain(&mut self) -> bool {
        self.maintainer.step()
    }

    fn start(self: Box<Self>) -> Box<dyn Running> {
        let Self { shared, mut committer, mut maintainer, lock } = *self;
        let stop = Arc::new(AtomicBool::new(false));
        let commit = {
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            std::thread::Builder::new().name("trine-commit".into()).spawn(move || {
                if let Err(error) = committer.overlap_syncs() {
                    shared.fail("start of thread trine-sync", &error);
                }
                while !stop.load(Ordering::Acquire) {
                    if !committer.round() {
                        shared.commit_signal.wait(committer.patience());
                    }
                }
                committer.join_syncs();
                committer
            })
        };
        let maintain = {
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            std::thread::Builder::new().name("trine-maintain".into()).spawn(move || {
                while !stop.load(Ordering::Acquire) {
                    if !maintainer.step() {
                        shared.maintain_signal.wait(maintainer.patience());
                    }
                }
                maintainer
            })
        };
        for (name, thread) in [("trine-commit", commit.as_ref().err()), ("trine-maintain", maintain.as_ref().err())] {
            if let Some(error) = thread {
                shared.fail(&format!("start of thread {name}"), error);
            }
        }
        Box::new(LocalRunning { shared, stop, commit: commit.ok(), maintain: maintain.ok(), lock: Some(lock) })
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        self.finish()
    }
}

/// See [`Running`]. Dropping it without `close` ends the threads and leaves the directory as a crash would.
struct LocalRunning {
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
    commit: Option<JoinHandle<Committer>>,
    maintain: Option<JoinHandle<Maintainer>>,
    lock: Option<Box<dyn Lock>>,
}

impl LocalRunning {
    fn stop(&mut self) -> Option<(Committer, Maintainer)> {
        self.stop.store(true, Ordering::Release);
        self.shared.close_appends();
        self.shared.commit_signal.notify();
        self.shared.maintain_signal.notify();
        let commit = self.commit.take().and_then(|t| t.join().ok());
        let maintain = self.maintain.take().and_then(|t| t.join().ok());
        commit.zip(maintain)
    }
}

impl Running for LocalRunning {
    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        let threads = self.stop();
        let (Some((committer, maintainer)), Some(lock)) = (threads, self.lock.take()) else {
            let why = self.shared.failure().unwrap_or_else(|| "a thread of the store panicked".into());
            return Err(StoreError::Io { what: "close the store".into(), source: io::Error::other(why.to_string()) });
        };
        LocalEngine::new(Arc::clone(&self.shared), committer, maintainer, lock).finish()
    }
}

impl Drop for LocalRunning {
    fn drop(&mut self) {
        self.stop();
    }
}
