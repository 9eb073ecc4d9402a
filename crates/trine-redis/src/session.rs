//! What a connection has said about itself and the state its commands change. Owned by the connection's worker; what other threads may see of it is in
//! [`crate::clients::Client`].

use std::sync::Arc;

use bytes::Bytes;
use trine_broker::Principal;

use crate::{acl::User, clients::Client, commands::Command, wire::Resp};

/// Name of the user nobody has to name.
pub(crate) const DEFAULT_USER: &str = "default";

/// One connection's state.
pub(crate) struct Session {
    /// What CLIENT LIST and CLIENT KILL see; also the id, the addresses and the names.
    pub(crate) client: Arc<Client>,
    /// Protocol version of replies and pushes. Change it with `Ctx::set_resp`, which also tells the outbox.
    pub(crate) resp: Resp,
    /// Whether commands beyond AUTH, HELLO, QUIT and RESET may run.
    pub(crate) authenticated: bool,
    /// Who speaks, to the access rules.
    pub(crate) user: Arc<User>,
    /// Who speaks, to the broker.
    pub(crate) principal: Principal,
    /// It came through a listener that serves everybody.
    pub(crate) anonymous: bool,
    /// Subscriptions held. The tables themselves are the worker's.
    pub(crate) subscribed: Subscribed,
    /// Between MULTI and EXEC.
    pub(crate) multi: Option<Multi>,
    /// Whether EXEC is running the current command.
    pub(crate) in_exec: bool,
    /// CLIENT REPLY.
    pub(crate) reply_mode: ReplyMode,
    /// MONITOR.
    pub(crate) monitor: bool,
    /// SELECT; shown, and otherwise without meaning: channels are global.
    pub(crate) db: u32,
    /// CLIENT TRACKING.
    pub(crate) tracking: Tracking,
    /// The log says that this client asked for a command that does not exist.
    pub(crate) told_unknown: bool,
}

/// What CLIENT TRACKING was told. Nothing follows from it: there are no keys.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Tracking {
    #[default]
    Off,
    On,
    Broadcast,
    OptIn,
    OptOut,
}

/// Counts of subscriptions.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Subscribed {
    pub(crate) channels: usize,
    pub(crate) patterns: usize,
    pub(crate) shard: usize,
}

impl Subscribed {
    /// Whether there is any: RESP2's subscribed mode, and the pub-sub class of outboxes.
    pub(crate) const fn any(self) -> bool {
        self.channels + self.patterns + self.shard > 0
    }
}

/// A transaction being gathered.
#[derive(Default)]
pub(crate) struct Multi {
    /// What EXEC will run.
    pub(crate) queued: Vec<(&'static Command, Vec<Bytes>)>,
    /// Bytes of their arguments.
    pub(crate) bytes: usize,
    /// A command was refused while queueing: EXEC will abort.
    pub(crate) failed: bool,
}

/// What becomes of replies. Pushes and RESP2 subscribe confirmations are always sent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum ReplyMode {
    /// They are sent.
    #[default]
    On,
    /// They are not.
    Off,
    /// The next command's is not (set by CLIENT REPLY SKIP; becomes [`ReplyMode::Skip`] for that command).
    SkipNext,
    /// The current command's is not.
    Skip,
}

impl Session {
    /// A fresh connection of a user, who may have to prove it; `anonymous` if nobody has to say who they are.
    pub(crate) fn new(client: Arc<Client>, user: Arc<User>, anonymous: bool) -> Self {
        Self {
            client,
            resp: Resp::V2,
            authenticated: user.is_open(),
            user,
            principal: Principal::ANONYMOUS,
            anonymous,
            subscribed: Subscribed::default(),
            multi: None,
            in_exec: false,
            reply_mode: ReplyMode::On,
            monitor: false,
            db: 0,
            tracking: Tracking::Off,
            told_unknown: false,
        }
    }

    /// Changes who speaks.
    pub(crate) fn become_user(&mut self, user: Arc<User>) {
        self.principal = if *user.name == *DEFAULT_USER { Principal::ANONYMOUS } else { Principal::user(&user.name) };
        self.client.names.lock().user = Arc::clone(&user.name);
        self.user = user;
    }
}
