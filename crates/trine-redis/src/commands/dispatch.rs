//! From a request to its command: the checks, in Redis's order (redis: `src/server.c`, `processCommand`).

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Command, Ctx, Flow, cluster, flag, monitor, multi, table};
use crate::{
    acl::{Denial, Denied, Reason},
    commands::client::list,
    wire::Resp,
};

/// Bytes of a command's name that an error repeats.
const NAME_SHOWN: usize = 128;
/// Bytes of arguments that an error repeats, about.
const ARGS_SHOWN: usize = 128;

/// Carries out one request: exactly one reply, except where CLIENT REPLY or a subscription says otherwise.
pub(crate) fn dispatch(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some(name) = args.first() else { return Flow::Continue };
    let Some(command) = table::find(name) else {
        if name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:") {
            // A browser that was made to talk to us: it must not get as far as the body of its request.
            tracing::warn!(client = ctx.session.client.id, "an HTTP request came in; the connection is closed");
            ctx.close_now();
            return Flow::Continue;
        }
        say_once_that_it_is_trine(ctx, name);
        return reject(ctx, None, unknown(args));
    };
    let command = match args.get(1) {
        Some(sub) if !command.subcommands.is_empty() => match command.subcommand(sub) {
            Some(subcommand) => subcommand,
            None => return reject(ctx, None, unknown_subcommand(command.name, sub)),
        },
        _ => command,
    };
    if !command.takes(args.len()) || command.handler.is_none() {
        return reject(ctx, Some(command), wrong_arity(command));
    }
    if !ctx.session.authenticated && !command.has(flag::NO_AUTH) {
        return reject(ctx, Some(command), b"NOAUTH Authentication required.".to_vec());
    }
    if command.has(flag::NO_MULTI) && ctx.session.multi.is_some() {
        return reject(ctx, Some(command), b"ERR Command not allowed inside a transaction".to_vec());
    }
    if let Err(denied) = check_access(ctx, command, args) {
        return reject(ctx, Some(command), format!("NOPERM {}", denied_text(ctx, command, &denied)).into());
    }
    if ctx.shared.config.cluster && cluster::crosses_slots(ctx.session, command, args) {
        if command.name == "exec" {
            multi::end(ctx.session);
        } else {
            multi::fail(ctx.session);
        }
        ctx.out.error(cluster::CROSS_SLOT);
        return Flow::Continue;
    }
    if ctx.session.resp == Resp::V2 && ctx.session.subscribed.any() && !allowed_while_subscribed(command) {
        let text = format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            command.full_name
        );
        return reject(ctx, Some(command), text.into());
    }
    if ctx.session.multi.is_some() && !matches!(command.name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
    {
        multi::queue(ctx, command, args);
        return Flow::Continue;
    }
    let client = &ctx.session.client;
    client.last_ms.store(ctx.now_ms, Ordering::Relaxed);
    *client.last_command.lock() = command.full_name;
    run(ctx, command, args)
}

/// Runs a command that passed the checks; EXEC does so with the queued ones.
pub(super) fn run(ctx: &mut Ctx<'_>, command: &'static Command, args: &[Bytes]) -> Flow {
    let Some(handler) = command.handler else { return Flow::Continue };
    // The handler may change what the line shows.
    let line = monitor::line(ctx, command, args);
    let flow = if command.full_name.starts_with("cluster|") && !ctx.shared.config.cluster {
        ctx.out.error(cluster::DISABLED);
        Flow::Continue
    } else {
        handler(ctx, args)
    };
    if let Some(line) = line {
        ctx.shared.monitor(&line);
    }
    flow
}

/// Whether the user may run it; a refusal is counted and logged.
pub(super) fn check_access(ctx: &mut Ctx<'_>, command: &Command, args: &[Bytes]) -> Result<(), Denied> {
    if ctx.session.user.is_unrestricted() {
        return Ok(());
    }
    let denied = match ctx.session.user.rules().check(command, args) {
        Ok(()) => return Ok(()),
        Err(denied) => denied,
    };
    let counters = &ctx.shared.counters;
    let (reason, object, counter) = match &denied {
        Denied::Command => {
            (Reason::Command, Bytes::from_static(command.full_name.as_bytes()), &counters.denied_command)
        }
        Denied::Key(key) => (Reason::Key, key.clone(), &counters.denied_key),
        Denied::Channel(channel) => (Reason::Channel, channel.clone(), &counters.denied_channel),
    };
    counter.fetch_add(1, Ordering::Relaxed);
    let user = Bytes::copy_from_slice(ctx.session.user.name.as_bytes());
    log_denial(ctx, reason, object, user);
    Err(denied)
}

/// Adds a refusal to ACL LOG.
pub(super) fn log_denial(ctx: &Ctx<'_>, reason: Reason, object: Bytes, user: Bytes) {
    let denial = Denial {
        reason,
        in_multi: ctx.session.multi.is_some() || ctx.session.in_exec,
        object,
        user,
        client: list::line(&ctx.session.client, ctx.now_ms),
        at_ms: ctx.now_ms,
        wall_ms: ctx.shared.broker.clock().wall().0,
    };
    ctx.shared.acl.log.lock().add(denial);
}

/// The text of a refusal, without its code.
fn denied_text(ctx: &Ctx<'_>, command: &Command, denied: &Denied) -> String {
    match denied {
        Denied::Command => {
            let user = &ctx.session.user.name;
            format!("User {user} has no permissions to run the '{}' command", command.full_name)
        }
        Denied::Key(_) => "No permissions to access a key".to_owned(),
        Denied::Channel(_) => "No permissions to access a channel".to_owned(),
    }
}

/// Answers a command that is not carried out, and spoils the transaction it would have been a part of.
fn reject(ctx: &mut Ctx<'_>, command: Option<&Command>, text: Vec<u8>) -> Flow {
    if command.is_some_and(|command| command.name == "exec") {
        multi::end(ctx.session);
        let text = text.strip_prefix(b"ERR ").unwrap_or(&text);
        ctx.out.error([b"EXECABORT Transaction discarded because of: ", text].concat());
    } else {
        multi::fail(ctx.session);
        ctx.out.error(text);
    }
    Flow::Continue
}

/// The error of a command that does not exist. Clients look for its beginning.
fn unknown(args: &[Bytes]) -> Vec<u8> {
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(c_string(args.first().map_or(&[], |name| name), NAME_SHOWN));
    text.extend_from_slice(b"', with args beginning with: ");
    let mut shown = 0;
    for arg in args.iter().skip(1) {
        if shown >= ARGS_SHOWN {
            break;
        }
        let arg = c_string(arg, ARGS_SHOWN - shown);
        text.push(b'\'');
        text.extend_from_slice(arg);
        text.extend_from_slice(b"' ");
        shown += arg.len() + 3;
    }
    text
}

fn unknown_subcommand(container: &str, subcommand: &[u8]) -> Vec<u8> {
    let mut text = b"ERR unknown subcommand '".to_vec();
    text.extend_from_slice(c_string(subcommand, NAME_SHOWN));
    text.extend_from_slice(format!("'. Try {} HELP.", container.to_ascii_uppercase()).as_bytes());
    text
}

/// What C prints of a text: up to a zero byte, up to a length.
fn c_string(text: &[u8], max: usize) -> &[u8] {
    let text = text.get(..max).unwrap_or(text);
    memchr::memchr(0, text).and_then(|end| text.get(..end)).unwrap_or(text)
}

pub(super) fn wrong_arity(command: &Command) -> Vec<u8> {
    format!("ERR wrong number of arguments for '{}' command", command.full_name).into()
}

/// RESP2 clients cannot tell a reply from a message, so that hardly anything may be asked.
fn allowed_while_subscribed(command: &Command) -> bool {
    matches!(
        command.name,
        "subscribe"
            | "psubscribe"
            | "ssubscribe"
            | "unsubscribe"
            | "punsubscribe"
            | "sunsubscribe"
            | "ping"
            | "quit"
            | "reset"
    )
}

/// Whoever asks for keys should find out where they are; the error itself is the one that clients know.
fn say_once_that_it_is_trine(ctx: &mut Ctx<'_>, name: &[u8]) {
    if !std::mem::replace(&mut ctx.session.told_unknown, true) {
        let client = &ctx.session.client;
        tracing::info!(
            client = client.id,
            addr = %client.addr,
            command = %String::from_utf8_lossy(c_string(name, NAME_SHOWN)).escape_debug(),
            "a client asks for a command Trine does not have: it serves Redis's pub-sub and keeps no keys (docs/reference/redis.md)"
        );
    }
}
