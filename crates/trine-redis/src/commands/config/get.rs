//! CONFIG GET pattern… → a map of names and values, each once. A name that is no pattern comes back as the client wrote it.

use bytes::Bytes;
use trine_core::pubsub::Glob;

use super::parameters::{PARAMETERS, Parameter};
use crate::commands::{Ctx, Flow};

pub(crate) fn get(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let mut found: Vec<(&[u8], &'static Parameter)> = Vec::new();
    let mut add = |name, parameter: &'static Parameter| {
        if !found.iter().any(|(_, known)| std::ptr::eq(*known, parameter)) {
            found.push((name, parameter));
        }
    };
    for pattern in args.get(2..).unwrap_or(&[]) {
        if pattern.iter().any(|byte| matches!(byte, b'[' | b'*' | b'?')) {
            let glob = Glob::new(&pattern.to_ascii_lowercase());
            for parameter in PARAMETERS.iter().filter(|parameter| glob.matches(parameter.name.as_bytes())) {
                add(parameter.name.as_bytes(), parameter);
            }
        } else if let Some(parameter) = Parameter::find(pattern) {
            add(pattern, parameter);
        }
    }
    let found: Vec<_> = found.into_iter().map(|(name, parameter)| (name, parameter.value(ctx))).collect();
    ctx.out.map(found.len());
    for (name, value) in found {
        ctx.out.bulk(name);
        ctx.out.bulk(value);
    }
    Flow::Continue
}
