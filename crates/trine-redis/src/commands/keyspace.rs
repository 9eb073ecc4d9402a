//! Questions about keys, answered as by an empty database: DBSIZE, EXISTS, DEL, UNLINK, KEYS, SCAN, TTL, TYPE, XRANGE. Clients, health checks and test
//! suites ask them; nothing can be stored.

use bytes::Bytes;

use super::{Ctx, Flow, NOT_AN_INTEGER, SYNTAX_ERROR};
use crate::wire::decimal;

/// DBSIZE → 0.
pub(crate) fn dbsize(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(0);
    Flow::Continue
}

/// EXISTS, DEL, UNLINK key… → 0: how many there were.
pub(crate) fn none_of(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(0);
    Flow::Continue
}

/// KEYS pattern → nothing.
pub(crate) fn keys(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type] → cursor 0 and nothing.
pub(crate) fn scan(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let cursor = args.get(1).map_or(&[][..], |cursor| cursor);
    let is_cursor = !cursor.is_empty() && cursor.iter().all(u8::is_ascii_digit) && cursor.len() <= 20;
    if !is_cursor {
        ctx.out.error("ERR invalid cursor");
        return Flow::Continue;
    }
    let mut options = args.get(2..).unwrap_or(&[]);
    while let [option, rest @ ..] = options {
        let (value, rest) = match rest {
            [value, rest @ ..] => (value, rest),
            [] => (option, rest),
        };
        let known = options.len() > 1
            && (option.eq_ignore_ascii_case(b"match")
                || option.eq_ignore_ascii_case(b"type")
                || option.eq_ignore_ascii_case(b"count"));
        if known && option.eq_ignore_ascii_case(b"count") {
            match decimal(value) {
                None => {
                    ctx.out.error(NOT_AN_INTEGER);
                    return Flow::Continue;
                }
                Some(..1) => {
                    ctx.out.error(SYNTAX_ERROR);
                    return Flow::Continue;
                }
                Some(_) => {}
            }
        }
        if !known {
            ctx.out.error(SYNTAX_ERROR);
            return Flow::Continue;
        }
        options = rest;
    }
    ctx.out.array(2);
    ctx.out.bulk("0");
    ctx.out.array(0);
    Flow::Continue
}

/// TTL key → -2: there is no such key.
pub(crate) fn ttl(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(-2);
    Flow::Continue
}

/// TYPE key → none.
pub(crate) fn type_of(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.simple("none");
    Flow::Continue
}

/// XRANGE key start end [COUNT count] → nothing. Centrifugo asks at start whether streams exist, and gives up on an error.
pub(crate) fn xrange(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.array(0);
    Flow::Continue
}
