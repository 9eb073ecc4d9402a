//! HELLO [protover [AUTH username password] [SETNAME name]] → a map that describes the server, already in the protocol asked for. All options are read,
//! then the client authenticates, is named, and the protocol switches; an error anywhere switches nothing.

use bytes::Bytes;

use super::{Ctx, Flow, auth, client::names};
use crate::wire::{Resp, decimal};

const NOT_YET: &str = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can \
                       be used to authenticate the client and select the RESP protocol version at the same time";

pub(crate) fn hello(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let resp = match args.get(1).map(|version| decimal(version)) {
        None => None,
        Some(None) => {
            ctx.out.error("ERR Protocol version is not an integer or out of range");
            return Flow::Continue;
        }
        Some(Some(2)) => Some(Resp::V2),
        Some(Some(3)) => Some(Resp::V3),
        Some(Some(_)) => {
            ctx.out.error("NOPROTO unsupported protocol version");
            return Flow::Continue;
        }
    };
    let mut login = None;
    let mut name = None;
    let mut options = args.get(2..).unwrap_or(&[]);
    while let [option, rest @ ..] = options {
        options = match rest {
            [user, password, rest @ ..] if option.eq_ignore_ascii_case(b"auth") => {
                login = Some((user.clone(), password.clone()));
                rest
            }
            [new, rest @ ..] if option.eq_ignore_ascii_case(b"setname") => {
                if !names::is_printable(new) {
                    ctx.out.error(names::BAD_NAME);
                    return Flow::Continue;
                }
                name = Some(Bytes::copy_from_slice(new));
                rest
            }
            _ => {
                ctx.out.error([b"ERR Syntax error in HELLO option '", &**option, b"'"].concat());
                return Flow::Continue;
            }
        };
    }
    match login {
        Some((user, password)) => auth::authenticate(
            ctx,
            user,
            password,
            Box::new(move |ctx, right| {
                if right {
                    finish(ctx, resp, name)
                } else {
                    ctx.out.error(auth::WRONG_PASSWORD);
                    Flow::Continue
                }
            }),
        ),
        None if !ctx.session.authenticated => {
            ctx.out.error(NOT_YET);
            Flow::Continue
        }
        None => finish(ctx, resp, name),
    }
}

fn finish(ctx: &mut Ctx<'_>, resp: Option<Resp>, name: Option<Bytes>) -> Flow {
    if let Some(name) = name {
        ctx.session.client.names.lock().name = name;
    }
    if let Some(resp) = resp {
        ctx.set_resp(resp);
    }
    let config = &ctx.shared.config;
    let out = &mut *ctx.out;
    out.map(7);
    out.bulk("server");
    out.bulk("redis");
    out.bulk("version");
    out.bulk(config.redis_version);
    out.bulk("proto");
    out.int(i64::from(ctx.session.resp.number()));
    out.bulk("id");
    out.int(ctx.session.client.id as i64);
    out.bulk("mode");
    out.bulk(if config.cluster { "cluster" } else { "standalone" });
    out.bulk("role");
    out.bulk("master");
    out.bulk("modules");
    out.array(0);
    Flow::Continue
}
