//! INFO [section…] → lines of `name:value` in sections. Clients read the version, the role, whether the server is loading; dashboards read the rest.

mod cpu;
mod sections;

use bytes::Bytes;

use super::{Ctx, Flow};

/// Writes a section.
type Section = fn(&Ctx<'_>, &mut String);

/// Sections in the order in which they are shown, and whether they are without being asked for.
const SECTIONS: [(&str, Section, bool); 14] = [
    ("server", sections::server, true),
    ("clients", sections::clients, true),
    ("memory", sections::memory, true),
    ("persistence", sections::persistence, true),
    ("stats", sections::stats, true),
    ("replication", sections::replication, true),
    ("cpu", sections::cpu, true),
    ("modules", sections::modules, true),
    ("commandstats", sections::commandstats, false),
    ("errorstats", sections::errorstats, true),
    ("latencystats", sections::latencystats, false),
    ("cluster", sections::cluster, true),
    ("keyspace", sections::keyspace, true),
    ("trine", sections::trine, true),
];

pub(crate) fn info(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let asked = args.get(1..).unwrap_or(&[]);
    let is_asked = |name: &str| asked.iter().any(|section| section.eq_ignore_ascii_case(name.as_bytes()));
    let all = is_asked("all") || is_asked("everything");
    let default = asked.is_empty() || is_asked("default");
    let mut text = String::new();
    for (name, write, shown) in SECTIONS {
        if all || (default && shown) || is_asked(name) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            write(ctx, &mut text);
        }
    }
    ctx.out.verbatim(text.as_bytes());
    Flow::Continue
}
