//! Configuration: one TOML file, every line optional; the environment overrides the file, a flag overrides both. Everything is read once at start, checked
//! once, and passed down as a [`Config`].

mod check;
mod listen;
mod load;
mod near;
mod objects;
mod settings;

use std::{path::PathBuf, time::Duration};

use trine_aws::Account;
use trine_net::HostPort;
use trine_redis::RedisConfig;
use trine_sqs::SqsConfig;

pub use listen::{Listener, ListenerKind, UnixListener};
pub use load::{ConfigError, Loader, Problem};
pub use objects::{AwsKey, AwsSecret, NamespaceDecl, QueueDecl, TopicDecl, UserDecl};
pub use settings::{SETTINGS, Setting};
pub use trine_types::units::{parse_duration, parse_size, show_duration, show_size};

/// Which of the two ways to run the server; they differ in defaults only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// `trine serve`: durable.
    Serve,
    /// `trine dev`: in memory, groups form at once, the CLI's produce creates topics.
    Dev,
}

/// When a record counts as kept (decision E7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// On disk before it is answered.
    Sync,
    /// Written before it is answered, on disk at most this many milliseconds later.
    Interval(u32),
    /// Never on disk.
    Memory,
}

/// What the logs look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// How it runs.
    pub profile: Profile,
    /// The data directory; unused with [`Durability::Memory`].
    pub data: PathBuf,
    /// When a record counts as kept, unless a topic says otherwise.
    pub durability: Durability,
    /// Where to listen; a kind that is off has no entry.
    pub listeners: Vec<Listener>,
    /// What Kafka clients are told to connect to, instead of the address they used.
    pub advertise_kafka: Option<HostPort>,
    /// What Redis cluster clients are told to connect to; unset: the address they used.
    pub advertise_redis: Option<HostPort>,
    /// Added to every default port.
    pub port_offset: u16,
    /// Listen on other addresses than loopback without authentication.
    pub insecure: bool,
    /// File to write the real addresses to, as JSON, once ready.
    pub ready_file: Option<PathBuf>,
    /// How long a stop waits for clients.
    pub drain_timeout: Duration,
    /// Which log lines are shown (`info`, `warn,trine_kafka=debug`).
    pub log_level: String,
    /// What they look like.
    pub log_format: LogFormat,
    /// Most open connections of each listener kind.
    pub connections_max: usize,
    /// Memory of recent data kept for consumers that read near the end.
    pub tail_cache: u64,
    /// Most data kept with [`Durability::Memory`].
    pub memory_max: u64,
    /// Topics come into being when a Kafka client asks for their metadata.
    pub kafka_auto_create: bool,
    /// Topics may ask for any replication factor, although there is one copy.
    pub kafka_any_replication_factor: bool,
    /// Partitions of a topic that does not say how many.
    pub kafka_partitions: u32,
    /// How long an empty group waits for more members before its first rebalance.
    pub kafka_initial_rebalance_delay: Duration,
    /// Account of the default namespace, in queue URLs and ARNs.
    pub aws_account: Account,
    /// Region shown to requests that name none.
    pub aws_region: String,
    /// Beginning of queue URLs instead of the host a client used.
    pub aws_public_url: Option<String>,
    /// Who may connect; with none, everybody.
    pub users: Vec<UserDecl>,
    /// Namespaces beside the default one.
    pub namespaces: Vec<NamespaceDecl>,
    /// Topics to create when absent.
    pub topics: Vec<TopicDecl>,
    /// Queues to create when absent.
    pub queues: Vec<QueueDecl>,
    /// The SQS edge.
    pub sqs: SqsConfig,
    /// The Redis edge.
    pub redis: RedisConfig,
    /// Its threads; by itself, a number that suits the machine.
    pub redis_workers: Option<usize>,
    /// Its unix sockets.
    pub redis_unix: Vec<UnixListener>,
    /// Bytes in the outboxes of all subscribers together; by itself, a number that suits the machine.
    pub outbox_total: Option<usize>,
}

impl Config {
    /// The listeners of one kind.
    pub fn listeners_of(&self, kind: ListenerKind) -> impl Iterator<Item = &Listener> {
        self.listeners.iter().filter(move |l| l.kind == kind)
    }

    /// Whether nothing is written to disk.
    #[must_use]
    pub fn in_memory(&self) -> bool {
        self.durability == Durability::Memory
    }
}

#[cfg(test)]
mod tests;
