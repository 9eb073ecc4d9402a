//! Listeners: which protocol at which address, and whether it asks who is there.

use std::path::PathBuf;

use trine_net::HostPort;

use super::near;

/// A protocol that listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ListenerKind {
    /// Apache Kafka's protocol.
    Kafka,
    /// SQS and its relatives: every AWS service on each address (decision Q14).
    Aws,
    /// Redis's protocol: pub-sub.
    Redis,
    /// The admin HTTP API, metrics and health.
    Admin,
}

impl ListenerKind {
    /// All kinds, in the order they are shown.
    pub const ALL: [Self; 4] = [Self::Kafka, Self::Aws, Self::Redis, Self::Admin];

    /// The name in `--listen`, in the configuration and in the ready file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Aws => "aws",
            Self::Redis => "redis",
            Self::Admin => "admin",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The ports it listens on by default. The first is its own; the others are those that tools made for other emulators look at, and may be busy.
    #[must_use]
    pub const fn default_ports(self) -> &'static [u16] {
        match self {
            Self::Kafka => &[9092],
            Self::Aws => &[4566, 9324, 4567],
            Self::Redis => &[6379],
            Self::Admin => &[15_672],
        }
    }

    /// Whether it can ask a client who it is.
    #[must_use]
    pub const fn authenticates(self) -> bool {
        match self {
            Self::Kafka => false,
            Self::Aws | Self::Redis | Self::Admin => true,
        }
    }
}

/// One address of one protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// The protocol.
    pub kind: ListenerKind,
    /// Where.
    pub addr: HostPort,
    /// Serve everybody, although users are configured.
    pub anonymous: bool,
    /// Nobody asked for it by name: a warning when its port is busy.
    pub optional: bool,
}

impl Listener {
    /// What listens when nothing is said: loopback, the default ports plus `offset`.
    pub(super) fn defaults_of(kind: ListenerKind, offset: u16) -> Result<Vec<Self>, String> {
        let ports = kind.default_ports().iter().enumerate();
        ports
            .map(|(at, port)| {
                let moved = port.checked_add(offset).ok_or_else(|| {
                    format!("port_offset {offset} moves the {} port {port} beyond 65535", kind.as_str())
                })?;
                Ok(Self { kind, addr: HostPort::new("127.0.0.1", moved), anonymous: false, optional: at > 0 })
            })
            .collect()
    }

    /// Parses `ADDR[,anonymous]`; `None` for `off`.
    pub(super) fn parse(kind: ListenerKind, text: &str) -> Result<Option<Self>, String> {
        if text == "off" {
            return Ok(None);
        }
        let (addr, anonymous) = split_option(text)?;
        let addr = addr.parse().map_err(|e: trine_net::AddrError| e.to_string())?;
        Ok(Some(Self { kind, addr, anonymous, optional: false }))
    }
}

/// A unix socket that Redis clients connect to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnixListener {
    /// Its file.
    pub path: PathBuf,
    /// Serve everybody, although users are configured.
    pub anonymous: bool,
}

impl UnixListener {
    /// Parses `unix:PATH[,anonymous]`; `None` for anything else.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, String> {
        let Some(rest) = text.strip_prefix("unix:") else { return Ok(None) };
        let (path, anonymous) = split_option(rest)?;
        if path.is_empty() {
            return Err("a path is expected after unix:".to_owned());
        }
        Ok(Some(Self { path: PathBuf::from(path), anonymous }))
    }
}

/// The address, and whether `,anonymous` follows it.
fn split_option(text: &str) -> Result<(&str, bool), String> {
    match text.split_once(',') {
        None => Ok((text, false)),
        Some((addr, "anonymous")) => Ok((addr, true)),
        Some((_, other)) => Err(format!("{other:?} is no option of a listener{}", near::hint(other, ["anonymous"]))),
    }
}
