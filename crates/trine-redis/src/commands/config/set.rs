//! CONFIG SET name value… → OK if all names are known and all values could be right. Only the password has an effect.

use bytes::Bytes;

use super::parameters::{Kind, Parameter};
use crate::{
    commands::{Ctx, Flow, SYNTAX_ERROR},
    session::DEFAULT_USER,
};

pub(crate) fn set(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let pairs = args.get(2..).unwrap_or(&[]).chunks(2);
    let mut changes: Vec<(&'static Parameter, &Bytes)> = Vec::new();
    for pair in pairs {
        let [name, value] = pair else {
            ctx.out.error(SYNTAX_ERROR);
            return Flow::Continue;
        };
        let Some(parameter) = Parameter::find(name) else {
            let text: &[&[u8]] = &[b"ERR Unknown option or number of arguments for CONFIG SET - '", name, b"'"];
            ctx.out.error(text.concat());
            return Flow::Continue;
        };
        let twice = changes.iter().any(|(earlier, _)| std::ptr::eq(*earlier, parameter));
        let problem = if twice { Some("duplicate parameter") } else { parameter.refuses(value) };
        if let Some(problem) = problem {
            let name = parameter.name;
            ctx.out.error(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {problem}"));
            return Flow::Continue;
        }
        changes.push((parameter, value));
    }
    for (parameter, value) in changes {
        if parameter.kind == Kind::Password {
            set_password(ctx, value);
        } else {
            ctx.shared.node.overrides.set(parameter.name, value);
        }
    }
    ctx.out.ok();
    Flow::Continue
}

/// The default user's only password, or none. Connections stay who they are, as in Redis.
fn set_password(ctx: &Ctx<'_>, password: &[u8]) {
    let word = [b">", password].concat();
    let words: [&[u8]; 3] =
        if password.is_empty() { [b"on", b"resetpass", b"nopass"] } else { [b"on", b"resetpass", &word] };
    // These words are never refused.
    let _ = ctx.shared.acl.set(DEFAULT_USER, words);
}
