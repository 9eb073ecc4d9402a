//! The HELP of every container, made from the table: an array of simple strings.

use bytes::Bytes;

use super::{Ctx, Flow, table};

pub(crate) fn help(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some(container) = args.first().and_then(|name| table::find(name)) else { return Flow::Continue };
    let mut lines = vec![format!(
        "{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        container.name.to_ascii_uppercase()
    )];
    for sub in container.subcommands.iter().filter(|sub| sub.name != "help") {
        let name = sub.name.to_ascii_uppercase();
        lines.push(if sub.syntax.is_empty() { name } else { format!("{name} {}", sub.syntax) });
        lines.push(format!("    {}.", sub.summary));
    }
    lines.push("HELP".to_owned());
    lines.push("    Prints this help.".to_owned());
    ctx.out.array(lines.len());
    for line in lines {
        ctx.out.simple(&line);
    }
    Flow::Continue
}
