//! Message time was moved (decision Q12).

use super::super::{Reply, Shard};

impl Shard {
    /// Does everything that is due at the time the clock shows now, and answers how much that was once it is durable. What it begins elsewhere (messages
    /// on their way to other queues or to connections) is counted by the broker.
    pub(crate) fn clock_round(&mut self, reply: Reply<u64>) {
        self.now = self.now.max(self.shared.clock.now());
        let mut due = 0;
        loop {
            let done = self.queue_timers();
            due += done;
            if done == 0 || self.failed {
                break;
            }
        }
        // Retention of topics, offsets of groups and what else only a sweep looks at.
        self.sweep_now();
        self.flush_queues();
        self.answer(reply, due);
    }
}
