//! ACL DRYRUN username command arg… → OK, or why not.

use bytes::Bytes;

use crate::{
    acl::Denied,
    commands::{Ctx, Flow, dispatch::wrong_arity, table},
};

pub(crate) fn dryrun(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let [_, _, name, command_args @ ..] = args else { return Flow::Continue };
    let user = std::str::from_utf8(name).ok().and_then(|name| ctx.shared.acl.get(name));
    let Some(user) = user else {
        ctx.out.error([b"ERR User '", &**name, b"' not found"].concat());
        return Flow::Continue;
    };
    let Some(command) = table::find_called(command_args) else {
        let command = command_args.first().map_or(&[][..], |command| command);
        ctx.out.error([b"ERR Command '", command, b"' not found"].concat());
        return Flow::Continue;
    };
    if !command.takes(command_args.len()) {
        ctx.out.error(wrong_arity(command));
        return Flow::Continue;
    }
    let user_name = &user.name;
    match user.rules().check(command, command_args) {
        Ok(()) => ctx.out.ok(),
        Err(Denied::Command) => {
            ctx.out.bulk(format!("User {user_name} has no permissions to run the '{}' command", command.full_name))
        }
        Err(Denied::Key(key)) => ctx.out.bulk(no_access(user_name, &key, "key")),
        Err(Denied::Channel(channel)) => ctx.out.bulk(no_access(user_name, &channel, "channel")),
    }
    Flow::Continue
}

fn no_access(user: &str, name: &[u8], kind: &str) -> Vec<u8> {
    [format!("User {user} has no permissions to access the '").as_bytes(), name, format!("' {kind}").as_bytes()]
        .concat()
}
