//! What the clients know of queues: one of a name after the other.

use trine_broker::{DeadLetter, QueueDurability, QueueSettings};
use trine_types::{QueueName, Uuid};

use super::{DEAD, JOBS, LAZY, NAMES, ORDERS, RANKED, VOLATILE};

/// A visibility that often ends within a life.
const VISIBILITY_MS: u64 = 300;
/// Deliveries of a message before it goes to the dead-letter queue.
const MAX_RECEIVES: u32 = 3;
/// The interval of the queue that syncs now and then.
pub(super) const INTERVAL_MS: u32 = 50;
/// Priorities of the queue that has some.
pub(super) const PRIORITIES: u8 = 3;
/// A retention that ends within a life.
pub(super) const SHORT_MS: u64 = 2_000;

/// A queue.
pub(super) struct Made {
    pub(super) name: usize,
    pub(super) id: Uuid,
    /// Somebody asked for its end.
    pub(super) deleting: bool,
    /// It is gone.
    pub(super) deleted: bool,
    /// Purges that were not answered.
    pub(super) purging: u32,
    /// Until when a purge may have taken messages.
    pub(super) purged: u64,
    /// Until when its retention may have been [`SHORT_MS`].
    pub(super) short: u64,
    /// Settings that may be in effect: the last that were answered, and those asked for since.
    pub(super) may: Vec<QueueSettings>,
    /// Since when they are in effect for certain, if nobody asked for others since.
    pub(super) sure: Option<u64>,
    /// Move tasks that somebody asked for.
    pub(super) moves_asked: u64,
}

impl Made {
    pub(super) fn new(name: usize, id: Uuid, settings: QueueSettings, tick: u64) -> Self {
        let may = vec![settings];
        let (deleting, deleted, purging, moves_asked) = (false, false, 0, 0);
        Self { name, id, deleting, deleted, purging, purged: 0, short: 0, may, sure: Some(tick), moves_asked }
    }

    /// The settings in effect at `since` and ever after, if that is certain.
    pub(super) fn settings_since(&self, since: u64) -> Option<&QueueSettings> {
        self.may.first().filter(|_| self.sure.is_some_and(|sure| sure < since))
    }

    /// Somebody asks for other settings.
    pub(super) fn altering(&mut self, settings: QueueSettings) {
        self.sure = None;
        if settings.retention_ms == SHORT_MS {
            self.short = u64::MAX;
        }
        self.may.push(settings);
    }

    /// These settings are in effect.
    pub(super) fn altered(&mut self, settings: QueueSettings, tick: u64) {
        if settings.retention_ms == SHORT_MS {
            self.short = u64::MAX;
        } else if self.short == u64::MAX {
            self.short = tick;
        }
        (self.may, self.sure) = (vec![settings], Some(tick));
    }
}

/// The settings with which a queue is made.
pub(super) fn settings(name: usize) -> QueueSettings {
    let dead_letter = if name == JOBS { dead_letters() } else { None };
    let durability = match name {
        LAZY => QueueDurability::Interval(INTERVAL_MS),
        VOLATILE => QueueDurability::Memory,
        _ => QueueDurability::Default,
    };
    QueueSettings {
        fifo: name == ORDERS,
        visibility_ms: VISIBILITY_MS,
        dedup_window_ms: 86_400_000,
        dead_letter,
        durability,
        priorities: if name == RANKED { PRIORITIES } else { 0 },
        ..QueueSettings::default()
    }
}

/// Where the dead letters of jobs go.
pub(super) fn dead_letters() -> Option<DeadLetter> {
    QueueName::parse(NAMES[DEAD]).ok().map(|target| DeadLetter { target, max_receives: MAX_RECEIVES })
}
