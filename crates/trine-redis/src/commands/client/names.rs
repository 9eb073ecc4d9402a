//! CLIENT SETNAME, GETNAME, SETINFO.

use bytes::Bytes;

use crate::commands::{Ctx, Flow};

/// The answer to a name with other bytes than printable ones.
pub(crate) const BAD_NAME: &str = "ERR Client names cannot contain spaces, newlines or special characters.";
/// Longest name kept. Redis knows no limit, but CLIENT LIST shows all of them.
const NAME_BYTES_MAX: usize = 4096;

/// Whether a name would not break the lines of CLIENT LIST.
pub(crate) fn is_printable(name: &[u8]) -> bool {
    name.len() <= NAME_BYTES_MAX && name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

pub(crate) fn setname(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let [_, _, name] = args else { return Flow::Continue };
    if is_printable(name) {
        ctx.session.client.names.lock().name = Bytes::copy_from_slice(name);
        ctx.out.ok();
    } else {
        ctx.out.error(BAD_NAME);
    }
    Flow::Continue
}

pub(crate) fn getname(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let name = ctx.session.client.names.lock().name.clone();
    if name.is_empty() {
        ctx.out.null();
    } else {
        ctx.out.bulk(name);
    }
    Flow::Continue
}

pub(crate) fn setinfo(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let [_, _, option, value] = args else { return Flow::Continue };
    let version = option.eq_ignore_ascii_case(b"lib-ver");
    if !version && !option.eq_ignore_ascii_case(b"lib-name") {
        ctx.out.error([b"ERR Unrecognized option '", &**option, b"'"].concat());
        return Flow::Continue;
    }
    if !is_printable(value) {
        let option = if version { "lib-ver" } else { "lib-name" };
        ctx.out.error(format!("ERR {option} cannot contain spaces, newlines or special characters."));
        return Flow::Continue;
    }
    let mut names = ctx.session.client.names.lock();
    let value = Bytes::copy_from_slice(value);
    if version {
        names.lib_ver = value;
    } else {
        names.lib_name = value;
    }
    drop(names);
    ctx.out.ok();
    Flow::Continue
}
