//! The list of all connections of all workers: CLIENT LIST, CLIENT KILL and INFO read it. Connections write their part with relaxed stores.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::session::DEFAULT_USER;

/// Bit in [`Client::flags`]: MONITOR is on.
pub(crate) const FLAG_MONITOR: u32 = 1 << 0;
/// Bit in [`Client::flags`]: came over the unix socket.
pub(crate) const FLAG_UNIX: u32 = 1 << 1;
/// Bit in [`Client::flags`]: CLIENT NO-EVICT is on.
pub(crate) const FLAG_NO_EVICT: u32 = 1 << 2;
/// Bit in [`Client::flags`]: CLIENT NO-TOUCH is on.
pub(crate) const FLAG_NO_TOUCH: u32 = 1 << 3;
/// Bit in [`Client::flags`]: closes once its replies are written.
pub(crate) const FLAG_CLOSING: u32 = 1 << 4;

/// What everybody may see of a connection.
#[derive(Debug)]
pub(crate) struct Client {
    /// Unique, rising, never used again.
    pub(crate) id: u64,
    /// The worker that owns the connection.
    pub(crate) worker: usize,
    /// `host:port` or `path:0`.
    pub(crate) addr: String,
    /// Our side of it.
    pub(crate) laddr: String,
    /// Descriptor of the socket, for CLIENT LIST only.
    pub(crate) fd: i32,
    /// Monotonic milliseconds.
    pub(crate) created_ms: u64,
    /// Names, as the client chose them.
    pub(crate) names: Mutex<Names>,
    /// Monotonic milliseconds of the last command.
    pub(crate) last_ms: AtomicU64,
    /// Full name of the last command (`client|info`).
    pub(crate) last_command: Mutex<&'static str>,
    /// `FLAG_…`.
    pub(crate) flags: AtomicU32,
    /// 2 or 3.
    pub(crate) resp: AtomicU8,
    /// SELECT.
    pub(crate) db: AtomicU32,
    /// Subscriptions: exact, pattern, shard.
    pub(crate) sub: AtomicUsize,
    pub(crate) psub: AtomicUsize,
    pub(crate) ssub: AtomicUsize,
    /// Commands queued by MULTI; −1 outside.
    pub(crate) multi: AtomicI64,
    /// Bytes of their arguments.
    pub(crate) multi_bytes: AtomicUsize,
    /// Bytes received and not yet carried out.
    pub(crate) query_bytes: AtomicUsize,
    /// Bytes waiting to be written.
    pub(crate) outbox_bytes: AtomicUsize,
    /// Somebody wants it closed; its worker does so after a wake.
    pub(crate) killed: AtomicBool,
}

/// Names of a client.
#[derive(Clone, Default, Debug)]
pub(crate) struct Names {
    /// CLIENT SETNAME.
    pub(crate) name: Bytes,
    /// CLIENT SETINFO LIB-NAME.
    pub(crate) lib_name: Bytes,
    /// CLIENT SETINFO LIB-VER.
    pub(crate) lib_ver: Bytes,
    /// The user it authenticated as.
    pub(crate) user: Arc<str>,
}

impl Client {
    /// A client that has said nothing yet.
    pub(crate) fn new(id: u64, worker: usize, addr: String, laddr: String, fd: i32, now_ms: u64) -> Self {
        Self {
            id,
            worker,
            addr,
            laddr,
            fd,
            created_ms: now_ms,
            names: Mutex::new(Names { user: DEFAULT_USER.into(), ..Names::default() }),
            last_ms: AtomicU64::new(now_ms),
            last_command: Mutex::new("NULL"),
            flags: AtomicU32::new(0),
            resp: AtomicU8::new(2),
            db: AtomicU32::new(0),
            sub: AtomicUsize::new(0),
            psub: AtomicUsize::new(0),
            ssub: AtomicUsize::new(0),
            multi: AtomicI64::new(-1),
            multi_bytes: AtomicUsize::new(0),
            query_bytes: AtomicUsize::new(0),
            outbox_bytes: AtomicUsize::new(0),
            killed: AtomicBool::new(false),
        }
    }

    /// Whether a flag is set.
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Relaxed) & flag != 0
    }

    /// Sets or clears a flag.
    pub(crate) fn set(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flag, Ordering::Relaxed);
        }
    }

    /// Whether it has any subscription.
    pub(crate) fn is_subscriber(&self) -> bool {
        [&self.sub, &self.psub, &self.ssub].iter().any(|n| n.load(Ordering::Relaxed) > 0)
    }
}

/// All connections by id.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    next: AtomicU64,
    all: Mutex<BTreeMap<u64, Arc<Client>>>,
}

impl Clients {
    /// The id of a new connection, from 1.
    pub(crate) fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Adds a connection.
    pub(crate) fn add(&self, client: Arc<Client>) {
        self.all.lock().insert(client.id, client);
    }

    /// Removes a connection that has ended.
    pub(crate) fn remove(&self, id: u64) {
        self.all.lock().remove(&id);
    }

    /// One connection.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.all.lock().get(&id).cloned()
    }

    /// All of them, by id.
    pub(crate) fn list(&self) -> Vec<Arc<Client>> {
        self.all.lock().values().cloned().collect()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.lock().len()
    }
}
