//! Layers of configuration: defaults, then the file, then the environment, then flags. Every problem says where the value came from.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, de::IntoDeserializer};
use toml::de::{DeTable, DeValue};
use trine_aws::Account;
use trine_redis::RedisConfig;
use trine_sqs::SqsConfig;

use super::{
    Config, Durability, Listener, ListenerKind, LogFormat, Profile, SETTINGS, Setting, check, near,
    objects::{RawNamespace, RawQueue, RawTopic, RawUser},
};

/// Prefix of environment variables that are settings.
const ENV_PREFIX: &str = "TRINE_";
/// Largest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub key: String,
    /// Where its value came from; empty when it is about several.
    pub origin: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl Problem {
    pub(super) fn new(key: &str, what: String) -> Self {
        Self { key: key.to_owned(), origin: String::new(), what }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), self.origin.as_str()) {
            ("", "") => f.write_str(&self.what),
            ("", origin) => write!(f, "{origin}: {}", self.what),
            (key, "") => write!(f, "{key}: {}", self.what),
            (key, origin) => write!(f, "{key} ({origin}): {}", self.what),
        }
    }
}

/// Everything that is wrong with a configuration, at once.
#[derive(Debug)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

struct Layered {
    values: Vec<String>,
    origin: String,
}

/// Gathers the layers. Later layers win, whatever the order of calls within a layer.
pub struct Loader {
    profile: Profile,
    file: BTreeMap<&'static str, Layered>,
    env: BTreeMap<&'static str, Layered>,
    flags: BTreeMap<&'static str, Layered>,
    users: Vec<(String, RawUser)>,
    namespaces: Vec<(String, RawNamespace)>,
    topics: Vec<(String, RawTopic)>,
    queues: Vec<(String, RawQueue)>,
    problems: Vec<Problem>,
}

impl Loader {
    /// Defaults only.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            file: BTreeMap::new(),
            env: BTreeMap::new(),
            flags: BTreeMap::new(),
            users: Vec::new(),
            namespaces: Vec::new(),
            topics: Vec::new(),
            queues: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        match read_bounded(path) {
            Ok(text) => self = self.toml(&path.display().to_string(), &text),
            Err(e) => self.problems.push(Problem {
                key: String::new(),
                origin: path.display().to_string(),
                what: format!("cannot read the file: {e}"),
            }),
        }
        // Whoever can read the file can sign requests.
        if self.users.iter().any(|(_, user)| user.has_inline_secret()) && readable_by_others(path) {
            self.problems.push(Problem {
                key: "user.aws.secret".to_owned(),
                origin: path.display().to_string(),
                what: "the file holds secrets and others can read it; chmod 600 it, or use secret_file or secret_env"
                    .to_owned(),
            });
        }
        self
    }

    /// Adds the text of a file; `name` is for messages.
    #[must_use]
    pub fn toml(mut self, name: &str, text: &str) -> Self {
        let line_of = |pos: usize| text.bytes().take(pos).filter(|b| *b == b'\n').count() + 1;
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(e) => {
                let line = e.span().map_or_else(String::new, |span| format!(" line {}", line_of(span.start)));
                self.problem("", format!("{name}{line}"), e.message().to_owned());
                return self;
            }
        };
        for (key, value) in table.into_inner() {
            let origin = format!("{name} line {}", line_of(key.span().start));
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("user", _) => self.objects(&origin, value, &RawUser::KEYS, |l, o| l.users.push(o)),
                ("namespace", _) => {
                    self.objects(&origin, value, &RawNamespace::KEYS, |l, o| l.namespaces.push(o));
                }
                ("topic", _) => self.objects(&origin, value, &RawTopic::KEYS, |l, o| l.topics.push(o)),
                ("queue", _) => self.objects(&origin, value, &RawQueue::KEYS, |l, o| l.queues.push(o)),
                (section, DeValue::Table(inner)) => {
                    for (key, value) in inner {
                        let origin = format!("{name} line {}", line_of(key.span().start));
                        self.file_value(&format!("{section}.{}", key.get_ref()), origin, value.get_ref());
                    }
                }
                (key, value) => self.file_value(key, origin, value),
            }
        }
        self
    }

    /// Adds environment variables: `TRINE_SECTION__KEY`. A variable with `__` that is no setting is a mistake; one without is somebody else's.
    #[must_use]
    pub fn env(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
            let key = rest.replace("__", ".").to_lowercase();
            let origin = format!("environment variable {name}");
            match setting(&key) {
                Some(setting) => {
                    let values = value.split_whitespace().map(str::to_owned).collect();
                    self.env.insert(setting.key, Layered { values, origin });
                }
                None if rest.contains("__") => {
                    self.problem("", origin, format!("there is no setting {key:?}{}", near::hint(&key, keys())));
                }
                None => {}
            }
        }
        self
    }

    /// Adds a flag; a repeated one makes a list.
    #[must_use]
    pub fn flag(mut self, flag: &str, key: &'static str, value: impl Into<String>) -> Self {
        let entry = self.flags.entry(key).or_insert_with(|| Layered { values: Vec::new(), origin: flag.to_owned() });
        entry.values.push(value.into());
        self
    }

    /// Adds a `--listen kind=ADDR` flag.
    #[must_use]
    pub fn listen_flag(mut self, text: &str) -> Self {
        let (kind, addr) = text.split_once('=').unwrap_or((text, ""));
        match listener_key("listen.", kind) {
            Some(key) if !addr.is_empty() => self.flag("--listen", key, addr),
            Some(_) => {
                self.problem("", "--listen".to_owned(), format!("{text:?}: write {kind}=HOST:PORT or {kind}=off"));
                self
            }
            None => {
                let hint = near::hint(kind, ListenerKind::ALL.map(ListenerKind::as_str));
                self.problem("", "--listen".to_owned(), format!("{kind:?} is no kind of listener{hint}"));
                self
            }
        }
    }

    /// Adds an `--advertise kind=HOST:PORT` flag.
    #[must_use]
    pub fn advertise_flag(mut self, text: &str) -> Self {
        match text.split_once('=') {
            Some(("kafka", addr)) => self.flag("--advertise", "advertise.kafka", addr),
            Some(("redis", addr)) => self.flag("--advertise", "advertise.redis", addr),
            _ => {
                let what = format!("{text:?}: write kafka=HOST:PORT or redis=HOST:PORT");
                self.problem("", "--advertise".to_owned(), what);
                self
            }
        }
    }

    /// The configuration, or all problems with it.
    pub fn build(mut self) -> Result<Config, ConfigError> {
        let mut config = blank(self.profile);
        for setting in SETTINGS {
            let default = setting.default_of(self.profile);
            let layer = [&self.flags, &self.env, &self.file].into_iter().find_map(|layer| layer.get(setting.key));
            let read = match layer {
                Some(Layered { values, .. }) => (setting.set)(&mut config, values),
                // Default listeners depend on port_offset, see below.
                None if default.is_empty() || setting.key.starts_with("listen.") => Ok(()),
                None => (setting.set)(&mut config, &[default.to_owned()]),
            };
            if let Err(what) = read {
                let origin = layer.map_or_else(String::new, |l| l.origin.clone());
                self.problem(setting.key, origin, what);
            }
        }
        for kind in ListenerKind::ALL {
            let key = format!("listen.{}", kind.as_str());
            let said = [&self.flags, &self.env, &self.file].into_iter().any(|layer| layer.contains_key(key.as_str()));
            if !said {
                match Listener::defaults_of(kind, config.port_offset) {
                    Ok(mut defaults) => {
                        // A port that was given to another protocol was meant for that one.
                        defaults.retain(|d| !d.optional || config.listeners.iter().all(|l| l.addr != d.addr));
                        config.listeners.extend(defaults);
                    }
                    Err(what) => self.problem("port_offset", String::new(), what),
                }
            }
        }
        for (origin, user) in std::mem::take(&mut self.users) {
            match user.check() {
                Ok(user) => config.users.push(user),
                Err(what) => self.problem("", origin, what),
            }
        }
        for (origin, namespace) in std::mem::take(&mut self.namespaces) {
            match namespace.check() {
                Ok(namespace) => config.namespaces.push(namespace),
                Err(what) => self.problem("", origin, what),
            }
        }
        for (origin, topic) in std::mem::take(&mut self.topics) {
            match topic.check() {
                Ok(topic) => config.topics.push(topic),
                Err(what) => self.problem("", origin, what),
            }
        }
        for (origin, queue) in std::mem::take(&mut self.queues) {
            match queue.check() {
                Ok(queue) => config.queues.push(queue),
                Err(what) => self.problem("", origin, what),
            }
        }
        self.problems.extend(check::check(&config));
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError(self.problems)) }
    }

    fn problem(&mut self, key: &str, origin: String, what: String) {
        self.problems.push(Problem { key: key.to_owned(), origin, what });
    }

    fn file_value(&mut self, key: &str, origin: String, value: &DeValue<'_>) {
        let Some(setting) = setting(key) else {
            self.problem("", origin, format!("there is no setting {key:?}{}", near::hint(key, keys())));
            return;
        };
        let values = match value {
            DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
            other => scalar(other).map(|text| vec![text]),
        };
        match values {
            Some(values) => {
                self.file.insert(setting.key, Layered { values, origin });
            }
            None => self.problem(
                setting.key,
                origin,
                "a text, a number, true, false or a list of those is expected".to_owned(),
            ),
        }
    }

    /// Reads an array of tables.
    fn objects<T: for<'de> Deserialize<'de>>(
        &mut self,
        origin: &str,
        value: toml::Spanned<DeValue<'_>>,
        known: &[&'static str],
        add: fn(&mut Self, (String, T)),
    ) {
        let DeValue::Array(items) = value.into_inner() else {
            self.problem("", origin.to_owned(), "double brackets are expected, for example [[topic]]".to_owned());
            return;
        };
        for item in items {
            if let DeValue::Table(table) = item.get_ref() {
                let unknown = table.keys().map(|k| k.get_ref().as_ref()).find(|k| !known.contains(k));
                if let Some(key) = unknown {
                    let what = format!("there is no key {key:?} here{}", near::hint(key, known.iter().copied()));
                    self.problem("", origin.to_owned(), what);
                    continue;
                }
            }
            match T::deserialize(item.into_deserializer()) {
                Ok(object) => add(self, (origin.to_owned(), object)),
                Err(e) => {
                    let e: toml::de::Error = e;
                    self.problem("", origin.to_owned(), e.message().to_owned());
                }
            }
        }
    }
}

fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|s| s.key == key)
}

fn keys() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|s| s.key)
}

fn listener_key(prefix: &str, kind: &str) -> Option<&'static str> {
    keys().find(|key| key.strip_prefix(prefix) == Some(kind))
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(n) => Some(n.to_string()),
        DeValue::Float(n) => Some(n.to_string()),
        DeValue::Boolean(b) => Some(b.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Values that every default in the table then replaces.
fn blank(profile: Profile) -> Config {
    Config {
        profile,
        data: PathBuf::new(),
        durability: Durability::Sync,
        listeners: Vec::new(),
        advertise_kafka: None,
        advertise_redis: None,
        port_offset: 0,
        insecure: false,
        ready_file: None,
        drain_timeout: Duration::ZERO,
        log_level: String::new(),
        log_format: LogFormat::Text,
        connections_max: 0,
        tail_cache: 0,
        memory_max: 0,
        kafka_auto_create: false,
        kafka_any_replication_factor: false,
        kafka_partitions: 0,
        kafka_initial_rebalance_delay: Duration::ZERO,
        aws_account: Account::default(),
        aws_region: String::new(),
        aws_public_url: None,
        users: Vec::new(),
        namespaces: Vec::new(),
        topics: Vec::new(),
        queues: Vec::new(),
        sqs: SqsConfig::default(),
        redis: RedisConfig::default(),
        redis_workers: None,
        redis_unix: Vec::new(),
        outbox_total: None,
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let len = std::fs::metadata(path)?.len();
    if len > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "{len} bytes are more than the {FILE_BYTES_MAX} a configuration may have"
        )));
    }
    std::fs::read_to_string(path)
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn readable_by_others(_: &Path) -> bool {
    false
}
