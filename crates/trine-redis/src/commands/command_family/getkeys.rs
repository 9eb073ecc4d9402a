//! COMMAND GETKEYS command arg… → its keys; GETKEYSANDFLAGS → with what happens to them. Channels are no keys.

use bytes::Bytes;

use crate::commands::{Command, Ctx, Flow, table};

pub(crate) fn getkeys(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some((_, keys)) = keys_of_call(ctx, args) else { return Flow::Continue };
    ctx.out.array(keys.len());
    for key in keys {
        ctx.out.bulk(key);
    }
    Flow::Continue
}

pub(crate) fn getkeysandflags(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some((command, keys)) = keys_of_call(ctx, args) else { return Flow::Continue };
    ctx.out.array(keys.len());
    for key in keys {
        ctx.out.array(2);
        ctx.out.bulk(key);
        ctx.out.set(command.key_flags.len());
        for flag in command.key_flags {
            ctx.out.simple(flag);
        }
    }
    Flow::Continue
}

/// The command called in the arguments and its keys, of which there are some; otherwise the error is answered.
fn keys_of_call(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Option<(&'static Command, Vec<Bytes>)> {
    let call = args.get(2..).unwrap_or(&[]);
    let Some(command) = table::find_called(call) else {
        ctx.out.error("ERR Invalid command specified");
        return None;
    };
    if command.keys.0 == 0 || command.keys_are_channels() {
        ctx.out.error("ERR The command has no key arguments");
        return None;
    }
    if !command.takes(call.len()) {
        ctx.out.error("ERR Invalid number of arguments specified for command");
        return None;
    }
    Some((command, command.keys_of(call).cloned().collect()))
}
