//! What the table knows of a command.

use bytes::Bytes;

use super::{Ctx, category};

/// Runs a command. `args[0]` is the command's name (`args[1]` the subcommand's), and the arity was checked. The reply goes to `ctx.out`, exactly one
/// per command; confirmations of subscriptions go through the methods of [`Ctx`].
pub(crate) type Handler = fn(&mut Ctx<'_>, &[Bytes]) -> Flow;

/// One command or subcommand.
pub(crate) struct Command {
    /// Lower case; of a subcommand its own part only.
    pub(crate) name: &'static str,
    /// Lower case with the container's name: `client|setname`. Equal to `name` for commands.
    pub(crate) full_name: &'static str,
    /// What follows the name, for people: `<channel> [<channel> ...]`.
    pub(crate) syntax: &'static str,
    /// Number of arguments with the name; negative: at least so many.
    pub(crate) arity: i32,
    /// `flag::…`.
    pub(crate) flags: u32,
    /// `category::…`.
    pub(crate) categories: u32,
    /// Positions of keys: first, last (negative: from the end), step. Shard channels count as keys here, as cluster clients need them to.
    pub(crate) keys: (i32, i32, i32),
    /// What is done with the keys.
    pub(crate) key_flags: &'static [&'static str],
    /// For clients of a cluster and for those that compare replies.
    pub(crate) tips: &'static [&'static str],
    /// What runs; containers have none.
    pub(crate) handler: Option<Handler>,
    /// Of a container.
    pub(crate) subcommands: &'static [Command],
    /// One line for COMMAND DOCS, HELP and the reference page.
    pub(crate) summary: &'static str,
    /// Redis version that brought it.
    pub(crate) since: &'static str,
}

impl Command {
    /// A command without keys and tips; those of its categories that follow from its flags are set.
    pub(crate) const fn new(
        name: &'static str,
        syntax: &'static str,
        arity: i32,
        flags: u32,
        handler: Handler,
    ) -> Self {
        Self {
            name,
            full_name: name,
            syntax,
            arity,
            flags,
            categories: category::of_flags(flags),
            keys: (0, 0, 0),
            key_flags: &[],
            tips: &[],
            handler: Some(handler),
            subcommands: &[],
            summary: "",
            since: "",
        }
    }

    /// A command whose second argument says what it does.
    pub(crate) const fn container(name: &'static str, subcommands: &'static [Self]) -> Self {
        Self {
            name,
            full_name: name,
            syntax: "<subcommand> [<arg> ...]",
            arity: -2,
            flags: 0,
            categories: category::of_flags(0),
            keys: (0, 0, 0),
            key_flags: &[],
            tips: &[],
            handler: None,
            subcommands,
            summary: "",
            since: "",
        }
    }

    /// With one line for people and the version of Redis that brought it.
    pub(crate) const fn about(mut self, since: &'static str, summary: &'static str) -> Self {
        self.since = since;
        self.summary = summary;
        self
    }

    /// In more categories.
    pub(crate) const fn in_categories(mut self, categories: u32) -> Self {
        self.categories |= categories;
        self
    }

    /// With keys.
    pub(crate) const fn with_keys(mut self, keys: (i32, i32, i32), flags: &'static [&'static str]) -> Self {
        self.keys = keys;
        self.key_flags = flags;
        self
    }

    /// With subcommands, beside being a command itself.
    pub(crate) const fn with_subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// With tips.
    pub(crate) const fn with_tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Whether it can be called with so many arguments.
    pub(crate) fn takes(&self, args: usize) -> bool {
        let args = i32::try_from(args).unwrap_or(i32::MAX);
        if self.arity >= 0 { args == self.arity } else { args >= -self.arity }
    }

    /// Whether a flag is set.
    pub(crate) const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// A subcommand by its name, in any case.
    pub(crate) fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        self.subcommands.iter().find(|sub| sub.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The command's keys among its arguments (for the shard family: its channels).
    pub(crate) fn keys_of<'a>(&self, args: &'a [Bytes]) -> impl Iterator<Item = &'a Bytes> {
        let (first, last, step) = self.keys;
        let end = if last < 0 { args.len() as i64 + i64::from(last) } else { i64::from(last) };
        let end = usize::try_from(end + 1).unwrap_or(0).min(args.len());
        let range = if first > 0 { (first as usize).min(end)..end } else { 0..0 };
        args.get(range).unwrap_or(&[]).iter().step_by(step.max(1) as usize)
    }

    /// Whether what [`Command::keys_of`] finds are channels.
    pub(crate) fn keys_are_channels(&self) -> bool {
        self.key_flags.contains(&"not_key")
    }
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
