//! The start-up block: what runs, where, and how to connect.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use crate::config::{Config, Durability, ListenerKind, Profile};

/// What the block says about storage.
pub(crate) struct Storage {
    /// Absolute path of the data directory; `None` in memory.
    pub(crate) data: Option<String>,
    /// The file system's name, and whether writing zeros ahead helps there.
    pub(crate) file_system: Option<(String, bool)>,
}

/// The whole block.
pub(crate) fn banner(
    config: &Config,
    storage: &Storage,
    listeners: &[(ListenerKind, Vec<SocketAddr>)],
    ready_in: Duration,
) -> String {
    let mut lines: Vec<(&str, String, String)> = Vec::new();
    let data = match (&storage.data, &storage.file_system) {
        (Some(dir), Some((kind, zeros))) => {
            let how = if *zeros { "log files zero-filled ahead" } else { "log files written as they grow" };
            (dir.clone(), format!("{kind}, {how}"))
        }
        (Some(dir), None) => (dir.clone(), String::new()),
        (None, _) => ("MEMORY".to_owned(), "everything is gone after a stop".to_owned()),
    };
    lines.push(("data", data.0, data.1));
    let durability = match config.durability {
        Durability::Sync => ("sync".to_owned(), "on disk before it is answered"),
        Durability::Interval(ms) => (format!("interval:{ms}"), "written before it is answered, on disk a little later"),
        Durability::Memory => ("memory".to_owned(), "never on disk"),
    };
    lines.push(("durability", durability.0, durability.1.to_owned()));
    for kind in ListenerKind::ALL {
        let addrs: Vec<SocketAddr> =
            listeners.iter().filter(|(k, _)| *k == kind).flat_map(|(_, addrs)| addrs.clone()).collect();
        let unix = if kind == ListenerKind::Redis { config.redis_unix.as_slice() } else { &[] };
        match addrs.first() {
            None if !unix.is_empty() => {}
            None => lines.push((kind.as_str(), "off".to_owned(), String::new())),
            Some(first) => {
                let all = addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                lines.push((kind.as_str(), all, connect(config, kind, *first)));
            }
        }
        for unix in unix {
            lines.push((kind.as_str(), format!("unix:{}", unix.path.display()), String::new()));
        }
    }
    if config.users.is_empty() {
        lines.push(("users", "none".to_owned(), "whoever reaches a port may do everything".to_owned()));
    } else {
        lines.push(("users", config.users.len().to_string(), String::new()));
    }
    lines.push(("ready", format!("in {} ms", ready_in.as_millis()), String::new()));

    let mode = match config.profile {
        Profile::Serve => "",
        Profile::Dev => " dev",
    };
    let names = lines.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let values =
        lines.iter().filter(|(_, _, note)| !note.is_empty()).map(|(_, value, _)| value.len()).max().unwrap_or(0);
    let mut text = format!("trine {}{mode}\n", env!("CARGO_PKG_VERSION"));
    for (name, value, note) in lines {
        let line = format!("  {name:names$}  {value:values$}  {note}");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How a user gets in.
fn connect(config: &Config, kind: ListenerKind, addr: SocketAddr) -> String {
    let local = if addr.ip().is_loopback() || addr.ip().is_unspecified() {
        format!("localhost:{}", addr.port())
    } else {
        addr.to_string()
    };
    match (kind, &config.advertise_kafka) {
        (ListenerKind::Kafka, Some(advertised)) => format!("bootstrap.servers={advertised}"),
        (ListenerKind::Kafka, None) => format!("bootstrap.servers={local}"),
        (ListenerKind::Redis, _) => format!("redis://{local}"),
        (ListenerKind::Aws, _) => format!("AWS_ENDPOINT_URL_SQS=http://{local}"),
        (ListenerKind::Admin, _) => format!("http://{local}/v1/status"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Loader;

    #[test]
    fn the_block_is_aligned_and_says_how_to_connect() {
        let config = Loader::new(Profile::Dev).build().unwrap();
        let addrs = |port| vec![format!("127.0.0.1:{port}").parse().unwrap(), format!("[::1]:{port}").parse().unwrap()];
        let listeners = [
            (ListenerKind::Kafka, addrs(9092)),
            (ListenerKind::Aws, vec!["127.0.0.1:4566".parse().unwrap()]),
            (ListenerKind::Redis, vec!["127.0.0.1:6379".parse().unwrap()]),
            (ListenerKind::Admin, addrs(15672)),
        ];
        let storage = Storage { data: None, file_system: None };
        let text = banner(&config, &storage, &listeners, Duration::from_millis(12));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("trine ") && lines[0].ends_with(" dev"));
        let line = |name: &str, value: &str, note: &str| format!("  {name:10}  {value:27}  {note}");
        assert_eq!(lines[1], line("data", "MEMORY", "everything is gone after a stop"));
        assert_eq!(lines[3], line("kafka", "127.0.0.1:9092 [::1]:9092", "bootstrap.servers=localhost:9092"));
        assert_eq!(lines[4], line("aws", "127.0.0.1:4566", "AWS_ENDPOINT_URL_SQS=http://localhost:4566"));
        assert_eq!(lines[5], line("redis", "127.0.0.1:6379", "redis://localhost:6379"));
        assert_eq!(lines[6], line("admin", "127.0.0.1:15672 [::1]:15672", "http://localhost:15672/v1/status"));
        assert_eq!(lines[8], "  ready       in 12 ms");
    }
}
