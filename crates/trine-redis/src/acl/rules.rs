//! What one user may do, and the check.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trine_core::pubsub::Glob;

use crate::commands::{Command, category, flag};

/// Rules of a user. They are replaced as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Whether it may authenticate.
    pub(crate) enabled: bool,
    /// Whether any password is right.
    pub(crate) nopass: bool,
    /// Whether the password of the configuration is right.
    pub(crate) configured_password: bool,
    /// SHA-256 of the passwords set by ACL SETUSER.
    pub(super) passwords: Vec<[u8; 32]>,
    /// In the order given; the last that concerns a command decides.
    pub(super) commands: Vec<CommandRule>,
    pub(super) publish: Patterns,
    pub(super) subscribe: Patterns,
    pub(super) keys: Patterns,
}

/// What a user may not do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Denied {
    /// The command at all.
    Command,
    /// A key.
    Key(Bytes),
    /// A channel.
    Channel(Bytes),
}

/// A rule about commands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CommandRule {
    pub(super) allow: bool,
    pub(super) what: Commands,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Commands {
    All,
    /// `category::…`.
    Category(u32),
    /// A command with its subcommands, or one subcommand, by its full name.
    Named(&'static str),
}

impl CommandRule {
    fn concerns(self, command: &Command) -> bool {
        match self.what {
            Commands::All => true,
            Commands::Category(category) => command.categories & category != 0,
            Commands::Named(name) => covers(name, command.full_name),
        }
    }
}

/// Whether a rule about one full name covers another.
pub(super) fn covers(name: &str, full_name: &str) -> bool {
    full_name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
}

/// Patterns of names.
#[derive(Clone, Default, Debug)]
pub(crate) struct Patterns {
    pub(super) all: bool,
    pub(super) list: Vec<(Box<[u8]>, Glob)>,
}

impl Patterns {
    pub(super) const fn everything() -> Self {
        Self { all: true, list: Vec::new() }
    }

    pub(super) fn new(patterns: impl Iterator<Item = Vec<u8>>) -> Self {
        let mut new = Self::default();
        for pattern in patterns {
            new.add(&pattern);
        }
        new
    }

    /// Adds a pattern; `*` makes all others superfluous.
    pub(super) fn add(&mut self, pattern: &[u8]) {
        if pattern == b"*" {
            *self = Self::everything();
        } else if !self.all && !self.list.iter().any(|(known, _)| **known == *pattern) {
            self.list.push((pattern.into(), Glob::new(pattern)));
        }
    }

    /// Whether a name is allowed.
    fn allow(&self, name: &[u8]) -> bool {
        self.all || self.list.iter().any(|(_, glob)| glob.matches(name))
    }

    /// Whether a pattern is allowed: it has to be one of these, letter by letter.
    fn allow_pattern(&self, pattern: &[u8]) -> bool {
        self.all || self.list.iter().any(|(known, _)| **known == *pattern)
    }

    /// The words `&a`, `&b`, each once.
    fn words(&self, sign: u8, words: &mut Vec<Vec<u8>>) {
        let all = self.all.then_some(&b"*"[..]);
        for pattern in all.into_iter().chain(self.list.iter().map(|(pattern, _)| &**pattern)) {
            let word = [&[sign], pattern].concat();
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
}

impl Rules {
    /// A new user: off, without password, commands or channels.
    pub(super) fn nothing() -> Self {
        Self {
            enabled: false,
            nopass: false,
            configured_password: false,
            passwords: Vec::new(),
            commands: vec![CommandRule { allow: false, what: Commands::All }],
            publish: Patterns::default(),
            subscribe: Patterns::default(),
            keys: Patterns::default(),
        }
    }

    /// The default user while nobody is configured.
    pub(super) fn everything() -> Self {
        Self {
            enabled: true,
            nopass: true,
            commands: vec![CommandRule { allow: true, what: Commands::All }],
            publish: Patterns::everything(),
            subscribe: Patterns::everything(),
            keys: Patterns::everything(),
            ..Self::nothing()
        }
    }

    /// A user of the configuration.
    pub(super) fn configured(has_password: bool, admin: bool, publish: Patterns, subscribe: Patterns) -> Self {
        let mut commands = vec![CommandRule { allow: true, what: Commands::All }];
        if !admin {
            commands.push(CommandRule { allow: false, what: Commands::Category(category::ADMIN) });
        }
        Self {
            enabled: true,
            configured_password: has_password,
            commands,
            publish,
            subscribe,
            keys: Patterns::everything(),
            ..Self::nothing()
        }
    }

    pub(super) fn is_unrestricted(&self) -> bool {
        matches!(self.commands[..], [CommandRule { allow: true, what: Commands::All }])
            && self.publish.all
            && self.subscribe.all
            && self.keys.all
    }

    /// Whether one of the passwords set here is this one. Takes the same time for every wrong one.
    pub(crate) fn has_password(&self, password: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(password).into();
        let same = |known: &[u8; 32]| known.iter().zip(digest).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0;
        self.passwords.iter().fold(false, |found, known| found | same(known))
    }

    /// Whether a command may run with these arguments.
    pub(crate) fn check(&self, command: &Command, args: &[Bytes]) -> Result<(), Denied> {
        let decided = self.commands.iter().rev().find(|rule| rule.concerns(command));
        if !command.has(flag::NO_AUTH) && !decided.is_some_and(|rule| rule.allow) {
            return Err(Denied::Command);
        }
        let names = args.get(1..).unwrap_or(&[]);
        let denied = match command.name {
            "publish" | "spublish" => names.iter().take(1).find(|name| !self.publish.allow(name)),
            "subscribe" | "ssubscribe" => names.iter().find(|name| !self.subscribe.allow(name)),
            "psubscribe" => names.iter().find(|name| !self.subscribe.allow_pattern(name)),
            _ if command.keys_are_channels() => None,
            _ => match command.keys_of(args).find(|key| !self.keys.allow(key)) {
                Some(key) => return Err(Denied::Key(key.clone())),
                None => None,
            },
        };
        denied.map_or(Ok(()), |channel| Err(Denied::Channel(channel.clone())))
    }

    /// Whether a subscription may go on.
    pub(crate) fn may_hold(&self, name: &[u8], is_pattern: bool) -> bool {
        if is_pattern { self.subscribe.allow_pattern(name) } else { self.subscribe.allow(name) }
    }

    /// `on`, `nopass`.
    pub(crate) fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.nopass {
            flags.push("nopass");
        }
        flags
    }

    /// Digests of the passwords. That of the configuration is stored in another form and not shown.
    pub(crate) fn passwords(&self) -> Vec<String> {
        let digests = self.passwords.iter().map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect());
        self.configured_password.then(|| "scram-sha-256".to_owned()).into_iter().chain(digests).collect()
    }

    /// `+@all -get`.
    pub(crate) fn commands(&self) -> String {
        let rules: Vec<String> = self
            .commands
            .iter()
            .map(|CommandRule { allow, what }| {
                let sign = if *allow { '+' } else { '-' };
                match what {
                    Commands::All => format!("{sign}@all"),
                    Commands::Category(of) => category::names(*of).map(|name| format!("{sign}@{name}")).collect(),
                    Commands::Named(name) => format!("{sign}{name}"),
                }
            })
            .collect();
        rules.join(" ")
    }

    /// `~a ~b`.
    pub(crate) fn keys(&self) -> Vec<u8> {
        let mut words = Vec::new();
        self.keys.words(b'~', &mut words);
        words.join(&b' ')
    }

    /// `&a &b`: what may be published to or subscribed to.
    pub(crate) fn channels(&self) -> Vec<u8> {
        let mut words = Vec::new();
        self.publish.words(b'&', &mut words);
        self.subscribe.words(b'&', &mut words);
        words.join(&b' ')
    }

    /// The line of ACL LIST.
    pub(crate) fn line(&self, name: &str) -> Vec<u8> {
        let mut words = vec![format!("user {name} {}", self.flags().join(" ")).into_bytes()];
        words.extend(self.passwords().into_iter().map(|password| format!("#{password}").into_bytes()));
        words.push(self.keys());
        let channels = self.channels();
        if channels != b"&*" {
            words.push(b"resetchannels".to_vec());
        }
        words.push(channels);
        words.push(self.commands().into());
        words.retain(|word| !word.is_empty());
        words.join(&b' ')
    }
}
