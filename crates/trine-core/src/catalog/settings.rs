//! Settings of topics: one table of names, kinds, ranges and defaults, and their typed form. Names and defaults are Kafka's, so that its tools and
//! habits apply; `trine.durability` is our own.

use std::collections::BTreeMap;
use std::sync::Arc;

use trine_types::limits::{MESSAGE_BYTES_DEFAULT, OP_BATCH_BYTES_MAX};

use crate::streams::{RetentionRules, SegmentRules};

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SettingKind {
    /// `true` or `false`.
    Bool,
    /// A 32-bit number in a range.
    Int { min: i64, max: i64 },
    /// A 64-bit number in a range.
    Long { min: i64, max: i64 },
    /// A fraction in a range.
    Double { min: f64, max: f64 },
    /// Comma-separated words of a set.
    List { of: &'static [&'static str] },
    /// One word of a set.
    Choice { of: &'static [&'static str] },
    /// Anything; kept and shown, without effect on one node.
    Text,
    /// Comma-separated free words; kept and shown, without effect on one node.
    FreeList,
    /// `default`, `sync` or `interval:<ms>`.
    Durability,
}

/// One setting of a topic.
#[derive(Debug)]
pub struct SettingSpec {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: SettingKind,
    /// Its value when nobody set it.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

const LONG: SettingKind = SettingKind::Long { min: 0, max: i64::MAX };
const LONG_OFF: SettingKind = SettingKind::Long { min: -1, max: i64::MAX };

macro_rules! settings {
    ($($name:literal, $kind:expr, $default:literal, $doc:literal;)*) => {
        /// Every setting a topic has, sorted by name.
        pub static TOPIC_SETTINGS: &[SettingSpec] = &[$(SettingSpec { name: $name, kind: $kind, default: $default, doc: $doc }),*];
    };
}

settings! {
    "cleanup.policy", SettingKind::List { of: &["delete", "compact"] }, "delete", "What happens to old data: delete drops it, compact keeps the newest record of each key.";
    "compression.gzip.level", SettingKind::Int { min: -1, max: 9 }, "-1", "Level when the server compresses with gzip.";
    "compression.lz4.level", SettingKind::Int { min: 1, max: 17 }, "9", "Level when the server compresses with lz4.";
    "compression.type", SettingKind::Choice { of: &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"] }, "producer", "Codec of stored batches; producer keeps what was sent.";
    "compression.zstd.level", SettingKind::Int { min: -131_072, max: 22 }, "3", "Level when the server compresses with zstd.";
    "delete.retention.ms", LONG, "86400000", "How long a tombstone of a compacted topic stays readable.";
    "file.delete.delay.ms", LONG, "60000", "Accepted for Kafka's sake; files are removed when nothing needs them.";
    "flush.messages", SettingKind::Long { min: 1, max: i64::MAX }, "9223372036854775807", "Accepted for Kafka's sake; see trine.durability.";
    "flush.ms", LONG, "9223372036854775807", "Accepted for Kafka's sake; see trine.durability.";
    "follower.replication.throttled.replicas", SettingKind::FreeList, "", "Accepted for Kafka's sake; one node replicates nothing.";
    "index.interval.bytes", SettingKind::Int { min: 0, max: i32::MAX as i64 }, "4096", "Accepted for Kafka's sake.";
    "leader.replication.throttled.replicas", SettingKind::FreeList, "", "Accepted for Kafka's sake; one node replicates nothing.";
    "local.retention.bytes", SettingKind::Long { min: -2, max: i64::MAX }, "-2", "Accepted for Kafka's sake; there is no tiered storage.";
    "local.retention.ms", SettingKind::Long { min: -2, max: i64::MAX }, "-2", "Accepted for Kafka's sake; there is no tiered storage.";
    "max.compaction.lag.ms", SettingKind::Long { min: 1, max: i64::MAX }, "9223372036854775807", "Longest time a record may wait for compaction.";
    "max.message.bytes", SettingKind::Int { min: 0, max: OP_BATCH_BYTES_MAX as i64 }, "1048588", "Largest record batch, header included.";
    "message.timestamp.after.max.ms", LONG, "3600000", "How far in the future a record's timestamp may be.";
    "message.timestamp.before.max.ms", LONG, "9223372036854775807", "How far in the past a record's timestamp may be.";
    "message.timestamp.type", SettingKind::Choice { of: &["CreateTime", "LogAppendTime"] }, "CreateTime", "Whose time a record carries: its producer's or the server's.";
    "min.cleanable.dirty.ratio", SettingKind::Double { min: 0.0, max: 1.0 }, "0.5", "Share of uncompacted data at which compaction starts.";
    "min.compaction.lag.ms", LONG, "0", "Shortest time a record stays uncompacted.";
    "min.insync.replicas", SettingKind::Int { min: 1, max: i32::MAX as i64 }, "1", "Accepted for Kafka's sake; effectively the smaller of this and the one replica.";
    "preallocate", SettingKind::Bool, "false", "Accepted for Kafka's sake; files are always allocated ahead.";
    "remote.log.copy.disable", SettingKind::Bool, "false", "Accepted for Kafka's sake; there is no tiered storage.";
    "remote.log.delete.on.disable", SettingKind::Bool, "false", "Accepted for Kafka's sake; there is no tiered storage.";
    "remote.storage.enable", SettingKind::Bool, "false", "Accepted for Kafka's sake; there is no tiered storage.";
    "retention.bytes", LONG_OFF, "-1", "Largest size of a partition; -1 for any.";
    "retention.ms", LONG_OFF, "604800000", "How long records are kept; -1 for ever.";
    "segment.bytes", SettingKind::Int { min: 14, max: i32::MAX as i64 }, "1073741824", "Size of the unit that retention and compaction work on.";
    "segment.index.bytes", SettingKind::Int { min: 4, max: i32::MAX as i64 }, "10485760", "Accepted for Kafka's sake.";
    "segment.jitter.ms", LONG, "0", "Accepted for Kafka's sake.";
    "segment.ms", SettingKind::Long { min: 1, max: i64::MAX }, "604800000", "Age at which such a unit is closed.";
    "trine.durability", SettingKind::Durability, "default", "When a batch is answered: sync after fdatasync, interval:<ms> once written; default is the server's.";
    "unclean.leader.election.enable", SettingKind::Bool, "false", "Accepted for Kafka's sake; one node elects nobody.";
}

/// Settings of old clients and tools that have no effect and are not kept.
const IGNORED: [&str; 2] = ["message.format.version", "message.downconversion.enable"];

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No such setting.
    #[error("there is no topic setting {name:?}{}", nearest.as_ref().map(|n| format!(" (did you mean {n:?}?)")).unwrap_or_default())]
    Unknown { name: String, nearest: Option<&'static str> },
    /// The value is not of the setting's kind or range.
    #[error("invalid value {value:?} for setting {name}: {wanted}")]
    Invalid { name: &'static str, value: String, wanted: String },
    /// Append or subtract on something that is not a list.
    #[error("setting {name} is not a list: it can be set or deleted, not appended to or subtracted from")]
    NotAList { name: &'static str },
}

/// The table row of a setting.
#[must_use]
pub fn setting_spec(name: &str) -> Option<&'static SettingSpec> {
    TOPIC_SETTINGS.binary_search_by(|spec| spec.name.cmp(name)).ok().and_then(|at| TOPIC_SETTINGS.get(at))
}

/// Checks one value. `Ok(None)` for settings that are accepted and not kept.
pub fn check_setting(name: &str, value: &str) -> Result<Option<&'static SettingSpec>, SettingError> {
    if IGNORED.contains(&name) {
        return Ok(None);
    }
    let Some(spec) = setting_spec(name) else {
        let nearest = TOPIC_SETTINGS.iter().map(|spec| spec.name).min_by_key(|known| distance(known, name));
        let nearest = nearest.filter(|known| distance(known, name) <= 3);
        return Err(SettingError::Unknown { name: name.to_owned(), nearest });
    };
    let invalid = |wanted: String| SettingError::Invalid { name: spec.name, value: value.to_owned(), wanted };
    let value = value.trim();
    match spec.kind {
        SettingKind::Bool => {
            if !["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
                return Err(invalid("true or false".to_owned()));
            }
        }
        SettingKind::Int { min, max } | SettingKind::Long { min, max } => {
            if !value.parse::<i64>().is_ok_and(|n| (min..=max).contains(&n)) {
                return Err(invalid(format!("a number from {min} to {max}")));
            }
        }
        SettingKind::Double { min, max } => {
            if !value.parse::<f64>().is_ok_and(|n| (min..=max).contains(&n)) {
                return Err(invalid(format!("a number from {min} to {max}")));
            }
        }
        SettingKind::List { of } => {
            if !words(value).all(|word| of.contains(&word)) || words(value).next().is_none() {
                return Err(invalid(format!("a comma-separated list of {}", of.join(", "))));
            }
        }
        SettingKind::Choice { of } => {
            if !of.contains(&value) {
                return Err(invalid(format!("one of {}", of.join(", "))));
            }
        }
        SettingKind::Durability => {
            if FlushTo::parse(value).is_none() {
                return Err(invalid("default, sync or interval:<ms> with 1 to 60000 ms".to_owned()));
            }
        }
        SettingKind::Text | SettingKind::FreeList => {}
    }
    Ok(Some(spec))
}

/// The words of a comma-separated list.
pub(super) fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// Edit distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, y) in b.bytes().enumerate() {
            let up = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(up + 1).min(row[j] + 1);
            diagonal = up;
        }
    }
    row[b.len()]
}

/// `cleanup.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanup {
    /// Old data is dropped by age and size.
    pub delete: bool,
    /// Only the newest record of each key is kept.
    pub compact: bool,
}

/// `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// As sent.
    Producer,
    /// Batches are stored with this codec, number as in a batch's attributes (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd).
    Codec(u8),
}

/// `message.timestamp.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's time.
    CreateTime,
    /// The server's time when the batch was appended.
    LogAppendTime,
}

/// When a batch is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushTo {
    /// As the server's `durability` says.
    Default,
    /// After fdatasync.
    Sync,
    /// Once written; synced at most this many milliseconds later.
    Interval(u32),
}

impl FlushTo {
    /// Largest interval in ms.
    pub const INTERVAL_MS_MAX: u32 = 60_000;

    /// `default`, `sync` or `interval:<ms>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "default" => Some(Self::Default),
            "sync" => Some(Self::Sync),
            _ => {
                let ms = text.strip_prefix("interval:")?.parse().ok()?;
                (1..=Self::INTERVAL_MS_MAX).contains(&ms).then_some(Self::Interval(ms))
            }
        }
    }
}

/// Values of settings for topics that do not set them: the server's configuration over the table's defaults.
#[derive(Clone, Debug, Default)]
pub struct TopicDefaults(BTreeMap<&'static str, String>);

impl TopicDefaults {
    /// Sets a default; the value is checked.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SettingError> {
        if let Some(spec) = check_setting(name, value)? {
            self.0.insert(spec.name, value.trim().to_owned());
        }
        Ok(())
    }

    /// The default of a setting and whether the server's configuration gave it.
    #[must_use]
    pub fn get(&self, spec: &SettingSpec) -> (&str, bool) {
        self.0.get(spec.name).map_or((spec.default, false), |value| (value.as_str(), true))
    }
}

/// Settings of one topic: what was set on it, and the typed values that follow.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicConfig {
    /// What was set on the topic itself, checked.
    pub overrides: Arc<BTreeMap<&'static str, String>>,
    /// `cleanup.policy`.
    pub cleanup: Cleanup,
    /// `compression.type`.
    pub compression: Compression,
    /// `segment.bytes`, `segment.ms`.
    pub segments: SegmentRules,
    /// `retention.ms`, `retention.bytes`, off unless the cleanup policy deletes.
    pub retention: RetentionRules,
    /// `max.message.bytes`.
    pub message_bytes_max: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`.
    pub timestamp_after_max_ms: i64,
    /// `min.compaction.lag.ms`.
    pub compaction_lag_min_ms: i64,
    /// `max.compaction.lag.ms`.
    pub compaction_lag_max_ms: i64,
    /// `min.cleanable.dirty.ratio`, in thousandths.
    pub dirty_ratio_min_permille: u32,
    /// `delete.retention.ms`.
    pub tombstone_retention_ms: i64,
    /// `trine.durability`.
    pub flush_to: FlushTo,
}

impl TopicConfig {
    /// The typed values of `overrides` over `defaults`. Both were checked when they were set, so every value parses.
    #[must_use]
    pub fn resolve(overrides: Arc<BTreeMap<&'static str, String>>, defaults: &TopicDefaults) -> Self {
        let value = |name: &str| -> &str {
            overrides
                .get(name)
                .map(String::as_str)
                .or_else(|| setting_spec(name).map(|spec| defaults.get(spec).0))
                .unwrap_or_default()
                .trim()
        };
        let long = |name: &str| value(name).parse::<i64>().unwrap_or(-1);
        let cleanup = Cleanup {
            delete: words(value("cleanup.policy")).any(|word| word == "delete"),
            compact: words(value("cleanup.policy")).any(|word| word == "compact"),
        };
        let keep = |name: &str| Some(long(name)).filter(|n| cleanup.delete && *n >= 0);
        Self {
            cleanup,
            compression: match value("compression.type") {
                "uncompressed" => Compression::Codec(0),
                "gzip" => Compression::Codec(1),
                "snappy" => Compression::Codec(2),
                "lz4" => Compression::Codec(3),
                "zstd" => Compression::Codec(4),
                _ => Compression::Producer,
            },
            segments: SegmentRules {
                segment_bytes: u64::try_from(long("segment.bytes")).unwrap_or(u64::MAX),
                segment_ms: long("segment.ms"),
            },
            retention: RetentionRules {
                retention_ms: keep("retention.ms"),
                retention_bytes: keep("retention.bytes").and_then(|n| u64::try_from(n).ok()),
            },
            message_bytes_max: usize::try_from(long("max.message.bytes")).unwrap_or(MESSAGE_BYTES_DEFAULT),
            timestamp_type: match value("message.timestamp.type") {
                "LogAppendTime" => TimestampType::LogAppendTime,
                _ => TimestampType::CreateTime,
            },
            timestamp_before_max_ms: long("message.timestamp.before.max.ms"),
            timestamp_after_max_ms: long("message.timestamp.after.max.ms"),
            compaction_lag_min_ms: long("min.compaction.lag.ms"),
            compaction_lag_max_ms: long("max.compaction.lag.ms"),
            dirty_ratio_min_permille: (value("min.cleanable.dirty.ratio").parse::<f64>().unwrap_or(0.5) * 1000.0)
                as u32,
            tombstone_retention_ms: long("delete.retention.ms"),
            flush_to: FlushTo::parse(value("trine.durability")).unwrap_or(FlushTo::Default),
            overrides,
        }
    }

    /// The value of a setting as text, and whether it was set on the topic itself.
    #[must_use]
    pub fn value<'a>(&'a self, spec: &'a SettingSpec, defaults: &'a TopicDefaults) -> (&'a str, bool) {
        self.overrides.get(spec.name).map_or_else(|| (defaults.get(spec).0, false), |value| (value.as_str(), true))
    }
}
