//! CLIENT KILL addr:port → OK; CLIENT KILL option value… → how many connections are closed. Who kills itself gets the reply before.

use std::sync::Arc;

use bytes::Bytes;

use super::list::{Kind, unknown_type};
use crate::{
    clients::Client,
    commands::{Ctx, Flow, NOT_AN_INTEGER, SYNTAX_ERROR},
    wire::decimal,
};

/// Which connections; all that are given have to hold.
#[derive(Default)]
struct Filter {
    id: Option<u64>,
    addr: Option<Bytes>,
    laddr: Option<Bytes>,
    kind: Option<Kind>,
    user: Option<Arc<str>>,
    age_min_ms: Option<u64>,
    /// Whether the asking connection is left alone.
    skip_me: bool,
}

pub(crate) fn kill(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    if let [_, _, addr] = args {
        let found = ctx.shared.clients.list().into_iter().find(|client| client.addr.as_bytes() == addr);
        return match found {
            Some(client) => {
                ctx.out.ok();
                close(ctx, &[client])
            }
            None => {
                ctx.out.error("ERR No such client");
                Flow::Continue
            }
        };
    }
    match Filter::parse(ctx, args.get(2..).unwrap_or(&[])) {
        Ok(filter) => {
            let now_ms = ctx.now_ms;
            let me = ctx.session.client.id;
            let mut clients = ctx.shared.clients.list();
            clients.retain(|client| filter.is(client, now_ms) && !(filter.skip_me && client.id == me));
            ctx.out.count(clients.len());
            close(ctx, &clients)
        }
        Err(error) => {
            ctx.out.error(error);
            Flow::Continue
        }
    }
}

fn close(ctx: &Ctx<'_>, clients: &[Arc<Client>]) -> Flow {
    let me = ctx.session.client.id;
    for client in clients.iter().filter(|client| client.id != me) {
        ctx.shared.kill(client);
    }
    if clients.iter().any(|client| client.id == me) { Flow::Close } else { Flow::Continue }
}

impl Filter {
    fn parse(ctx: &Ctx<'_>, options: &[Bytes]) -> Result<Self, Vec<u8>> {
        let mut filter = Self { skip_me: true, ..Self::default() };
        for pair in options.chunks(2) {
            let [option, value] = pair else { return Err(SYNTAX_ERROR.into()) };
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = decimal(value).and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                    filter.id = Some(id.ok_or("ERR client-id should be greater than 0")?);
                }
                b"maxage" => {
                    let seconds = decimal(value).ok_or(NOT_AN_INTEGER)?;
                    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
                    filter.age_min_ms =
                        Some(seconds.ok_or("ERR maxage should be greater than 0")?.saturating_mul(1000));
                }
                b"type" => filter.kind = Some(Kind::parse(value).ok_or_else(|| unknown_type(value))?),
                b"addr" => filter.addr = Some(value.clone()),
                b"laddr" => filter.laddr = Some(value.clone()),
                b"user" => {
                    let user = std::str::from_utf8(value).ok().and_then(|name| ctx.shared.acl.get(name));
                    let user = user.ok_or_else(|| [b"ERR No such user '", &**value, b"'"].concat())?;
                    filter.user = Some(Arc::clone(&user.name));
                }
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.skip_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.skip_me = false,
                _ => return Err(SYNTAX_ERROR.into()),
            }
        }
        Ok(filter)
    }

    fn is(&self, client: &Client, now_ms: u64) -> bool {
        self.id.is_none_or(|id| client.id == id)
            && self.addr.as_ref().is_none_or(|addr| client.addr.as_bytes() == addr)
            && self.laddr.as_ref().is_none_or(|laddr| client.laddr.as_bytes() == laddr)
            && self.kind.is_none_or(|kind| kind.is(client))
            && self.user.as_ref().is_none_or(|user| client.names.lock().user == *user)
            && self.age_min_ms.is_none_or(|age| now_ms.saturating_sub(client.created_ms) >= age)
    }
}
