//! COMMAND, COMMAND INFO [name…] → an entry of ten elements for each command; COMMAND COUNT → how many. Clients of a cluster read in them where the keys
//! are.

use bytes::Bytes;

use crate::{
    commands::{Command, Ctx, Flow, category, flag, table},
    wire::Reply,
};

pub(crate) fn command(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(table::all().count());
    for command in table::all() {
        entry(ctx.out, command);
    }
    Flow::Continue
}

pub(crate) fn count(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.count(table::all().count());
    Flow::Continue
}

pub(crate) fn info(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let names = args.get(2..).unwrap_or(&[]);
    if names.is_empty() {
        return command(ctx, args);
    }
    ctx.out.array(names.len());
    for name in names {
        match table::find_full(name) {
            Some(command) => entry(ctx.out, command),
            None => ctx.out.null(),
        }
    }
    Flow::Continue
}

fn entry(out: &mut Reply, command: &Command) {
    out.array(10);
    out.bulk(command.full_name);
    out.int(i64::from(command.arity));
    let flags = flag::ALL.iter().filter(|(flag, _)| command.has(*flag));
    out.set(flags.clone().count());
    for (_, name) in flags {
        out.simple(name);
    }
    let (first, last, step) = command.keys;
    for position in [first, last, step] {
        out.int(i64::from(position));
    }
    let categories: Vec<_> = category::names(command.categories).collect();
    out.set(categories.len());
    for name in categories {
        out.simple(&format!("@{name}"));
    }
    out.set(command.tips.len());
    for tip in command.tips {
        out.bulk(tip);
    }
    key_specs(out, command);
    if command.subcommands.is_empty() {
        out.set(0);
    } else {
        out.array(command.subcommands.len());
        for sub in command.subcommands {
            entry(out, sub);
        }
    }
}

/// Key specifications: one, a range of arguments, or none.
fn key_specs(out: &mut Reply, command: &Command) {
    let (first, last, step) = command.keys;
    if first == 0 {
        out.set(0);
        return;
    }
    out.set(1);
    out.map(3);
    out.bulk("flags");
    out.set(command.key_flags.len());
    for flag in command.key_flags {
        out.simple(flag);
    }
    out.bulk("begin_search");
    out.map(2);
    out.bulk("type");
    out.bulk("index");
    out.bulk("spec");
    out.map(1);
    out.bulk("index");
    out.int(i64::from(first));
    out.bulk("find_keys");
    out.map(2);
    out.bulk("type");
    out.bulk("range");
    out.bulk("spec");
    out.map(3);
    out.bulk("lastkey");
    // Relative to the first key, if counted from the beginning.
    out.int(i64::from(if last < 0 { last } else { last - first }));
    out.bulk("keystep");
    out.int(i64::from(step));
    out.bulk("limit");
    out.int(0);
}
