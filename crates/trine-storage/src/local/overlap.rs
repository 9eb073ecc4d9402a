//! Syncs beside the commit loop: while the disk takes a large frame, the loop builds and writes the next one, so that the disk does not wait for copies and
//! checksums. At most one sync is under way, and what it publishes was written before it began; a frame written meanwhile waits for the next one.
//!
//! Small frames are synced by the loop itself: for them a second thread would cost more than it saves. In simulation there is no second thread.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::JoinHandle,
};

use parking_lot::{Condvar, Mutex};
use trine_env::File;
use trine_types::Lsn;

use super::{frame::WalPos, shared::Shared};

/// What a sync makes durable: all that was written when it was asked for.
pub(crate) struct Job {
    pub(crate) file: Arc<dyn File>,
    /// End of the last frame in it.
    pub(crate) to: WalPos,
    /// The last LSN written, per shard group.
    pub(crate) written: Vec<Lsn>,
}

#[derive(Default)]
struct State {
    job: Option<Job>,
    /// From the hand-over of a job to its end.
    busy: bool,
    stop: bool,
}

#[derive(Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

/// The thread; dropping it waits for the sync that is under way.
pub(crate) struct Overlap {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Overlap {
    /// Starts the thread.
    pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let desk = Arc::<Desk>::default();
        let thread = std::thread::Builder::new().name("trine-sync".into()).spawn({
            let desk = Arc::clone(&desk);
            move || run(&shared, &desk)
        })?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Whether a sync is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.desk.state.lock().busy
    }

    /// Waits until none is.
    pub(crate) fn wait(&self) {
        let mut state = self.desk.state.lock();
        while state.busy {
            self.desk.changed.wait(&mut state);
        }
    }

    /// Begins a sync, after the one that is under way.
    pub(crate) fn submit(&self, job: Job) {
        self.wait();
        {
            let mut state = self.desk.state.lock();
            (state.job, state.busy) = (Some(job), true);
        }
        self.desk.changed.notify_all();
    }
}

impl Drop for Overlap {
    fn drop(&mut self) {
        self.desk.state.lock().stop = true;
        self.desk.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it leaves unanswered what it should have published.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, desk: &Desk) {
    loop {
        let job = {
            let mut state = desk.state.lock();
            loop {
                if let Some(job) = state.job.take() {
                    break job;
                }
                if state.stop {
                    return;
                }
                desk.changed.wait(&mut state);
            }
        };
        // After a failure nothing is tried again: the store has stopped.
        if !shared.failed()
            && let Err(error) = sync(shared, &job)
        {
            shared.fail("sync of the log", &error);
        }
        desk.state.lock().busy = false;
        desk.changed.notify_all();
        shared.commit_signal.notify();
    }
}

fn sync(shared: &Shared, job: &Job) -> std::io::Result<()> {
    shared.sync_log(&*job.file)?;
    shared.publish(job.to, job.written.iter().copied());
    Ok(())
}

impl Shared {
    /// Syncs a log file and counts it.
    pub(crate) fn sync_log(&self, file: &dyn File) -> std::io::Result<()> {
        let begun = self.clock.mono();
        file.sync_data()?;
        let took = self.clock.mono().saturating_sub(begun);
        self.counters.syncs.fetch_add(1, Relaxed);
        self.counters.sync_us.fetch_add(took.as_micros() as u64, Relaxed);
        Ok(())
    }

    /// Says that the log is durable up to `to`, and each shard group up to its LSN in `written`; wakes the owners of those that moved. Not after a failure:
    /// a sync that succeeds after one that failed says nothing about what the other gave up.
    pub(crate) fn publish(&self, to: WalPos, written: impl Iterator<Item = Lsn>) {
        if self.failed() {
            return;
        }
        {
            let mut heads = self.heads.lock();
            heads.synced = heads.synced.max(to);
        }
        for (shard, written) in self.shards.iter().zip(written) {
            if shard.raise_durable(written) {
                (self.waker)(shard.id);
            }
        }
    }
}
