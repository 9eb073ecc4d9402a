//! Figures of the port.

use std::sync::atomic::{AtomicU64, Ordering};

use super::body::Room;
use crate::ServiceInfo;

/// Figures of the AWS port; counters are since start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsStats {
    /// Calls per action of all services.
    pub actions: Vec<ActionStats>,
    /// Requests that were not let in: no, a wrong or an outdated signature.
    pub unauthenticated: u64,
    /// Requests that could not be read or were for no action.
    pub malformed: u64,
    /// Answers that blame the caller, of calls that reached an action.
    pub sender_errors: u64,
    /// Answers that blame the server.
    pub receiver_errors: u64,
    /// Bytes of bodies being read or answered (beyond the first 64 KiB of each).
    pub body_bytes: usize,
}

/// Calls of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionStats {
    /// The action's name.
    pub action: &'static str,
    /// Calls.
    pub calls: u64,
}

#[derive(Debug)]
pub(crate) struct Counters {
    actions: Vec<(&'static str, AtomicU64)>,
    pub(crate) unauthenticated: AtomicU64,
    pub(crate) malformed: AtomicU64,
    sender_errors: AtomicU64,
    receiver_errors: AtomicU64,
}

impl Counters {
    pub(crate) fn new(services: impl Iterator<Item = &'static ServiceInfo>) -> Self {
        let actions = services.flat_map(|info| info.actions).map(|action| (*action, AtomicU64::new(0))).collect();
        Self {
            actions,
            unauthenticated: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            sender_errors: AtomicU64::new(0),
            receiver_errors: AtomicU64::new(0),
        }
    }

    pub(crate) fn called(&self, action: &str) {
        if let Some((_, counter)) = self.actions.iter().find(|(name, _)| *name == action) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn failed(&self, status: u16) {
        let counter = if status < 500 { &self.sender_errors } else { &self.receiver_errors };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn collect(&self, room: &Room) -> AwsStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AwsStats {
            actions: self.actions.iter().map(|(action, calls)| ActionStats { action, calls: read(calls) }).collect(),
            unauthenticated: read(&self.unauthenticated),
            malformed: read(&self.malformed),
            sender_errors: read(&self.sender_errors),
            receiver_errors: read(&self.receiver_errors),
            body_bytes: room.used(),
        }
    }
}
