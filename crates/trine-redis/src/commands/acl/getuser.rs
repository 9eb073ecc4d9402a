//! ACL GETUSER username → flags, passwords, commands, keys, channels and (no) selectors, or null.

use bytes::Bytes;

use crate::commands::{Ctx, Flow};

pub(crate) fn getuser(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let user = args.get(2).and_then(|name| std::str::from_utf8(name).ok()).and_then(|name| ctx.shared.acl.get(name));
    let Some(user) = user else {
        ctx.out.null();
        return Flow::Continue;
    };
    let rules = user.rules();
    let out = &mut *ctx.out;
    out.map(6);
    out.bulk("flags");
    let flags = rules.flags();
    out.set(flags.len());
    for flag in flags {
        out.bulk(flag);
    }
    out.bulk("passwords");
    let passwords = rules.passwords();
    out.array(passwords.len());
    for password in passwords {
        out.bulk(password);
    }
    out.bulk("commands");
    out.bulk(rules.commands());
    out.bulk("keys");
    out.bulk(rules.keys());
    out.bulk("channels");
    out.bulk(rules.channels());
    out.bulk("selectors");
    out.array(0);
    Flow::Continue
}
