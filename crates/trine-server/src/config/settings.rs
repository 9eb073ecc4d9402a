//! The table of settings: every key, its default, its meaning, and how its text is read. The loader, `trine check` and the reference page all come from
//! this one table.

use std::{path::PathBuf, time::Duration};

use super::{
    Config, Durability, Listener, ListenerKind, LogFormat, Profile, UnixListener, parse_duration, parse_size,
    show_duration,
};

/// Longest sync interval in milliseconds: a power cut may cost this much.
const INTERVAL_MS_MAX: u128 = 60_000;
/// Most connections that can be asked for; the limit of open files comes first on most machines.
const CONNECTIONS_MAX: usize = 1_000_000;
/// Longest pause between purges, or until the name of a deleted queue is free: what the service itself has.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Most threads for Redis clients.
const REDIS_WORKERS_MAX: usize = 64;
/// Bounds of the longest argument; Redis's own lower bound is the same.
const REDIS_BULK_MIN: usize = 1 << 20;
const REDIS_BULK_MAX: usize = 2 << 30;
/// Less would cut off subscribers that are merely busy.
const OUTBOX_TOTAL_MIN: usize = 1 << 20;
/// Longest drain.
const DRAIN_MS_MAX: u128 = 3_600_000;

/// One setting.
pub struct Setting {
    /// Key in the file: `section.key`, or `key` at the top.
    pub key: &'static str,
    /// Default as text; empty: unset.
    pub default: &'static str,
    /// Default in `trine dev` where it differs.
    pub default_dev: Option<&'static str>,
    /// What it means, in a sentence or two.
    pub doc: &'static str,
    /// Reads the value (several for a list) into the configuration.
    pub(super) set: fn(&mut Config, &[String]) -> Result<(), String>,
}

impl Setting {
    /// The environment variable: `TRINE_SECTION__KEY`.
    #[must_use]
    pub fn env(&self) -> String {
        format!("TRINE_{}", self.key.replace('.', "__").to_uppercase())
    }

    /// The default of a way to run.
    #[must_use]
    pub fn default_of(&self, profile: Profile) -> &'static str {
        match (profile, self.default_dev) {
            (Profile::Dev, Some(default)) => default,
            _ => self.default,
        }
    }
}

/// All settings.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "data",
        default: "./trine-data",
        default_dev: None,
        doc: "Directory that keeps all messages. One process at a time may use it.",
        set: |c, v| text(v).map(|v| c.data = PathBuf::from(v)),
    },
    Setting {
        key: "durability",
        default: "sync",
        default_dev: Some("memory"),
        doc: "When a record counts as kept: `sync` (on disk before the answer), `interval:MS` (written before the answer, on disk at most MS \
              milliseconds later), `memory` (nothing is written; everything is gone after a stop).",
        set: |c, v| durability(text(v)?).map(|v| c.durability = v),
    },
    Setting {
        key: "listen.kafka",
        default: "127.0.0.1:9092",
        default_dev: None,
        doc: "Address (or list of addresses) for Kafka clients, or `off`. `,anonymous` after an address serves everybody although users are \
              configured. Loopback means 127.0.0.1 and ::1; port 0 takes a free port.",
        set: |c, v| listen(c, ListenerKind::Kafka, v),
    },
    Setting {
        key: "listen.aws",
        default: "127.0.0.1:4566 127.0.0.1:9324 127.0.0.1:4567",
        default_dev: None,
        doc: "Address (or list of addresses) for SQS clients, or `off`; every address serves the same. Of the default ones only 4566 must be free. \
              `,anonymous` after an address serves everybody although users are configured.",
        set: |c, v| listen(c, ListenerKind::Aws, v),
    },
    Setting {
        key: "listen.redis",
        default: "127.0.0.1:6379",
        default_dev: None,
        doc: "Address (or list of addresses) for Redis clients, or `off`; `unix:/PATH` is a unix socket. `,anonymous` after an address serves \
              everybody although users are configured.",
        set: listen_redis,
    },
    Setting {
        key: "listen.admin",
        default: "127.0.0.1:15672",
        default_dev: None,
        doc: "Address (or list of addresses) for the admin API, metrics and health, or `off`.",
        set: |c, v| listen(c, ListenerKind::Admin, v),
    },
    Setting {
        key: "advertise.kafka",
        default: "",
        default_dev: None,
        doc: "HOST:PORT that Kafka clients are told to connect to. Unset: the address the client used.",
        set: |c, v| advertised(v).map(|addr| c.advertise_kafka = Some(addr)),
    },
    Setting {
        key: "advertise.redis",
        default: "",
        default_dev: None,
        doc: "HOST:PORT of the one node that Redis cluster clients are told, with `redis.cluster`. Unset: the address the client used.",
        set: |c, v| advertised(v).map(|addr| c.advertise_redis = Some(addr)),
    },
    Setting {
        key: "port_offset",
        default: "0",
        default_dev: None,
        doc: "Added to every default port, so that several servers can run side by side.",
        set: |c, v| number(v, 0, u16::MAX).map(|v| c.port_offset = v),
    },
    Setting {
        key: "insecure",
        default: "false",
        default_dev: None,
        doc: "Allow addresses other than loopback without authentication.",
        set: |c, v| boolean(v).map(|v| c.insecure = v),
    },
    Setting {
        key: "ready_file",
        default: "",
        default_dev: None,
        doc: "File that gets the real addresses, as JSON, once the server is ready.",
        set: |c, v| text(v).map(|v| c.ready_file = Some(PathBuf::from(v))),
    },
    Setting {
        key: "drain_timeout",
        default: "10s",
        default_dev: None,
        doc: "How long a stop waits for clients to finish what they have begun.",
        set: |c, v| {
            let drain = parse_duration(text(v)?)?;
            if drain.as_millis() > DRAIN_MS_MAX {
                return Err(format!("the most is {DRAIN_MS_MAX}ms"));
            }
            c.drain_timeout = drain;
            Ok(())
        },
    },
    Setting {
        key: "log.level",
        default: "info",
        default_dev: Some("warn"),
        doc: "Which log lines are shown: `error`, `warn`, `info`, `debug`, `trace`, or by module: `warn,trine_kafka=debug`.",
        set: |c, v| text(v).map(|v| v.clone_into(&mut c.log_level)),
    },
    Setting {
        key: "log.format",
        default: "text",
        default_dev: None,
        doc: "`text` for people or `json` for machines.",
        set: |c, v| {
            c.log_format = match text(v)? {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => return Err(format!("{other:?} is neither text nor json")),
            };
            Ok(())
        },
    },
    Setting {
        key: "limits.connections",
        default: "10000",
        default_dev: None,
        doc: "Most open connections of each listener kind; more are refused at once. The limit of open files may allow fewer.",
        set: |c, v| number(v, 1, CONNECTIONS_MAX).map(|v| c.connections_max = v),
    },
    Setting {
        key: "storage.tail_cache",
        default: "32MiB",
        default_dev: None,
        doc: "Memory for the newest data, so that consumers at the end of a topic read no file.",
        set: |c, v| parse_size(text(v)?).map(|v| c.tail_cache = v),
    },
    Setting {
        key: "storage.memory_max",
        default: "1GiB",
        default_dev: None,
        doc: "Most data kept when durability is `memory`; beyond it producers are told that the store is full.",
        set: |c, v| parse_size(text(v)?).map(|v| c.memory_max = v),
    },
    Setting {
        key: "kafka.auto_create_topics",
        default: "true",
        default_dev: None,
        doc: "Create a topic when a Kafka client asks for one that does not exist and says it may be created.",
        set: |c, v| boolean(v).map(|v| c.kafka_auto_create = v),
    },
    Setting {
        key: "kafka.any_replication_factor",
        default: "true",
        default_dev: None,
        doc: "Whether topics may be created with any replication factor (there is one copy, and it is reported as 1). Otherwise only with 1 or -1.",
        set: |c, v| boolean(v).map(|v| c.kafka_any_replication_factor = v),
    },
    Setting {
        key: "kafka.default_partitions",
        default: "1",
        default_dev: None,
        doc: "Partitions of a new topic that does not say how many.",
        set: |c, v| number(v, 1, trine_types::limits::PARTITIONS_PER_TOPIC_MAX).map(|v| c.kafka_partitions = v),
    },
    Setting {
        key: "kafka.group_initial_rebalance_delay",
        default: "3s",
        default_dev: Some("0"),
        doc: "How long a group that was empty waits for more members before it hands out partitions.",
        set: |c, v| parse_duration(text(v)?).map(|v| c.kafka_initial_rebalance_delay = v),
    },
    Setting {
        key: "aws.account",
        default: "000000000000",
        default_dev: None,
        doc: "Account of the default namespace, in queue URLs and ARNs. Twelve digits.",
        set: |c, v| trine_aws::Account::parse(text(v)?).map(|v| c.aws_account = v).map_err(|e| e.to_string()),
    },
    Setting {
        key: "aws.region",
        default: "us-east-1",
        default_dev: None,
        doc: "Region shown in ARNs when a request names none. Regions do not divide queues: the same queue is found from every region.",
        set: |c, v| region(text(v)?).map(|v| c.aws_region = v),
    },
    Setting {
        key: "aws.public_url",
        default: "",
        default_dev: None,
        doc: "Beginning of queue URLs, `http://HOST:PORT`. Unset: the host the client called, which is right behind most port mappings.",
        set: |c, v| url(text(v)?).map(|v| c.aws_public_url = Some(v)),
    },
    Setting {
        key: "sqs.purge_interval",
        default: "60s",
        default_dev: Some("0"),
        doc: "How long after PurgeQueue another one of the same queue is refused, as the service does; 0 never refuses.",
        set: |c, v| pause(v).map(|v| c.sqs.purge_interval = v),
    },
    Setting {
        key: "sqs.delete_cooldown",
        default: "0",
        default_dev: None,
        doc: "How long after DeleteQueue its name is refused (the service: 60 s, which is the most); 0 never refuses.",
        set: |c, v| pause(v).map(|v| c.sqs.delete_cooldown = v),
    },
    Setting {
        key: "pubsub.outbox_total",
        default: "",
        default_dev: None,
        doc: "Bytes that may wait in the outboxes of all subscribers together; beyond it the largest is cut off. Unset: a quarter of the memory or \
              1GiB, whichever is less.",
        set: |c, v| bytes(v, OUTBOX_TOTAL_MIN, usize::MAX).map(|v| c.outbox_total = Some(v)),
    },
    Setting {
        key: "redis.workers",
        default: "",
        default_dev: None,
        doc: "Threads that serve Redis clients. Unset: half the cores, at most 4.",
        set: |c, v| number(v, 1, REDIS_WORKERS_MAX).map(|v| c.redis_workers = Some(v)),
    },
    Setting {
        key: "redis.cluster",
        default: "false",
        default_dev: None,
        doc: "Show Redis clients a cluster of one node, for clients made for clusters, instead of a standalone server.",
        set: |c, v| boolean(v).map(|v| c.redis.cluster = v),
    },
    Setting {
        key: "redis.outbox_hard",
        default: "32MiB",
        default_dev: None,
        doc: "A Redis subscriber for whom so much waits is cut off at once. `0`: no limit.",
        set: |c, v| bytes(v, 0, usize::MAX).map(|v| c.redis.outbox.hard_bytes = v),
    },
    Setting {
        key: "redis.outbox_soft",
        default: "8MiB",
        default_dev: None,
        doc: "A Redis subscriber for whom so much waits for longer than `redis.outbox_soft_time` is cut off. `0`: no limit.",
        set: |c, v| bytes(v, 0, usize::MAX).map(|v| c.redis.outbox.soft_bytes = v),
    },
    Setting {
        key: "redis.outbox_soft_time",
        default: "60s",
        default_dev: None,
        doc: "How long a Redis subscriber may be at `redis.outbox_soft` or above, in whole seconds.",
        set: |c, v| {
            let seconds =
                u32::try_from(parse_duration(text(v)?)?.as_secs()).map_err(|_| "it is too long".to_owned())?;
            c.redis.outbox.soft_seconds = seconds;
            Ok(())
        },
    },
    Setting {
        key: "redis.bulk_max",
        default: "512MiB",
        default_dev: None,
        doc: "Longest argument of a Redis command, so also the longest message.",
        set: |c, v| bytes(v, REDIS_BULK_MIN, REDIS_BULK_MAX).map(|v| c.redis.bulk_bytes_max = v),
    },
];

/// Longest region name.
const REGION_BYTES_MAX: usize = 32;

/// A region as it stands in ARNs.
fn region(text: &str) -> Result<String, String> {
    let right = text.len() <= REGION_BYTES_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    right.then(|| text.to_owned()).ok_or_else(|| {
        format!(
            "{text:?} is not a region: at most {REGION_BYTES_MAX} letters, digits and hyphens, for example us-east-1"
        )
    })
}

/// `http://HOST[:PORT]` or `https://…`, without a path.
fn url(text: &str) -> Result<String, String> {
    let trimmed = text.trim_end_matches('/');
    let host = trimmed.strip_prefix("http://").or_else(|| trimmed.strip_prefix("https://")).unwrap_or("");
    let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
    if host.is_empty() || !plain {
        return Err(format!("{text:?} is not a URL like http://queues.example:9324"));
    }
    Ok(trimmed.to_owned())
}

fn text(values: &[String]) -> Result<&str, String> {
    match values {
        [one] if !one.is_empty() => Ok(one),
        [_] => Err("it is empty".to_owned()),
        _ => Err("one value is expected, not a list".to_owned()),
    }
}

/// A duration of at most [`PAUSE_MAX`].
fn pause(values: &[String]) -> Result<Duration, String> {
    let pause = parse_duration(text(values)?)?;
    if pause > PAUSE_MAX {
        return Err(format!("{} is longer than {}", show_duration(pause), show_duration(PAUSE_MAX)));
    }
    Ok(pause)
}

fn boolean(values: &[String]) -> Result<bool, String> {
    match text(values)? {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("{other:?} is neither true nor false")),
    }
}

fn number<N>(values: &[String], min: N, max: N) -> Result<N, String>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let text = text(values)?;
    match text.parse::<N>() {
        Ok(n) if n >= min && n <= max => Ok(n),
        _ => Err(format!("{text:?} is not a number from {min} to {max}")),
    }
}

/// `sync`, `interval:MS` or `memory`.
fn durability(text: &str) -> Result<Durability, String> {
    let interval = |rest: &str| {
        let plain = rest.bytes().all(|b| b.is_ascii_digit());
        let ms = parse_duration(&if plain { format!("{rest}ms") } else { rest.to_owned() }).ok()?.as_millis();
        (1..=INTERVAL_MS_MAX).contains(&ms).then(|| u32::try_from(ms).ok()).flatten()
    };
    match (text, text.strip_prefix("interval:")) {
        ("sync", _) => Ok(Durability::Sync),
        ("memory", _) => Ok(Durability::Memory),
        (_, Some(rest)) => interval(rest)
            .map(Durability::Interval)
            .ok_or_else(|| format!("{rest:?} is not an interval from 1 to {INTERVAL_MS_MAX} milliseconds")),
        _ => Err(format!("{text:?} is neither sync, interval:MS nor memory")),
    }
}

fn bytes(values: &[String], min: usize, max: usize) -> Result<usize, String> {
    let text = text(values)?;
    match usize::try_from(parse_size(text)?) {
        Ok(n) if (min..=max).contains(&n) => Ok(n),
        _ => Err(format!("{text:?} is not a size from {min} to {max} bytes")),
    }
}

/// An address to tell clients.
fn advertised(value: &[String]) -> Result<trine_net::HostPort, String> {
    let addr: trine_net::HostPort = text(value)?.parse().map_err(|e: trine_net::AddrError| e.to_string())?;
    if addr.port == 0 { Err("clients cannot connect to port 0".to_owned()) } else { Ok(addr) }
}

/// Addresses and unix sockets.
fn listen_redis(config: &mut Config, values: &[String]) -> Result<(), String> {
    let mut addresses = Vec::new();
    let mut unix = Vec::new();
    for value in values {
        match UnixListener::parse(value)? {
            Some(listener) => unix.push(listener),
            None => addresses.push(value.clone()),
        }
    }
    if addresses.is_empty() && !unix.is_empty() {
        addresses.push("off".to_owned());
    } else if addresses.iter().any(|a| a == "off") && !unix.is_empty() {
        return Err("\"off\" and an address contradict each other".to_owned());
    }
    listen(config, ListenerKind::Redis, &addresses)?;
    config.redis_unix = unix;
    Ok(())
}

/// Replaces the listeners of a kind.
fn listen(config: &mut Config, kind: ListenerKind, values: &[String]) -> Result<(), String> {
    let listeners: Vec<_> = values.iter().map(|v| Listener::parse(kind, v)).collect::<Result<_, _>>()?;
    if listeners.is_empty() {
        return Err("the list is empty; write \"off\" to turn it off".to_owned());
    }
    if listeners.len() > 1 && listeners.contains(&None) {
        return Err("\"off\" and an address contradict each other".to_owned());
    }
    config.listeners.retain(|l| l.kind != kind);
    config.listeners.extend(listeners.into_iter().flatten());
    Ok(())
}
