//! What the configuration APIs share: settings of topics and of the broker as the protocol shows them.

use kafka_wire::{
    create_topics_response::CreatableTopicConfigs,
    describe_configs_response::{DescribeConfigsResourceResult, DescribeConfigsSynonym},
};
use trine_broker::{Topic, TopicDefaults};
use trine_core::catalog::{SettingKind, SettingSpec, TOPIC_SETTINGS, setting_spec};

use super::{message, text};
use crate::{connection::Ctx, wire::Text};

/// Resource types.
pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;

/// Where a value comes from.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_SERVER: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;

/// Types of values.
const BOOLEAN: i8 = 1;
const STRING: i8 = 2;
const INT: i8 = 3;
const LONG: i8 = 5;
const DOUBLE: i8 = 6;
const LIST: i8 = 7;

/// What of a setting was asked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Names; `None` for all. Unknown ones are left out of the answer.
    pub(super) keys: Option<&'a [Text]>,
    pub(super) synonyms: bool,
    pub(super) documentation: bool,
}

impl Wanted<'_> {
    fn has(&self, name: &str) -> bool {
        self.keys.is_none_or(|keys| keys.iter().any(|key| **key == *name))
    }
}

/// The settings of a topic.
pub(super) fn of_topic(ctx: &Ctx, topic: &Topic, wanted: Wanted<'_>) -> Vec<DescribeConfigsResourceResult> {
    let catalog = ctx.kafka.broker.catalog();
    let defaults = catalog.topic_defaults();
    let shown = TOPIC_SETTINGS.iter().filter(|spec| wanted.has(spec.name)).map(|spec| {
        let (value, own) = topic.config.value(spec, defaults);
        let source = if own { SOURCE_TOPIC } else { source_of_default(spec, defaults) };
        let mut synonyms = Vec::new();
        if wanted.synonyms {
            if own {
                synonyms.push(synonym(spec.name, value, SOURCE_TOPIC));
            }
            let (default, configured) = defaults.get(spec);
            let server_name = server_name(spec.name);
            if configured {
                synonyms.push(synonym(&server_name, default, SOURCE_SERVER));
            }
            synonyms.push(synonym(&server_name, spec.default, SOURCE_DEFAULT));
        }
        message!(DescribeConfigsResourceResult {
            name: Text::from(spec.name),
            value: text(value),
            config_source: source,
            synonyms: synonyms,
            config_type: type_of(spec.kind),
            documentation: text(spec.doc).filter(|_| wanted.documentation),
        })
    });
    shown.collect()
}

/// The settings of a topic that was created just now.
pub(super) fn of_created_topic(ctx: &Ctx, topic: &Topic) -> Vec<CreatableTopicConfigs> {
    let catalog = ctx.kafka.broker.catalog();
    let defaults = catalog.topic_defaults();
    let shown = TOPIC_SETTINGS.iter().map(|spec| {
        let (value, own) = topic.config.value(spec, defaults);
        message!(CreatableTopicConfigs {
            name: Text::from(spec.name),
            value: text(value),
            config_source: if own { SOURCE_TOPIC } else { source_of_default(spec, defaults) },
        })
    });
    shown.collect()
}

/// The settings of the broker: what its tools and libraries look for. They are changed in the server's configuration, not here.
pub(super) fn of_broker(ctx: &Ctx, wanted: Wanted<'_>) -> Vec<DescribeConfigsResourceResult> {
    let mut shown: Vec<(String, String, i8, i8)> = Vec::new();
    for (name, value, kind) in broker_settings(ctx) {
        shown.push((name.to_owned(), value, kind, SOURCE_SERVER));
    }
    let catalog = ctx.kafka.broker.catalog();
    for spec in TOPIC_SETTINGS {
        let (value, configured) = catalog.topic_defaults().get(spec);
        let source = if configured { SOURCE_SERVER } else { SOURCE_DEFAULT };
        shown.push((server_name(spec.name), value.to_owned(), type_of(spec.kind), source));
    }
    for (name, value) in ctx.kafka.config.shown_settings.iter() {
        shown.retain(|(known, ..)| known != name);
        shown.push((name.clone(), value.clone(), STRING, SOURCE_SERVER));
    }
    shown.sort();
    shown.dedup_by(|a, b| a.0 == b.0);
    shown
        .into_iter()
        .filter(|(name, ..)| wanted.has(name))
        .map(|(name, value, kind, source)| {
            let synonyms = if wanted.synonyms { vec![synonym(&name, &value, source)] } else { Vec::new() };
            message!(DescribeConfigsResourceResult {
                name: Text::from(name),
                value: text(value),
                read_only: true,
                config_source: source,
                synonyms: synonyms,
                config_type: kind,
            })
        })
        .collect()
}

fn broker_settings(ctx: &Ctx) -> Vec<(&'static str, String, i8)> {
    let edge = &ctx.kafka.config;
    let broker = ctx.kafka.broker.config();
    let groups = &broker.groups;
    let (host, port) = ctx.endpoint();
    let local = format!("PLAINTEXT://{}", ctx.local);
    vec![
        ("node.id", edge.node_id.to_string(), INT),
        ("broker.id", edge.node_id.to_string(), INT),
        ("broker.rack", String::new(), STRING),
        ("process.roles", "broker,controller".to_owned(), LIST),
        ("listeners", local, LIST),
        ("advertised.listeners", format!("PLAINTEXT://{}:{port}", bracketed(&host)), LIST),
        ("log.dirs", edge.log_dir.clone(), LIST),
        ("num.partitions", broker.default_partitions.to_string(), INT),
        ("default.replication.factor", "1".to_owned(), INT),
        ("auto.create.topics.enable", edge.auto_create_topics.to_string(), BOOLEAN),
        ("delete.topic.enable", "true".to_owned(), BOOLEAN),
        ("offsets.retention.minutes", (groups.offset_retention_ms / 60_000).to_string(), INT),
        ("offset.metadata.max.bytes", groups.offset_metadata_max.to_string(), INT),
        ("group.initial.rebalance.delay.ms", groups.initial_rebalance_delay.as_millis().to_string(), INT),
        ("group.min.session.timeout.ms", groups.session_timeout_min_ms.to_string(), INT),
        ("group.max.session.timeout.ms", groups.session_timeout_max_ms.to_string(), INT),
        ("group.max.size", groups.members_max.to_string(), INT),
        ("group.coordinator.rebalance.protocols", "classic".to_owned(), LIST),
        ("producer.id.expiration.ms", broker.producer_idle_ms.to_string(), INT),
        ("socket.request.max.bytes", edge.request_bytes_max.to_string(), INT),
        ("fetch.max.bytes", broker.fetch_bytes_max.to_string(), INT),
        ("max.incremental.fetch.session.cache.slots", edge.fetch_sessions_max.to_string(), INT),
        ("connections.max.idle.ms", edge.idle_max.as_millis().to_string(), LONG),
        ("sasl.enabled.mechanisms", String::new(), LIST),
        ("authorizer.class.name", String::new(), STRING),
        ("super.users", String::new(), STRING),
    ]
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn source_of_default(spec: &SettingSpec, defaults: &TopicDefaults) -> i8 {
    if defaults.get(spec).1 { SOURCE_SERVER } else { SOURCE_DEFAULT }
}

fn synonym(name: &str, value: &str, source: i8) -> DescribeConfigsSynonym {
    message!(DescribeConfigsSynonym { name: Text::from(name), value: text(value), source: source })
}

/// What the server calls the default of a topic's setting.
fn server_name(topic_setting: &str) -> String {
    match topic_setting {
        "max.message.bytes" => "message.max.bytes".to_owned(),
        "segment.ms" => "log.roll.ms".to_owned(),
        "segment.jitter.ms" => "log.roll.jitter.ms".to_owned(),
        "segment.index.bytes" => "log.index.size.max.bytes".to_owned(),
        "delete.retention.ms" => "log.cleaner.delete.retention.ms".to_owned(),
        "file.delete.delay.ms" => "log.segment.delete.delay.ms".to_owned(),
        "flush.messages" => "log.flush.interval.messages".to_owned(),
        "flush.ms" => "log.flush.interval.ms".to_owned(),
        "min.cleanable.dirty.ratio" => "log.cleaner.min.cleanable.ratio".to_owned(),
        "min.compaction.lag.ms" => "log.cleaner.min.compaction.lag.ms".to_owned(),
        "max.compaction.lag.ms" => "log.cleaner.max.compaction.lag.ms".to_owned(),
        "cleanup.policy"
        | "index.interval.bytes"
        | "message.timestamp.type"
        | "preallocate"
        | "retention.bytes"
        | "retention.ms"
        | "segment.bytes"
        | "local.retention.bytes"
        | "local.retention.ms"
        | "message.timestamp.after.max.ms"
        | "message.timestamp.before.max.ms" => format!("log.{topic_setting}"),
        same => same.to_owned(),
    }
}

const fn type_of(kind: SettingKind) -> i8 {
    match kind {
        SettingKind::Bool => BOOLEAN,
        SettingKind::Int { .. } => INT,
        SettingKind::Long { .. } => LONG,
        SettingKind::Double { .. } => DOUBLE,
        SettingKind::List { .. } | SettingKind::FreeList => LIST,
        SettingKind::Choice { .. } | SettingKind::Text | SettingKind::Durability => STRING,
    }
}

/// Whether a setting takes a list.
pub(super) fn is_list(name: &str) -> bool {
    setting_spec(name).is_some_and(|spec| type_of(spec.kind) == LIST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known() {
        assert!(is_list("cleanup.policy"));
        assert!(!is_list("retention.ms"));
        assert!(!is_list("no.such.setting"));
    }

    #[test]
    fn ipv6_hosts_are_bracketed() {
        assert_eq!(bracketed("::1"), "[::1]");
        assert_eq!(bracketed("localhost"), "localhost");
    }
}
