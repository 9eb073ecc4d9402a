//! ACL GENPASS [bits] → random hexadecimal digits.

use std::fmt::Write;

use bytes::Bytes;

use crate::{
    commands::{Ctx, Flow, NOT_AN_INTEGER, dispatch::wrong_arity, table},
    wire::decimal,
};

/// Bits without being asked, and most.
const BITS_DEFAULT: i64 = 256;
const BITS_MAX: i64 = 4096;

pub(crate) fn genpass(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let bits = match args {
        [_, _] => BITS_DEFAULT,
        [_, _, bits] => match decimal(bits) {
            Some(bits @ 1..=BITS_MAX) => bits,
            Some(_) => {
                ctx.out.error(
                    "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
                );
                return Flow::Continue;
            }
            None => {
                ctx.out.error(NOT_AN_INTEGER);
                return Flow::Continue;
            }
        },
        _ => {
            if let Some(command) = table::find_full(b"acl|genpass") {
                ctx.out.error(wrong_arity(command));
            }
            return Flow::Continue;
        }
    };
    let digits = bits.unsigned_abs().div_ceil(4) as usize;
    let mut random = vec![0; digits.div_ceil(2)];
    ctx.shared.rng.fill(&mut random);
    let mut text = String::with_capacity(digits + 1);
    for byte in random {
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(digits);
    ctx.out.bulk(text);
    Flow::Continue
}
