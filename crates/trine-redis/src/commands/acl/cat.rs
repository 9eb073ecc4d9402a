//! ACL CAT [category] → the categories, or the commands of one.

use bytes::Bytes;

use crate::commands::{Ctx, Flow, category, dispatch::wrong_arity, table};

pub(crate) fn cat(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    match args {
        [_, _] => {
            ctx.out.array(category::NAMES.len());
            for name in category::NAMES {
                ctx.out.bulk(name);
            }
        }
        [_, _, name] => match category::parse(name) {
            Some(category) => {
                let names: Vec<_> = table::all_with_subcommands()
                    .filter(|command| command.categories & category != 0)
                    .map(|command| command.full_name)
                    .collect();
                ctx.out.array(names.len());
                for name in names {
                    ctx.out.bulk(name);
                }
            }
            None => ctx.out.error([b"ERR Unknown category '", &**name, b"'"].concat()),
        },
        _ => {
            if let Some(command) = table::find_full(b"acl|cat") {
                ctx.out.error(wrong_arity(command));
            }
        }
    }
    Flow::Continue
}
