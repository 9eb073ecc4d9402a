//! `GET /metrics`: Prometheus text. Everything is aggregated by default, so that many topics and queues do not break a scrape; `?per=topic` adds lines per
//! topic, `?per=queue` lines per queue.

use std::{fmt::Write, sync::Arc};

use axum::{
    Extension,
    extract::State,
    http::{Uri, header},
    response::IntoResponse,
};
use serde::Deserialize;
use trine_broker::{Action, Broker, Principal, QueueStats, Resource};

use crate::{Admin, page, router::Answer};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    per: Option<Per>,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Per {
    Topic,
    Queue,
}

/// One metric of an edge: what it is, and its values by the labels' values.
#[derive(Clone, Debug)]
pub struct Metric {
    /// `trine_<area>_<thing>_<unit>`.
    pub name: &'static str,
    /// Whether it only rises.
    pub counter: bool,
    /// What it counts, in a sentence.
    pub help: &'static str,
    /// The label's name and value, from a closed set; `None` for a metric without one.
    pub values: Vec<(Option<(&'static str, &'static str)>, u64)>,
}

/// All metrics.
pub(crate) async fn metrics(State(admin): State<Arc<Admin>>, Extension(who): Extension<Principal>, uri: Uri) -> Answer {
    let broker = admin.allow(&who, Action::Read, Resource::ADMIN)?;
    let query: MetricsQuery = page::query(&uri)?;
    let mut text = Text::default();
    server(&mut text, &admin);
    streams(&mut text, broker);
    queues(&mut text, broker);
    for metric in admin.edge_metrics() {
        text.head(metric.name, if metric.counter { "counter" } else { "gauge" }, metric.help);
        for (label, value) in metric.values {
            match label {
                Some(label) => text.labelled(metric.name, &[label], value),
                None => text.plain(metric.name, value),
            }
        }
    }
    match query.per {
        Some(Per::Topic) => per_topic(&mut text, broker),
        Some(Per::Queue) => per_queue(&mut text, broker).await,
        None => {}
    }
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text.0).into_response())
}

fn server(text: &mut Text, admin: &Admin) {
    let info = admin.info();
    text.head("trine_server_info", "gauge", "Version and durability of the server.");
    text.labelled("trine_server_info", &[("version", info.version), ("durability", &info.durability)], 1);
    text.gauge("trine_server_uptime_seconds", "Time since start.", admin.uptime().as_secs());
    if let Some(bytes) = resident_bytes() {
        text.gauge("trine_process_resident_bytes", "Resident memory of the process.", bytes);
    }
    let counts: Vec<_> = info.listeners.iter().map(|l| (l.kind, l.limit.counts())).collect();
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&trine_net::ConnectionCounts) -> u64| {
        text.head(name, kind, help);
        for (listener, counts) in &counts {
            text.labelled(name, &[("listener", listener)], value(counts));
        }
    };
    each("trine_net_connections_open", "gauge", "Connections open now.", &|c| c.open as u64);
    each("trine_net_connections_max", "gauge", "Most connections allowed.", &|c| c.max as u64);
    each("trine_net_connections_accepted_total", "counter", "Connections served.", &|c| c.accepted);
    each("trine_net_connections_refused_total", "counter", "Connections refused at the cap.", &|c| c.refused);
}

fn streams(text: &mut Text, broker: &Broker) {
    let stats = broker.stats();
    text.gauge("trine_topic_topics_count", "Topics.", stats.topics);
    text.gauge("trine_topic_partitions_count", "Partitions of all topics.", stats.partitions);
    text.gauge("trine_group_groups_count", "Consumer groups.", stats.groups);
    text.counter("trine_stream_append_batches_total", "Batches appended.", stats.batches_appended);
    text.counter("trine_stream_append_records_total", "Records appended.", stats.records_appended);
    text.counter("trine_stream_append_bytes_total", "Bytes appended.", stats.bytes_appended);
    text.counter(
        "trine_stream_duplicate_batches_total",
        "Repeated batches answered without an append.",
        stats.duplicates,
    );
    text.counter("trine_stream_fetches_total", "Fetches answered.", stats.fetches);
    text.counter("trine_stream_fetch_bytes_total", "Bytes fetched.", stats.bytes_fetched);
    text.gauge("trine_stream_fetches_parked_count", "Fetches waiting for data now.", stats.fetches_parked);
    text.counter("trine_broker_refused_total", "Operations refused at a limit or for lack of disk.", stats.refused);
    text.gauge("trine_broker_mailbox_commands_count", "Commands waiting for a shard now.", stats.mailbox_commands);
    let store = stats.store;
    text.counter("trine_store_batches_total", "Operation batches appended.", store.batches);
    text.counter("trine_store_bytes_total", "Bytes of operation batches.", store.bytes);
    text.counter("trine_store_syncs_total", "Syncs of the log.", store.syncs);
    text.head("trine_store_sync_seconds_total", "counter", "Time spent in syncs of the log.");
    text.plain("trine_store_sync_seconds_total", store.sync_us as f64 / 1e6);
    text.gauge("trine_store_wal_bytes", "Write-ahead log in use.", store.wal_bytes);
    text.gauge("trine_store_segment_bytes", "Segments in use.", store.segment_bytes);
    text.gauge("trine_store_index_bytes", "Memory of the run index.", store.index_bytes);
    text.gauge("trine_store_cache_bytes", "Memory of the tail cache.", store.cache_bytes);
    text.gauge(
        "trine_store_full_state",
        "1 while produced data is refused because the disk is full.",
        u64::from(store.full),
    );
}

fn queues(text: &mut Text, broker: &Broker) {
    let stats = broker.stats();
    text.gauge("trine_queue_queues_count", "Queues.", stats.queues);
    text.counter("trine_queue_sent_messages_total", "Messages sent to queues.", stats.messages_sent);
    text.counter("trine_queue_received_messages_total", "Deliveries of messages.", stats.messages_received);
    text.counter("trine_queue_acked_messages_total", "Messages acknowledged.", stats.messages_acked);
    text.counter("trine_queue_expired_messages_total", "Messages whose time was over.", stats.messages_expired);
    let help = "Messages moved to a dead-letter queue.";
    text.counter("trine_queue_dead_lettered_messages_total", help, stats.messages_dead_lettered);
    text.counter("trine_queue_moved_messages_total", "Messages moved by move tasks.", stats.messages_moved);
    let help = "Receives waiting for a message now.";
    text.gauge("trine_queue_receives_waiting_count", help, stats.receives_waiting);
}

async fn per_queue(text: &mut Text, broker: &Broker) {
    let catalog = broker.catalog();
    let now = broker.now();
    let mut figures = Vec::new();
    for queue in catalog.queues() {
        // A server that stops has no figures any more.
        if let Ok(stats) = broker.queues().stats(queue).await {
            figures.push((queue.namespace(), queue.name(), stats));
        }
    }
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(&QueueStats) -> u64| {
        text.head(name, kind, help);
        for (namespace, queue, stats) in &figures {
            text.labelled(name, &[("namespace", namespace.as_str()), ("queue", queue.as_str())], value(stats));
        }
    };
    each("trine_queue_ready_messages_count", "gauge", "Messages that can be received.", &|s| s.ready);
    each("trine_queue_in_flight_messages_count", "gauge", "Messages that consumers have.", &|s| s.in_flight);
    each("trine_queue_delayed_messages_count", "gauge", "Messages not yet due.", &|s| s.delayed);
    each("trine_queue_moving_messages_count", "gauge", "Messages on their way to another queue.", &|s| s.moving);
    each("trine_queue_bytes", "gauge", "Bytes of a queue's messages.", &|s| s.bytes);
    each("trine_queue_oldest_message_age_seconds", "gauge", "Age of the oldest message.", &|s| {
        s.oldest_sent_at.map_or(0, |at| now.ms_since(at).cast_unsigned() / 1000)
    });
    each("trine_queue_waiters_count", "gauge", "Receives waiting on a queue now.", &|s| s.waiters);
}

fn per_topic(text: &mut Text, broker: &Broker) {
    let catalog = broker.catalog();
    let mut topics: Vec<_> = catalog.topics().collect();
    topics.sort_by(|a, b| a.name.cmp(&b.name));
    let figures: Vec<_> = topics
        .iter()
        .map(|topic| {
            let (mut records, mut end, mut bytes) = (0, 0, 0);
            for partition in topic.all_partitions() {
                let stats = broker.streams().partition_stats(&partition);
                records += stats.end - stats.log_start;
                end += stats.end;
                bytes += stats.bytes;
            }
            (topic.name.as_str(), records, end, bytes)
        })
        .collect();
    let mut each = |name: &str, kind: &str, help: &str, value: fn(&(&str, u64, u64, u64)) -> u64| {
        text.head(name, kind, help);
        for figure in &figures {
            text.labelled(name, &[("topic", figure.0)], value(figure));
        }
    };
    each("trine_topic_records_count", "gauge", "Offsets kept by a topic.", |f| f.1);
    each("trine_topic_append_records_total", "counter", "Offsets ever given out by a topic.", |f| f.2);
    each("trine_topic_bytes", "gauge", "Bytes kept by a topic.", |f| f.3);
}

/// The exposition format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "gauge", help);
        self.plain(name, value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "counter", help);
        self.plain(name, value);
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let _ = write!(self.0, "{name}{{");
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if i == 0 { "" } else { "," });
        }
        let _ = writeln!(self.0, "}} {value}");
    }
}

/// Resident memory of this process, where the platform tells.
pub(crate) fn resident_bytes() -> Option<u64> {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    statm.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_escapes_labels() {
        let mut text = Text::default();
        text.gauge("trine_a_b_count", "Help.", 3);
        text.labelled("x", &[("a", "q\"\\\n"), ("b", "c")], 1);
        assert_eq!(
            text.0,
            "# HELP trine_a_b_count Help.\n# TYPE trine_a_b_count gauge\ntrine_a_b_count 3\nx{a=\"q\\\"\\\\\\n\",b=\"c\"} 1\n"
        );
    }
}
