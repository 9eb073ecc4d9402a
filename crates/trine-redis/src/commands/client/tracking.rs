//! CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR. A server without keys can promise to tell about every key that changes; some clients do not connect
//! to one that does not.

use bytes::Bytes;

use crate::{
    commands::{Ctx, Flow, SYNTAX_ERROR},
    session::Tracking,
    wire::decimal,
};

/// CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix…] [BCAST] [OPTIN] [OPTOUT] [NOLOOP] → OK.
pub(crate) fn tracking(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let Some((on, options)) = args.get(2..).and_then(<[Bytes]>::split_first) else { return Flow::Continue };
    let mut mode = Tracking::On;
    let mut rest = options;
    while let [option, after @ ..] = rest {
        rest = match (option.to_ascii_lowercase().as_slice(), after) {
            (b"noloop", _) => after,
            (b"bcast", _) => {
                mode = Tracking::Broadcast;
                after
            }
            (b"optin", _) => {
                mode = Tracking::OptIn;
                after
            }
            (b"optout", _) => {
                mode = Tracking::OptOut;
                after
            }
            (b"prefix", [_, after @ ..]) => after,
            (b"redirect", [id, after @ ..]) => {
                let known = decimal(id).and_then(|id| u64::try_from(id).ok()).and_then(|id| ctx.shared.clients.get(id));
                if known.is_none() {
                    ctx.out.error("ERR The client ID you want redirect to does not exist");
                    return Flow::Continue;
                }
                after
            }
            _ => {
                ctx.out.error(SYNTAX_ERROR);
                return Flow::Continue;
            }
        };
    }
    if on.eq_ignore_ascii_case(b"on") {
        ctx.session.tracking = mode;
        ctx.out.ok();
    } else if on.eq_ignore_ascii_case(b"off") {
        ctx.session.tracking = Tracking::Off;
        ctx.out.ok();
    } else {
        ctx.out.error(SYNTAX_ERROR);
    }
    Flow::Continue
}

/// CLIENT CACHING YES|NO → OK in the mode it belongs to.
pub(crate) fn caching(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let word = args.get(2).map_or(&[][..], |word| word);
    let (yes, no) = (word.eq_ignore_ascii_case(b"yes"), word.eq_ignore_ascii_case(b"no"));
    match ctx.session.tracking {
        Tracking::Off => ctx.out.error(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
        ),
        Tracking::OptIn if yes => ctx.out.ok(),
        Tracking::OptOut if no => ctx.out.ok(),
        _ if yes => ctx.out.error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."),
        _ if no => ctx.out.error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."),
        _ => ctx.out.error(SYNTAX_ERROR),
    }
    Flow::Continue
}

/// CLIENT TRACKINGINFO → flags, redirect, prefixes.
pub(crate) fn trackinginfo(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    let (flags, redirect): (&[&str], _) = match ctx.session.tracking {
        Tracking::Off => (&["off"], -1),
        Tracking::On => (&["on"], 0),
        Tracking::Broadcast => (&["on", "bcast"], 0),
        Tracking::OptIn => (&["on", "optin"], 0),
        Tracking::OptOut => (&["on", "optout"], 0),
    };
    ctx.out.map(3);
    ctx.out.bulk("flags");
    ctx.out.set(flags.len());
    for flag in flags {
        ctx.out.bulk(flag);
    }
    ctx.out.bulk("redirect");
    ctx.out.int(redirect);
    ctx.out.bulk("prefixes");
    ctx.out.array(0);
    Flow::Continue
}

/// CLIENT GETREDIR → −1, or 0 while tracking.
pub(crate) fn getredir(ctx: &mut Ctx<'_>, _args: &[Bytes]) -> Flow {
    ctx.out.int(if ctx.session.tracking == Tracking::Off { -1 } else { 0 });
    Flow::Continue
}
