//! Settings of a queue as people write them: in the configuration, on the command line, in the admin API. Durations as `30s`, sizes as `1MiB`.

use std::fmt;
use std::time::Duration;

use trine_types::QueueName;
use trine_types::units::{parse_duration, parse_size, show_duration};

use super::{DeadLetter, DedupScope, Overflow, QueueDurability, QueueSettings, RedriveAllow};

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct TextError {
    /// Name of the setting.
    pub name: String,
    /// What is wrong.
    pub reason: String,
}

/// One setting.
pub struct TextSetting {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    show: fn(&QueueSettings) -> String,
    set: fn(&mut QueueSettings, &str) -> Result<(), String>,
}

impl TextSetting {
    /// Its value, as [`TextSetting::set`] takes it; empty when it is not set.
    #[must_use]
    pub fn show(&self, settings: &QueueSettings) -> String {
        (self.show)(settings)
    }

    /// Gives it a value.
    pub fn set(&self, settings: &mut QueueSettings, value: &str) -> Result<(), TextError> {
        (self.set)(settings, value.trim()).map_err(|reason| TextError { name: self.name.to_owned(), reason })
    }
}

impl fmt::Debug for TextSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Longest duration of a setting: what fits the time of a message with room to spare.
const DURATION_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

fn duration(text: &str) -> Result<u64, String> {
    let duration = parse_duration(text)?;
    if duration > DURATION_MAX {
        return Err(format!("{text} is longer than {}", show_duration(DURATION_MAX)));
    }
    Ok(duration.as_millis() as u64)
}

fn show_ms(ms: u64) -> String {
    show_duration(Duration::from_millis(ms))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number in range"))
}

fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

fn name(text: &str) -> Result<QueueName, String> {
    QueueName::parse(text).map_err(|error| error.to_string())
}

fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// How often a message is delivered before it goes to the dead-letter queue, when nothing is said.
const MAX_RECEIVES_DEFAULT: u32 = 10;

/// Every setting, in the order in which they are shown.
pub const TEXT_SETTINGS: &[TextSetting] = &[
    TextSetting {
        name: "fifo",
        about: "order within groups, no duplicates within the window; fixed at creation",
        show: |s| s.fifo.to_string(),
        set: |s, text| {
            s.fifo = flag(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "visibility",
        about: "how long a received message stays hidden",
        show: |s| show_ms(s.visibility_ms),
        set: |s, text| {
            s.visibility_ms = duration(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "delay",
        about: "how long a new message waits before it can be received",
        show: |s| show_ms(s.delay_ms),
        set: |s, text| {
            s.delay_ms = duration(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "retention",
        about: "how long messages are kept",
        show: |s| show_ms(s.retention_ms),
        set: |s, text| {
            s.retention_ms = duration(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "ttl",
        about: "how long a message may wait unless it says so itself",
        show: |s| s.ttl_ms.map(show_ms).unwrap_or_default(),
        set: |s, text| {
            s.ttl_ms = optional(text, duration)?;
            Ok(())
        },
    },
    TextSetting {
        name: "receive_wait",
        about: "how long a receive waits for a message when it does not say",
        show: |s| show_ms(s.receive_wait_ms),
        set: |s, text| {
            s.receive_wait_ms = duration(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "max_message_bytes",
        about: "largest message, its attributes included",
        show: |s| s.max_message_bytes.to_string(),
        set: |s, text| {
            s.max_message_bytes = parse_size(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "dead_letter",
        about: "queue that messages go to which were delivered max_receives times",
        show: |s| s.dead_letter.as_ref().map(|d| d.target.to_string()).unwrap_or_default(),
        set: |s, text| {
            let max_receives = s.dead_letter.as_ref().map_or(MAX_RECEIVES_DEFAULT, |d| d.max_receives);
            s.dead_letter = optional(text, name)?.map(|target| DeadLetter { target, max_receives });
            Ok(())
        },
    },
    TextSetting {
        name: "max_receives",
        about: "deliveries before a message goes to dead_letter",
        show: |s| s.dead_letter.as_ref().map(|d| d.max_receives.to_string()).unwrap_or_default(),
        set: |s, text| match (&mut s.dead_letter, optional(text, number::<u32>)?) {
            (_, Some(0)) => Err("it must be at least 1".to_owned()),
            (Some(dead_letter), Some(max)) => {
                dead_letter.max_receives = max;
                Ok(())
            }
            (None, Some(_)) => Err("there is no dead_letter queue to move messages to".to_owned()),
            (Some(dead_letter), None) => {
                dead_letter.max_receives = MAX_RECEIVES_DEFAULT;
                Ok(())
            }
            (None, None) => Ok(()),
        },
    },
    TextSetting {
        name: "redrive_allow",
        about: "which queues may use this one for dead letters: all, none, or names separated by commas",
        show: |s| match &s.redrive_allow {
            RedriveAllow::All => "all".to_owned(),
            RedriveAllow::None => "none".to_owned(),
            RedriveAllow::From(names) => names.iter().map(QueueName::as_str).collect::<Vec<_>>().join(","),
        },
        set: |s, text| {
            s.redrive_allow = match text {
                "" | "all" => RedriveAllow::All,
                "none" => RedriveAllow::None,
                names => RedriveAllow::From(names.split(',').map(|text| name(text.trim())).collect::<Result<_, _>>()?),
            };
            Ok(())
        },
    },
    TextSetting {
        name: "content_dedup",
        about: "FIFO: without an id, messages with the same body within the window are one message",
        show: |s| s.content_dedup.to_string(),
        set: |s, text| {
            s.content_dedup = flag(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "dedup_scope",
        about: "FIFO: queue or group",
        show: |s| match s.dedup_scope {
            DedupScope::Queue => "queue".to_owned(),
            DedupScope::Group => "group".to_owned(),
        },
        set: |s, text| {
            s.dedup_scope = match text {
                "queue" => DedupScope::Queue,
                "group" => DedupScope::Group,
                _ => return Err(format!("{text:?} is neither queue nor group")),
            };
            Ok(())
        },
    },
    TextSetting {
        name: "dedup_window",
        about: "FIFO: for how long a deduplication id is remembered",
        show: |s| show_ms(s.dedup_window_ms),
        set: |s, text| {
            s.dedup_window_ms = duration(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "in_flight_max",
        about: "most messages that consumers may hold at once",
        show: |s| s.in_flight_max.to_string(),
        set: |s, text| {
            s.in_flight_max = number(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "max_messages",
        about: "most messages in the queue",
        show: |s| s.max_messages.map(|n| n.to_string()).unwrap_or_default(),
        set: |s, text| {
            s.max_messages = optional(text, number)?;
            Ok(())
        },
    },
    TextSetting {
        name: "max_bytes",
        about: "most bytes in the queue",
        show: |s| s.max_bytes.map(|n| n.to_string()).unwrap_or_default(),
        set: |s, text| {
            s.max_bytes = optional(text, parse_size)?;
            Ok(())
        },
    },
    TextSetting {
        name: "overflow",
        about: "what happens at max_messages or max_bytes: reject or drop-head",
        show: |s| match s.overflow {
            Overflow::Reject => "reject".to_owned(),
            Overflow::DropHead => "drop-head".to_owned(),
        },
        set: |s, text| {
            s.overflow = match text {
                "reject" => Overflow::Reject,
                "drop-head" => Overflow::DropHead,
                _ => return Err(format!("{text:?} is neither reject nor drop-head")),
            };
            Ok(())
        },
    },
    TextSetting {
        name: "priorities",
        about: "how many priorities, 0: none; fixed at creation",
        show: |s| s.priorities.to_string(),
        set: |s, text| {
            s.priorities = number(text)?;
            Ok(())
        },
    },
    TextSetting {
        name: "durability",
        about: "default, sync, interval:<ms> or memory",
        show: |s| match s.durability {
            QueueDurability::Default => "default".to_owned(),
            QueueDurability::Sync => "sync".to_owned(),
            QueueDurability::Interval(ms) => format!("interval:{ms}"),
            QueueDurability::Memory => "memory".to_owned(),
        },
        set: |s, text| {
            s.durability = match (text, text.strip_prefix("interval:")) {
                ("default", _) => QueueDurability::Default,
                ("sync", _) => QueueDurability::Sync,
                ("memory", _) => QueueDurability::Memory,
                (_, Some(ms)) => QueueDurability::Interval(number(ms)?),
                _ => return Err(format!("{text:?} is none of default, sync, interval:<ms> and memory")),
            };
            Ok(())
        },
    },
];

impl QueueSettings {
    /// Gives a setting a value; `None` gives it its default back. What does not fit together is found by whoever uses the whole.
    pub fn set_text(&mut self, name: &str, value: Option<&str>) -> Result<(), TextError> {
        let Some(setting) = TEXT_SETTINGS.iter().find(|setting| setting.name == name) else {
            let known: Vec<_> = TEXT_SETTINGS.iter().map(|setting| setting.name).collect();
            let reason = format!("there is no such setting; there are {}", known.join(", "));
            return Err(TextError { name: name.to_owned(), reason });
        };
        match value {
            Some(value) => setting.set(self, value),
            None => setting.set(self, &setting.show(&Self::default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reads_what_it_shows() {
        let mut settings = QueueSettings::default();
        for (name, value) in [
            ("fifo", "true"),
            ("visibility", "45s"),
            ("delay", "250ms"),
            ("retention", "14d"),
            ("ttl", "1h"),
            ("receive_wait", "20s"),
            ("max_message_bytes", "2048"),
            ("dead_letter", "failed"),
            ("max_receives", "5"),
            ("redrive_allow", "a,b"),
            ("content_dedup", "true"),
            ("dedup_scope", "group"),
            ("dedup_window", "1m"),
            ("in_flight_max", "7"),
            ("max_messages", "100"),
            ("max_bytes", "1000"),
            ("overflow", "drop-head"),
            ("priorities", "9"),
            ("durability", "interval:5"),
        ] {
            settings.set_text(name, Some(value)).unwrap();
            let shown = TEXT_SETTINGS.iter().find(|s| s.name == name).unwrap().show(&settings);
            assert_eq!(shown, value, "{name}");
        }
        for setting in TEXT_SETTINGS {
            settings.set_text(setting.name, None).unwrap();
        }
        assert_eq!(settings, QueueSettings::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut settings = QueueSettings::default();
        for (name, value) in [
            ("visibility", "soon"),
            ("visibility", "99999d"),
            ("fifo", "yes"),
            ("max_receives", "3"),
            ("in_flight_max", "-1"),
            ("durability", "maybe"),
            ("colour", "red"),
        ] {
            assert_eq!(settings.set_text(name, Some(value)).unwrap_err().name, name);
        }
        settings.set_text("dead_letter", Some("x")).unwrap();
        assert!(settings.set_text("max_receives", Some("0")).is_err());
    }
}
