//! Figures of the edge.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    Inner,
    wire::{APIS, Api},
};

/// Figures of the Kafka edge; counters are since start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaStats {
    /// Requests per API, in the order of the table.
    pub apis: Vec<ApiStats>,
    /// Connections closed because of a request that could not be read.
    pub malformed: u64,
    /// Connections closed instead of an answer: the outcome was unknown, or a request without acks failed.
    pub unanswered: u64,
    /// Fetch sessions open now.
    pub fetch_sessions: usize,
    /// Bytes of requests that are being read or answered (beyond the first 64 KiB of each).
    pub request_bytes: usize,
    /// Bytes of fetched records that wait for their readers.
    pub response_bytes: usize,
}

/// Requests of one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiStats {
    /// Name of the API.
    pub name: &'static str,
    /// Requests read.
    pub requests: u64,
}

#[derive(Debug)]
pub(crate) struct Counters {
    requests: Vec<AtomicU64>,
    malformed: AtomicU64,
    unanswered: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: APIS.iter().map(|_| AtomicU64::new(0)).collect(),
            malformed: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        }
    }
}

impl Counters {
    pub(crate) fn request(&self, api: &Api) {
        if let Some(counter) = APIS.iter().position(|a| a.key == api.key).and_then(|at| self.requests.get(at)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unanswered(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn collect(&self, inner: &Inner) -> KafkaStats {
        KafkaStats {
            apis: APIS
                .iter()
                .zip(&self.requests)
                .map(|(api, count)| ApiStats { name: api.name, requests: count.load(Ordering::Relaxed) })
                .collect(),
            malformed: self.malformed.load(Ordering::Relaxed),
            unanswered: self.unanswered.load(Ordering::Relaxed),
            fetch_sessions: inner.sessions.len(),
            request_bytes: inner.memory.request_bytes(),
            response_bytes: inner.memory.response_bytes(),
        }
    }
}
