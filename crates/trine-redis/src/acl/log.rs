//! ACL LOG: the latest refusals.

use std::collections::VecDeque;

use bytes::Bytes;

/// Entries kept (redis: `acllog-max-len`).
const ENTRIES_MAX: usize = 128;
/// The same refusal within so many milliseconds counts up the entry there is.
const GROUPED_MS: u64 = 60_000;
/// Bytes kept of a key or channel.
const OBJECT_BYTES_MAX: usize = 1024;

/// What was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// A login.
    Auth,
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
}

impl Reason {
    /// The word in the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    /// Whether it was in a transaction.
    pub(crate) in_multi: bool,
    /// The command, key or channel.
    pub(crate) object: Bytes,
    pub(crate) user: Bytes,
    /// The line of CLIENT INFO.
    pub(crate) client: Vec<u8>,
    /// Monotonic milliseconds.
    pub(crate) at_ms: u64,
    /// Milliseconds since the epoch.
    pub(crate) wall_ms: i64,
}

/// An entry: a refusal, how often it came, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) count: u64,
    pub(crate) created_wall_ms: i64,
    pub(crate) latest: Denial,
}

/// The log, latest first.
#[derive(Debug, Default)]
pub(crate) struct AclLog {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl AclLog {
    /// Adds a refusal.
    pub(crate) fn add(&mut self, mut denial: Denial) {
        denial.object = Bytes::copy_from_slice(denial.object.get(..OBJECT_BYTES_MAX).unwrap_or(&denial.object));
        denial.user = Bytes::copy_from_slice(denial.user.get(..OBJECT_BYTES_MAX).unwrap_or(&denial.user));
        let same = self.entries.iter().position(|entry| {
            let latest = &entry.latest;
            latest.reason == denial.reason
                && latest.in_multi == denial.in_multi
                && latest.object == denial.object
                && latest.user == denial.user
                && denial.at_ms.saturating_sub(latest.at_ms) <= GROUPED_MS
        });
        let entry = match same.and_then(|at| self.entries.remove(at)) {
            Some(entry) => Entry { count: entry.count + 1, latest: denial, ..entry },
            None => {
                self.next_id += 1;
                Entry { id: self.next_id - 1, count: 1, created_wall_ms: denial.wall_ms, latest: denial }
            }
        };
        self.entries.push_front(entry);
        self.entries.truncate(ENTRIES_MAX);
    }

    /// The latest entries.
    pub(crate) fn latest(&self, count: usize) -> Vec<Entry> {
        self.entries.iter().take(count).cloned().collect()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
