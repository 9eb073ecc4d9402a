//! COMMAND DOCS [name…] → a map of maps: summary, since, group, subcommands. redis-cli asks for all of them on a terminal.

use bytes::Bytes;

use crate::{
    commands::{Command, Ctx, Flow, table},
    wire::Reply,
};

pub(crate) fn docs(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let names = args.get(2..).unwrap_or(&[]);
    let commands: Vec<_> = if names.is_empty() {
        table::all().collect()
    } else {
        names.iter().filter_map(|name| table::find_full(name)).collect()
    };
    ctx.out.map(commands.len());
    for command in commands {
        document(ctx.out, command);
    }
    Flow::Continue
}

fn document(out: &mut Reply, command: &Command) {
    out.bulk(command.full_name);
    out.map(if command.subcommands.is_empty() { 3 } else { 4 });
    out.bulk("summary");
    out.bulk(command.summary);
    out.bulk("since");
    out.bulk(command.since);
    out.bulk("group");
    out.bulk(table::group_of(command));
    if !command.subcommands.is_empty() {
        out.bulk("subcommands");
        out.map(command.subcommands.len());
        for sub in command.subcommands {
            document(out, sub);
        }
    }
}
