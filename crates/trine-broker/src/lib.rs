//! The runtime and facade the edges call: shards, mailboxes, timers, recovery, access checks.
