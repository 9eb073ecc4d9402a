//! CONFIG GET pattern… → a map of names and values.

use bytes::Bytes;
use trine_core::pubsub::Glob;

use super::parameters::PARAMETERS;
use crate::commands::{Ctx, Flow};

pub(crate) fn get(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let globs: Vec<Glob> =
        args.get(2..).unwrap_or(&[]).iter().map(|pattern| Glob::new(&pattern.to_ascii_lowercase())).collect();
    let found: Vec<_> = PARAMETERS
        .iter()
        .filter(|parameter| globs.iter().any(|glob| glob.matches(parameter.name.as_bytes())))
        .collect();
    ctx.out.map(found.len());
    for parameter in found {
        let value = parameter.value(ctx);
        ctx.out.bulk(parameter.name);
        ctx.out.bulk(value);
    }
    Flow::Continue
}
