//! The Kafka edge, configured.

use std::{pin::Pin, sync::Arc};

use trine_admin::Metric;
use trine_broker::Broker;
use trine_kafka::{Kafka, KafkaConfig};
use trine_net::{Advertised, Conn};

use crate::{Environment, config::Config, store};

/// An edge whose listeners share everything.
pub(crate) fn edge(config: &Config, env: &Environment, broker: &Broker, advertised: &Advertised) -> Kafka {
    let log_dir =
        if config.in_memory() { "memory".to_owned() } else { store::absolute(&config.data).display().to_string() };
    let shown = [
        ("num.partitions", config.kafka_partitions.to_string()),
        ("auto.create.topics.enable", config.kafka_auto_create.to_string()),
        ("group.initial.rebalance.delay.ms", config.kafka_initial_rebalance_delay.as_millis().to_string()),
        ("max.connections", config.connections_max.to_string()),
    ];
    let config = KafkaConfig {
        advertised: advertised.clone(),
        auto_create_topics: config.kafka_auto_create,
        any_replication_factor: config.kafka_any_replication_factor,
        shown_settings: Arc::new(shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        log_dir,
        ..KafkaConfig::default()
    };
    Kafka::new(broker.clone(), config, Arc::clone(&env.rng))
}

/// What an accept loop of the edge runs for each connection.
pub(crate) fn handler(kafka: &Kafka) -> impl Fn(Conn) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + 'static {
    let kafka = kafka.clone();
    move |conn| Box::pin(kafka.clone().serve(conn))
}

/// The edge's figures as metrics.
pub(crate) fn metrics(kafka: &Kafka) -> Vec<Metric> {
    let stats = kafka.stats();
    let one = |value: u64| vec![(None, value)];
    let count = |value: usize| one(value as u64);
    vec![
        Metric {
            name: "trine_kafka_requests_total",
            counter: true,
            help: "Requests read, by API.",
            values: stats.apis.iter().map(|api| (Some(("api", api.name)), api.requests)).collect(),
        },
        Metric {
            name: "trine_kafka_malformed_total",
            counter: true,
            help: "Connections closed because of a request that cannot be read.",
            values: one(stats.malformed),
        },
        Metric {
            name: "trine_kafka_unknown_outcomes_total",
            counter: true,
            help: "Connections closed because nobody knows what became of a request.",
            values: one(stats.unanswered),
        },
        Metric {
            name: "trine_kafka_fetch_sessions_count",
            counter: false,
            help: "Fetch sessions open now.",
            values: count(stats.fetch_sessions),
        },
        Metric {
            name: "trine_kafka_request_memory_bytes",
            counter: false,
            help: "Memory of requests being read or answered.",
            values: count(stats.request_bytes),
        },
        Metric {
            name: "trine_kafka_response_memory_bytes",
            counter: false,
            help: "Fetched records waiting for their readers.",
            values: count(stats.response_bytes),
        },
    ]
}
