//! Listeners: which protocol at which address, and whether it asks who is there.

use trine_net::HostPort;

use super::near;

/// A protocol that listens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ListenerKind {
    /// Apache Kafka's protocol.
    Kafka,
    /// The admin HTTP API, metrics and health.
    Admin,
}

impl ListenerKind {
    /// All kinds, in the order they are shown.
    pub const ALL: [Self; 2] = [Self::Kafka, Self::Admin];

    /// The name in `--listen`, in the configuration and in the ready file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Admin => "admin",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The port it listens on by default.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Kafka => 9092,
            Self::Admin => 15_672,
        }
    }

    /// Whether it can ask a client who it is.
    #[must_use]
    pub const fn authenticates(self) -> bool {
        match self {
            Self::Kafka => false,
            Self::Admin => true,
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
}

impl Listener {
    /// What listens when nothing is said: loopback, the default port plus `offset`.
    pub(super) fn default_of(kind: ListenerKind, offset: u16) -> Result<Self, String> {
        let port = kind.default_port().checked_add(offset).ok_or_else(|| {
            format!("port_offset {offset} moves the {} port {} beyond 65535", kind.as_str(), kind.default_port())
        })?;
        Ok(Self { kind, addr: HostPort::new("127.0.0.1", port), anonymous: false })
    }

    /// Parses `ADDR[,anonymous]`; `None` for `off`.
    pub(super) fn parse(kind: ListenerKind, text: &str) -> Result<Option<Self>, String> {
        if text == "off" {
            return Ok(None);
        }
        let (addr, option) = text.split_once(',').map_or((text, None), |(addr, option)| (addr, Some(option)));
        let anonymous = match option {
            None => false,
            Some("anonymous") => true,
            Some(other) => {
                return Err(format!("{other:?} is no option of a listener{}", near::hint(other, ["anonymous"])));
            }
        };
        let addr = addr.parse().map_err(|e: trine_net::AddrError| e.to_string())?;
        Ok(Some(Self { kind, addr, anonymous }))
    }
}
