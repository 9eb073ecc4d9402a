//! COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN value] → names; with a filter, those of subcommands, too.

use bytes::Bytes;
use trine_core::pubsub::Glob;

use crate::commands::{Ctx, Flow, SYNTAX_ERROR, category, table};

pub(crate) fn list(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let names: Vec<&str> = match args.get(2..).unwrap_or(&[]) {
        [] => table::all().map(|command| command.full_name).collect(),
        [filter_by, what, value] if filter_by.eq_ignore_ascii_case(b"filterby") => {
            let all = table::all_with_subcommands();
            match what.to_ascii_lowercase().as_slice() {
                b"module" => Vec::new(),
                b"aclcat" => {
                    let category = category::parse(value).unwrap_or(0);
                    all.filter(|command| command.categories & category != 0).map(|command| command.full_name).collect()
                }
                b"pattern" => {
                    let glob = Glob::new(&value.to_ascii_lowercase());
                    all.map(|command| command.full_name).filter(|name| glob.matches(name.as_bytes())).collect()
                }
                _ => {
                    ctx.out.error(SYNTAX_ERROR);
                    return Flow::Continue;
                }
            }
        }
        _ => {
            ctx.out.error(SYNTAX_ERROR);
            return Flow::Continue;
        }
    };
    ctx.out.array(names.len());
    for name in names {
        ctx.out.bulk(name);
    }
    Flow::Continue
}
