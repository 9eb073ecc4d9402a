//! What the table knows of a command.

use bytes::Bytes;

use super::Ctx;

/// Runs a command. `args[0]` is the command's name (`args[1]` the subcommand's), and the arity was checked. The reply goes to `ctx.out`, exactly one
/// per command; pushes go to [`Ctx::confirm`].
pub(crate) type Handler = fn(&mut Ctx<'_>, &[Bytes]) -> Flow;

/// One command or subcommand.
pub(crate) struct Command {
    /// Lower case; of a subcommand its own part only.
    pub(crate) name: &'static str,
    /// Lower case with the container's name: `client|setname`. Equal to `name` for commands.
    pub(crate) full_name: &'static str,
    /// Number of arguments with the name; negative: at least so many.
    pub(crate) arity: i32,
    /// `flag::…`.
    pub(crate) flags: u32,
    /// `category::…`.
    pub(crate) categories: u32,
    /// Positions of keys: first, last, step.
    pub(crate) keys: (i32, i32, i32),
    /// What runs; containers have none.
    pub(crate) handler: Option<Handler>,
    /// Of a container.
    pub(crate) subcommands: &'static [Command],
    /// One line for COMMAND DOCS.
    pub(crate) summary: &'static str,
    /// Redis version that brought it.
    pub(crate) since: &'static str,
}

/// What happens after a command.
pub(crate) enum Flow {
    /// The next command.
    Continue,
    /// The replies so far are written, then the connection is closed; nothing more of its input is carried out.
    Close,
    /// The connection's next command waits until some work is done on another thread.
    Wait(Deferred),
}

/// Work too slow for a worker's thread (a password check), and how its result is answered.
pub(crate) struct Deferred {
    /// Runs on a blocking thread; inside EXEC, in place.
    pub(crate) work: Box<dyn FnOnce() -> Finish + Send>,
}

/// Writes the reply once the work is done; runs on the connection's worker.
pub(crate) type Finish = Box<dyn FnOnce(&mut Ctx<'_>) -> Flow + Send>;
