//! A worker: one thread, one single-threaded runtime, its connections. A turn of it looks like this:
//!
//! ```text
//! sockets that became readable → their tasks run: parse, carry out, append replies and deliveries to outboxes
//! → the pump, woken by the first of them and therefore run after all of them: takes the inbox, appends, writes every changed outbox once
//! ```

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    rc::{Rc, Weak},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::{
    runtime,
    sync::Notify,
    task::{LocalSet, yield_now},
    time::{MissedTickBehavior, interval},
};
use trine_broker::pubsub::{OutboxHolder, Port};
use trine_net::{DrainSignal, Permit};

use crate::{acl::User, clients::FLAG_MONITOR, conn::End, connection, fanout::Fanout, shared::Shared, wire::Reply};

/// Bytes that a turn appends to outboxes before they are written.
pub(crate) const TURN_BYTES_MAX: usize = 4 << 20;
/// Connections written before others get their turn.
const FLUSHED_MAX: usize = 256;
/// How often soft limits are looked at.
const SOFT_LIMIT_EVERY: Duration = Duration::from_secs(1);
/// Bytes of MONITOR lines that may wait for a worker; more are dropped.
const LINE_BYTES_MAX: usize = 4 << 20;

/// The side of a worker that other threads see.
#[derive(Debug, Default)]
pub(crate) struct WorkerHandle {
    /// Something waits: deliveries, controls, outboxes.
    bell: Notify,
    controls: Mutex<Controls>,
    /// Bytes in the largest outbox, as of some turn ago.
    largest: AtomicUsize,
    cut_largest: AtomicBool,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct Controls {
    queue: Vec<Control>,
    line_bytes: usize,
}

/// What other threads ask of a worker. Bounded: connections by the cap, kills by the connections, lines by bytes.
#[derive(Debug)]
pub(crate) enum Control {
    /// A new connection.
    Connection(NewConnection),
    /// Close a client.
    Kill(u64),
    /// Close clients of a user that hold subscriptions it may no longer have; the client with this id asked for it and still gets its reply.
    Recheck(Arc<User>, u64),
    /// Show a line to clients in MONITOR mode.
    Line(Bytes),
    /// Finish replies, then close everything.
    Drain,
}

/// An accepted socket on its way to its worker.
#[derive(Debug)]
pub(crate) struct NewConnection {
    pub(crate) socket: Socket,
    /// Everybody is served although users are configured.
    pub(crate) anonymous: bool,
    pub(crate) permit: Permit,
}

/// A socket in non-blocking mode.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(std::net::TcpStream, SocketAddr),
    /// With the path of the listener.
    Unix(std::os::unix::net::UnixStream, String),
}

impl WorkerHandle {
    /// Wakes the worker.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// Asks for something.
    pub(crate) fn tell(&self, control: Control) {
        {
            let mut controls = self.controls.lock();
            if let Control::Line(line) = &control {
                if controls.line_bytes + line.len() > LINE_BYTES_MAX {
                    return;
                }
                controls.line_bytes += line.len();
            }
            controls.queue.push(control);
        }
        self.ring();
    }

    /// Ends the worker and drops its connections.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.ring();
    }
}

impl OutboxHolder for WorkerHandle {
    fn largest(&self) -> usize {
        self.largest.load(Ordering::Relaxed)
    }

    fn cut_largest(&self) {
        self.cut_largest.store(true, Ordering::Release);
        self.ring();
    }
}

/// The worker's own side.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: usize,
    pub(crate) fan: Fanout,
    /// The reply under construction.
    pub(crate) out: Reply,
    /// Arguments of the command being carried out.
    pub(crate) args: Vec<Bytes>,
    /// What connections read into that have nothing left over.
    pub(crate) scratch: BytesMut,
    /// The pump will run.
    pumping: bool,
    draining: bool,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, index: usize, port: Port) -> Self {
        Self {
            fan: Fanout::new(Arc::clone(&shared), port),
            shared,
            index,
            out: Reply::default(),
            args: Vec::new(),
            scratch: BytesMut::new(),
            pumping: false,
            draining: false,
        }
    }

    /// The end of a task's part of the turn: what it left to be written or woken is seen to.
    pub(crate) fn end_of_batch(&mut self) {
        self.fan.port.wake_others();
        if !self.pumping && (self.fan.is_dirty() || self.fan.port.has_next()) {
            self.pumping = true;
            if let Some(handle) = self.shared.workers.get(self.index) {
                handle.ring();
            }
        }
    }

    /// One turn of the pump; whether there is more to do at once.
    fn turn(&mut self, this: &Rc<RefCell<Self>>) -> bool {
        self.pumping = true;
        self.fan.new_turn();
        let Some(handle) = self.shared.workers.get(self.index).map(Arc::clone) else { return false };
        self.controls(this, &handle);
        if !self.fan.port.has_next() {
            self.fan.port.take();
        }
        self.fan.deliver(Some(TURN_BYTES_MAX));
        let largest = self.fan.flush(FLUSHED_MAX);
        handle.largest.fetch_max(largest, Ordering::Relaxed);
        self.fan.account();
        self.fan.port.wake_others();
        let bytes_out = std::mem::take(&mut self.fan.bytes_out);
        self.shared.counters.bytes_out.fetch_add(bytes_out, Ordering::Relaxed);
        self.pumping = self.fan.is_dirty() || self.fan.port.has_next();
        self.pumping
    }

    fn controls(&mut self, this: &Rc<RefCell<Self>>, handle: &WorkerHandle) {
        if handle.cut_largest.swap(false, Ordering::AcqRel) {
            self.fan.cut_largest();
        }
        let queue = {
            let mut controls = handle.controls.lock();
            controls.line_bytes = 0;
            std::mem::take(&mut controls.queue)
        };
        for control in queue {
            match control {
                Control::Connection(_) if self.draining => {}
                Control::Connection(new) => connection::start(self, this, new),
                Control::Kill(id) => {
                    let found = self.fan.conns.iter().find(|(_, conn)| conn.client.id == id).map(|(id, _)| id as u32);
                    if let Some(id) = found {
                        self.fan.end(id, End::Now(None));
                    }
                }
                Control::Recheck(user, by) => self.fan.recheck(&user, by),
                Control::Line(line) => {
                    let monitors: Vec<u32> = self
                        .fan
                        .conns
                        .iter()
                        .filter(|(_, conn)| conn.client.has(FLAG_MONITOR))
                        .map(|(id, _)| id as u32)
                        .collect();
                    for id in monitors {
                        self.fan.reply(id, &line);
                    }
                }
                Control::Drain => {
                    self.draining = true;
                    let all: Vec<u32> = self.fan.conns.iter().map(|(id, _)| id as u32).collect();
                    for id in all {
                        self.fan.end(id, End::Flushed);
                    }
                }
            }
        }
        self.fan.resume_stalled();
    }
}

/// Starts a worker's thread. It ends with the server's last phase, or when its handle is stopped.
pub(crate) fn start(shared: Arc<Shared>, index: usize, port: Port, drain: DrainSignal) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    std::thread::Builder::new().name(format!("trine-redis-{index}")).spawn(move || {
        let tasks = LocalSet::new();
        tasks.block_on(&runtime, run(shared, index, port, drain));
        // Dropping the tasks closes the connections.
        drop(tasks);
    })?;
    Ok(())
}

async fn run(shared: Arc<Shared>, index: usize, port: Port, mut drain: DrainSignal) {
    let Some(handle) = shared.workers.get(index).map(Arc::clone) else { return };
    let worker = Rc::new(RefCell::new(Worker::new(shared, index, port)));
    let told = Arc::clone(&handle);
    let mut draining = drain.clone();
    tokio::task::spawn_local(async move {
        draining.draining().await;
        told.tell(Control::Drain);
    });
    tokio::task::spawn_local(soft_limits(Rc::downgrade(&worker), Arc::clone(&handle)));
    tokio::select! {
        () = pump(&worker, &handle) => {}
        () = drain.closing() => {}
    }
}

/// Takes turns whenever something waits.
async fn pump(worker: &Rc<RefCell<Worker>>, handle: &WorkerHandle) {
    loop {
        handle.bell.notified().await;
        loop {
            if handle.stop.load(Ordering::Acquire) {
                return;
            }
            let more = worker.borrow_mut().turn(worker);
            if !more {
                break;
            }
            yield_now().await;
        }
    }
}

/// Sees to subscribers that stay above the soft limit without anything new for them.
async fn soft_limits(worker: Weak<RefCell<Worker>>, handle: Arc<WorkerHandle>) {
    let mut ticks = interval(SOFT_LIMIT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(worker) = worker.upgrade() else { return };
        let mut worker = worker.borrow_mut();
        worker.fan.new_turn();
        let largest = worker.fan.check_soft_limits();
        handle.largest.store(largest, Ordering::Relaxed);
    }
}
