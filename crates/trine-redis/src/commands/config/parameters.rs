//! The parameters that exist.

use std::{collections::BTreeMap, net::SocketAddr};

use parking_lot::Mutex;

use crate::commands::{Ctx, select::DATABASES};

/// Longest value that is kept.
const VALUE_BYTES_MAX: usize = 4096;

/// What CONFIG SET was told, to be repeated by CONFIG GET.
#[derive(Debug, Default)]
pub(crate) struct Overrides(Mutex<BTreeMap<&'static str, Vec<u8>>>);

/// A parameter.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    value: Value,
}

/// What CONFIG SET accepts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Nothing: it cannot be changed while the server runs.
    Fixed,
    /// A whole number, perhaps with a unit.
    Number,
    /// yes or no.
    YesNo,
    /// Any text.
    Text,
    /// The default user's password; it is not shown.
    Password,
}

enum Value {
    Is(&'static str),
    Of(fn(&Ctx<'_>) -> String),
}

const fn is(name: &'static str, kind: Kind, value: &'static str) -> Parameter {
    Parameter { name, kind, value: Value::Is(value) }
}

const fn of(name: &'static str, kind: Kind, value: fn(&Ctx<'_>) -> String) -> Parameter {
    Parameter { name, kind, value: Value::Of(value) }
}

pub(super) static PARAMETERS: &[Parameter] = &[
    is("acl-pubsub-default", Kind::Text, "resetchannels"),
    is("acllog-max-len", Kind::Number, "128"),
    is("appendfsync", Kind::Text, "everysec"),
    is("appendonly", Kind::YesNo, "no"),
    of("bind", Kind::Fixed, |ctx| {
        let laddr = &ctx.session.client.laddr;
        laddr.parse::<SocketAddr>().map_or_else(|_| String::new(), |addr| addr.ip().to_string())
    }),
    of("client-output-buffer-limit", Kind::Text, |ctx| {
        let outbox = &ctx.shared.config.outbox;
        format!(
            "normal 0 0 0 slave 268435456 67108864 60 pubsub {} {} {}",
            outbox.hard_bytes, outbox.soft_bytes, outbox.soft_seconds
        )
    }),
    of("client-query-buffer-limit", Kind::Number, |ctx| ctx.shared.config.query_bytes_max.to_string()),
    of("cluster-enabled", Kind::Fixed, |ctx| yes_no(ctx.shared.config.cluster)),
    is("cluster-node-timeout", Kind::Number, "15000"),
    is("cluster-require-full-coverage", Kind::YesNo, "yes"),
    of("databases", Kind::Fixed, |_| DATABASES.to_string()),
    is("dbfilename", Kind::Fixed, ""),
    is("dir", Kind::Fixed, ""),
    is("hz", Kind::Number, "10"),
    of("io-threads", Kind::Fixed, |ctx| ctx.shared.config.workers.to_string()),
    is("latency-monitor-threshold", Kind::Number, "0"),
    is("lazyfree-lazy-user-flush", Kind::YesNo, "no"),
    is("loglevel", Kind::Text, "notice"),
    of("maxclients", Kind::Number, |ctx| ctx.shared.config.clients_max.to_string()),
    is("maxmemory", Kind::Number, "0"),
    is("maxmemory-clients", Kind::Text, "0"),
    is("maxmemory-policy", Kind::Text, "noeviction"),
    is("maxmemory-samples", Kind::Number, "5"),
    is("notify-keyspace-events", Kind::Text, ""),
    of("port", Kind::Fixed, |ctx| {
        let laddr = &ctx.session.client.laddr;
        laddr.parse::<SocketAddr>().map_or(ctx.shared.config.port, |addr| addr.port()).to_string()
    }),
    is("protected-mode", Kind::YesNo, "no"),
    of("proto-max-bulk-len", Kind::Number, |ctx| ctx.shared.config.bulk_bytes_max.to_string()),
    is("replica-read-only", Kind::YesNo, "yes"),
    is("requirepass", Kind::Password, ""),
    is("save", Kind::Text, ""),
    is("slave-read-only", Kind::YesNo, "yes"),
    is("slowlog-log-slower-than", Kind::Number, "10000"),
    is("slowlog-max-len", Kind::Number, "128"),
    is("tcp-keepalive", Kind::Number, "300"),
    is("timeout", Kind::Number, "0"),
    is("tls-port", Kind::Fixed, "0"),
    of("unixsocket", Kind::Fixed, |ctx| {
        let laddr = &ctx.session.client.laddr;
        laddr.strip_suffix(":0").filter(|path| path.starts_with('/')).unwrap_or_default().to_owned()
    }),
    is("unixsocketperm", Kind::Fixed, "0"),
];

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

impl Parameter {
    /// A parameter by its name, in any case.
    pub(super) fn find(name: &[u8]) -> Option<&'static Self> {
        PARAMETERS.iter().find(|parameter| parameter.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// What CONFIG GET shows.
    pub(super) fn value(&self, ctx: &Ctx<'_>) -> Vec<u8> {
        if let Some(value) = ctx.shared.node.overrides.0.lock().get(self.name) {
            return value.clone();
        }
        match self.value {
            Value::Is(value) => value.into(),
            Value::Of(value) => value(ctx).into(),
        }
    }

    /// Why CONFIG SET refuses a value.
    pub(super) fn refuses(&self, value: &[u8]) -> Option<&'static str> {
        match self.kind {
            Kind::Fixed => Some("can't set immutable config"),
            Kind::Number if !is_number(value) => Some("argument couldn't be parsed into an integer"),
            Kind::YesNo if !value.eq_ignore_ascii_case(b"yes") && !value.eq_ignore_ascii_case(b"no") => {
                Some("argument must be 'yes' or 'no'")
            }
            _ if value.len() > VALUE_BYTES_MAX => Some("the value is longer than 4096 bytes"),
            _ => None,
        }
    }
}

/// Digits, perhaps with a sign and a unit of memory.
fn is_number(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let digits = [&b"kb"[..], b"mb", b"gb", b"k", b"m", b"g", b"b"].iter().find_map(|unit| lower.strip_suffix(*unit));
    let digits = digits.unwrap_or(&lower);
    let digits = digits.strip_prefix(b"-").unwrap_or(digits);
    !digits.is_empty() && digits.len() < 19 && digits.iter().all(u8::is_ascii_digit)
}

impl Overrides {
    pub(super) fn set(&self, name: &'static str, value: &[u8]) {
        self.0.lock().insert(name, value.into());
    }
}
