//! The bounded queue in front of a shard. Its owner takes everything that is there at once, so that a busy shard is woken once per round and not once
//! per command.

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{Failure, shard::Command};

/// Commands that may wait in one mailbox. Appends are bounded by bytes before (permits), so this is met only when a shard hangs.
pub(crate) const MAILBOX_COMMANDS_MAX: usize = 1 << 18;

/// The queue.
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    notify: Notify,
}

struct Queue {
    commands: Vec<Command>,
    closed: Option<Failure>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self { queue: Mutex::new(Queue { commands: Vec::new(), closed: None }), notify: Notify::new() }
    }

    /// Puts a command in; when this returns, its place in the order is settled. A refused command is dropped, which tells its sender.
    pub(crate) fn push(&self, command: Command) -> Result<(), Failure> {
        let first = {
            let mut queue = self.queue.lock();
            if let Some(reason) = &queue.closed {
                return Err(reason.clone());
            }
            if queue.commands.len() >= MAILBOX_COMMANDS_MAX {
                return Err(Failure::Busy { limit: "mailbox_commands_max", value: MAILBOX_COMMANDS_MAX as u64 });
            }
            queue.commands.push(command);
            queue.commands.len() == 1
        };
        if first {
            self.notify.notify_one();
        }
        Ok(())
    }

    /// Puts in what another shard sends: never refused for lack of room. Dropped when the mailbox is closed, as recovery will do what it stood for.
    pub(crate) fn push_internal(&self, command: Command) {
        {
            let mut queue = self.queue.lock();
            if queue.closed.is_some() {
                return;
            }
            queue.commands.push(command);
        }
        self.notify.notify_one();
    }

    /// Takes everything; `into` must be empty, its memory is reused.
    pub(crate) fn drain(&self, into: &mut Vec<Command>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut self.queue.lock().commands, into);
    }

    /// Wakes the owner for another reason than a command.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits until there is a reason to look.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// Refuses everything from now on with this reason, and drops what waits.
    pub(crate) fn close(&self, reason: Failure) {
        let dropped = {
            let mut queue = self.queue.lock();
            queue.closed.get_or_insert(reason);
            std::mem::take(&mut queue.commands)
        };
        drop(dropped);
        self.notify.notify_one();
    }

    /// Commands that wait now.
    pub(crate) fn len(&self) -> usize {
        self.queue.lock().commands.len()
    }
}
