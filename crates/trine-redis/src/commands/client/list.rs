//! CLIENT ID, INFO, LIST: connections in lines of `name=value`.

use std::{fmt::Write, sync::atomic::Ordering};

use bytes::Bytes;

use crate::{
    clients::{Client, FLAG_CLOSING, FLAG_MONITOR, FLAG_NO_EVICT, FLAG_NO_TOUCH, FLAG_UNIX},
    commands::{Ctx, Flow, SYNTAX_ERROR},
    conn::Conn,
    session::Session,
    wire::decimal,
};

/// CLIENT ID → the connection's number.
pub(crate) fn id(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(ctx.session.client.id as i64);
    Flow::Continue
}

/// CLIENT INFO → this connection's line.
pub(crate) fn info(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let mut text = line(&ctx.session.client, ctx.now_ms);
    text.push(b'\n');
    ctx.out.verbatim(&text);
    Flow::Continue
}

/// CLIENT LIST [TYPE type] [ID id…] → the lines of all connections, or of some.
pub(crate) fn list(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let clients = match args.get(2..).unwrap_or(&[]) {
        [] => ctx.shared.clients.list(),
        [option, name] if option.eq_ignore_ascii_case(b"type") => {
            let Some(kind) = Kind::parse(name) else {
                ctx.out.error(unknown_type(name));
                return Flow::Continue;
            };
            let mut clients = ctx.shared.clients.list();
            clients.retain(|client| kind.is(client));
            clients
        }
        [option, ids @ ..] if option.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            let ids: Option<Vec<u64>> =
                ids.iter().map(|id| decimal(id).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0)).collect();
            let Some(ids) = ids else {
                ctx.out.error("ERR Invalid client ID");
                return Flow::Continue;
            };
            ids.into_iter().filter_map(|id| ctx.shared.clients.get(id)).collect()
        }
        _ => {
            ctx.out.error(SYNTAX_ERROR);
            return Flow::Continue;
        }
    };
    let mut text = Vec::new();
    for client in clients {
        text.extend_from_slice(&line(&client, ctx.now_ms));
        text.push(b'\n');
    }
    ctx.out.verbatim(&text);
    Flow::Continue
}

/// Kinds of clients. There are no replicas and no master, but one may ask for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Normal,
    PubSub,
    Other,
}

impl Kind {
    pub(super) fn parse(name: &[u8]) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_slice() {
            b"normal" => Self::Normal,
            b"pubsub" => Self::PubSub,
            b"master" | b"replica" | b"slave" => Self::Other,
            _ => return None,
        })
    }

    pub(super) fn is(self, client: &Client) -> bool {
        match self {
            Self::Normal => !client.is_subscriber(),
            Self::PubSub => client.is_subscriber(),
            Self::Other => false,
        }
    }
}

pub(super) fn unknown_type(name: &[u8]) -> Vec<u8> {
    [b"ERR Unknown client type '", name, b"'"].concat()
}

/// Memory of a connection beside what waits in it: its state in the worker, its session, and what others see of it.
const FIXED_BYTES: usize = size_of::<Conn>() + size_of::<Session>() + size_of::<Client>();

/// A connection's line, without its end. What has no meaning here is zero: a connection has no buffers of its own while nothing waits in them, neither for
/// requests (`qbuf-free`) nor for replies (`rbs`, `rbp`, `obl`), and arguments are parts of the request (`argv-mem`).
pub(crate) fn line(client: &Client, now_ms: u64) -> Vec<u8> {
    let seconds = |since: u64| now_ms.saturating_sub(since) / 1000;
    let load = |n: &std::sync::atomic::AtomicUsize| n.load(Ordering::Relaxed);
    let names = client.names.lock().clone();
    let command = *client.last_command.lock();
    let (query, outbox, queued) = (load(&client.query_bytes), load(&client.outbox_bytes), load(&client.multi_bytes));
    let mut text = String::with_capacity(384);
    let _ = write!(text, "id={} addr={} laddr={} fd={} name=", client.id, client.addr, client.laddr, client.fd);
    let mut line = text.into_bytes();
    line.extend_from_slice(&names.name);
    let mut text = String::with_capacity(320);
    let _ = write!(
        text,
        " age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch=0 qbuf={query} qbuf-free=0 argv-mem=0 multi-mem={queued} rbs=0 rbp=0 \
         obl=0 oll={} omem={outbox} tot-mem={} events={} cmd={command} user={} redir=-1 resp={} lib-name=",
        seconds(client.created_ms),
        seconds(client.last_ms.load(Ordering::Relaxed)),
        flags(client),
        client.db.load(Ordering::Relaxed),
        load(&client.sub),
        load(&client.psub),
        load(&client.ssub),
        client.multi.load(Ordering::Relaxed),
        usize::from(outbox > 0),
        query + outbox + queued + FIXED_BYTES,
        if outbox > 0 { "rw" } else { "r" },
        names.user,
        client.resp.load(Ordering::Relaxed),
    );
    line.extend_from_slice(text.as_bytes());
    line.extend_from_slice(&names.lib_name);
    line.extend_from_slice(b" lib-ver=");
    line.extend_from_slice(&names.lib_ver);
    line
}

fn flags(client: &Client) -> String {
    let flags: String = [
        (client.has(FLAG_MONITOR), 'O'),
        (client.is_subscriber(), 'P'),
        (client.multi.load(Ordering::Relaxed) >= 0, 'x'),
        (client.has(FLAG_CLOSING), 'c'),
        (client.killed.load(Ordering::Relaxed), 'A'),
        (client.has(FLAG_UNIX), 'U'),
        (client.has(FLAG_NO_EVICT), 'e'),
        (client.has(FLAG_NO_TOUCH), 'T'),
    ]
    .into_iter()
    .filter_map(|(set, flag)| set.then_some(flag))
    .collect();
    if flags.is_empty() { "N".to_owned() } else { flags }
}
