//! Flags of commands, with the names and in the order of COMMAND INFO (redis: `src/server.c`, `addReplyFlagsForCommand`).

/// A flag and its name.
macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal $text:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: u32 = 1 << $bit;)*
        /// All of them, in the order in which they are shown.
        pub(crate) const ALL: &[(u32, &str)] = &[$(($name, $text)),*];
    };
}

flags! {
    /// Changes data, if there were any.
    WRITE = 0 "write";
    /// Reads data, if there were any.
    READONLY = 1 "readonly";
    /// For administrators.
    ADMIN = 2 "admin";
    /// Publishes or subscribes, or tells about it.
    PUBSUB = 3 "pubsub";
    /// Not for scripts.
    NOSCRIPT = 4 "noscript";
    /// Allowed while loading.
    LOADING = 5 "loading";
    /// Allowed on a stale replica.
    STALE = 6 "stale";
    /// Not for the slow log.
    SKIP_SLOWLOG = 7 "skip_slowlog";
    /// Takes constant time.
    FAST = 8 "fast";
    /// Allowed to clients that have not said who they are.
    NO_AUTH = 9 "no_auth";
    /// Not while loading in the background.
    NO_ASYNC_LOADING = 10 "no_async_loading";
    /// Not between MULTI and EXEC.
    NO_MULTI = 11 "no_multi";
    /// Allowed while a script runs.
    ALLOW_BUSY = 12 "allow_busy";
}
