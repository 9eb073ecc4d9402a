//! AUTH [username] password → OK. A failed one is always answered, also in the middle of a pipeline.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;

use super::{Ctx, Deferred, Flow, SYNTAX_ERROR, dispatch::log_denial};
use crate::{
    acl::{Reason, User},
    session::DEFAULT_USER,
};

/// What follows once it is known whether the password is right.
pub(super) type Then = Box<dyn FnOnce(&mut Ctx<'_>, bool) -> Flow + Send>;

/// The answer to a wrong name, a wrong password and a disabled user alike.
pub(super) const WRONG_PASSWORD: &str = "WRONGPASS invalid username-password pair or user is disabled.";

pub(crate) fn auth(ctx: &mut Ctx<'_>, args: &[Bytes]) -> Flow {
    let (name, password) = match args {
        [_, password] => {
            let default = ctx.shared.acl.get(DEFAULT_USER);
            if default.is_some_and(|user| user.rules().nopass) {
                ctx.out.error(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is \
                     correct?",
                );
                return Flow::Continue;
            }
            (Bytes::from_static(DEFAULT_USER.as_bytes()), password.clone())
        }
        [_, name, password] => (name.clone(), password.clone()),
        _ => {
            ctx.out.error(SYNTAX_ERROR);
            return Flow::Continue;
        }
    };
    authenticate(
        ctx,
        name,
        password,
        Box::new(|ctx, right| {
            if right {
                ctx.out.ok();
            } else {
                ctx.out.error(WRONG_PASSWORD);
            }
            Flow::Continue
        }),
    )
}

/// Makes the connection that user's if the password is right, then goes on. The configuration's passwords take milliseconds to check, by design, which
/// happens on another thread.
pub(super) fn authenticate(ctx: &mut Ctx<'_>, name: Bytes, password: Bytes, then: Then) -> Flow {
    let text = std::str::from_utf8(&name).ok().map(str::to_owned);
    let user = text.as_deref().and_then(|name| ctx.shared.acl.get(name));
    let rules = user.as_ref().map(|user| user.rules());
    let known = match &rules {
        Some(rules) if !rules.enabled => Some(false),
        Some(rules) if rules.nopass || rules.has_password(&password) => Some(true),
        Some(rules) if rules.configured_password => {
            text.as_deref().and_then(|name| ctx.shared.users.proven(name, &password))
        }
        Some(_) => Some(false),
        None => None,
    };
    let Some(right) = known.or_else(|| ctx.shared.users.is_empty().then_some(false)) else {
        // Also for a name that does not exist, so that the time does not tell.
        let users = Arc::clone(&ctx.shared.users);
        let text = text.unwrap_or_default();
        return Flow::Wait(Deferred {
            work: Box::new(move || {
                let right = users.check(&text, &password);
                Box::new(move |ctx| decided(ctx, name, user.filter(|_| right), then))
            }),
        });
    };
    decided(ctx, name, user.filter(|_| right), then)
}

fn decided(ctx: &mut Ctx<'_>, name: Bytes, user: Option<Arc<User>>, then: Then) -> Flow {
    let right = user.is_some();
    if let Some(user) = user {
        ctx.session.authenticated = true;
        ctx.session.become_user(user);
    } else {
        ctx.shared.counters.denied_auth.fetch_add(1, Ordering::Relaxed);
        let command = ctx.session.client.last_command.lock().to_ascii_uppercase();
        log_denial(ctx, Reason::Auth, command.into(), name);
    }
    then(ctx, right)
}
