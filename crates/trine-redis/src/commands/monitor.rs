//! MONITOR → OK, then every command that is carried out, in lines like `+1795448127.431407 [0 127.0.0.1:37484] "ping"`. Those for administrators are not
//! shown, and passwords neither.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Command, Ctx, Flow, flag};
use crate::clients::{FLAG_MONITOR, FLAG_UNIX};

/// Bytes of an argument that are shown.
const ARG_SHOWN: usize = 4096;
/// Bytes of a line, about.
const LINE_BYTES_MAX: usize = 64 << 10;

pub(crate) fn monitor(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    if ctx.session.in_exec {
        ctx.out.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
        return Flow::Continue;
    }
    if !ctx.session.monitor {
        ctx.session.monitor = true;
        ctx.session.client.set(FLAG_MONITOR, true);
        ctx.shared.monitors.fetch_add(1, Ordering::Relaxed);
    }
    ctx.out.ok();
    Flow::Continue
}

/// Ends MONITOR (RESET).
pub(super) fn leave(ctx: &mut Ctx<'_>) {
    if ctx.session.monitor {
        ctx.session.monitor = false;
        ctx.session.client.set(FLAG_MONITOR, false);
        ctx.shared.monitors.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The line of a command, if anybody looks.
pub(super) fn line(ctx: &Ctx<'_>, command: &Command, args: &[Bytes]) -> Option<Bytes> {
    if ctx.shared.monitors.load(Ordering::Relaxed) == 0 || command.has(flag::ADMIN) {
        return None;
    }
    let client = &ctx.session.client;
    let wall_ms = ctx.shared.broker.clock().wall().0;
    let db = ctx.session.db;
    let mut line = format!("+{}.{:03}000 [{db} ", wall_ms.div_euclid(1000), wall_ms.rem_euclid(1000)).into_bytes();
    if client.has(FLAG_UNIX) {
        let path = client.addr.strip_suffix(":0").unwrap_or(&client.addr);
        line.extend_from_slice(format!("unix:{path}").as_bytes());
    } else {
        line.extend_from_slice(client.addr.as_bytes());
    }
    line.push(b']');
    let secret = secrets(command, args);
    for (at, arg) in args.iter().enumerate() {
        if line.len() > LINE_BYTES_MAX {
            line.extend_from_slice(b" ...");
            break;
        }
        line.push(b' ');
        if secret.contains(&at) {
            line.extend_from_slice(b"\"(redacted)\"");
        } else {
            quote(arg.get(..ARG_SHOWN).unwrap_or(arg), &mut line);
        }
    }
    line.extend_from_slice(b"\r\n");
    Some(line.into())
}

/// Places of names and passwords.
fn secrets(command: &Command, args: &[Bytes]) -> std::ops::Range<usize> {
    match command.name {
        "auth" => 1..args.len(),
        "hello" => {
            let at = args.iter().skip(2).position(|arg| arg.eq_ignore_ascii_case(b"auth"));
            at.map_or(0..0, |at| at + 3..at + 5)
        }
        _ => 0..0,
    }
}

/// As Redis prints an argument (redis: `src/sds.c`, `sdscatrepr`).
fn quote(arg: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    for byte in arg {
        match byte {
            b'\\' | b'"' => line.extend_from_slice(&[b'\\', *byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0x07 => line.extend_from_slice(b"\\a"),
            0x08 => line.extend_from_slice(b"\\b"),
            b' '..=b'~' => line.push(*byte),
            _ => line.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    line.push(b'"');
}
