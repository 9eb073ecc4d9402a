//! The words of ACL SETUSER (redis: `src/acl.c`, `ACLSetUser`).

use sha2::{Digest, Sha256};

use super::rules::{CommandRule, Commands, Patterns, Rules, covers};
use crate::commands::{category, table};

/// Passwords a user may have.
const PASSWORDS_MAX: usize = 64;
/// Patterns of channels or keys a user may have.
const PATTERNS_MAX: usize = 4096;

const SYNTAX: &str = "Syntax error";
const UNKNOWN_COMMAND: &str = "Unknown command or category name in ACL";
const BAD_HASH: &str =
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
const NO_SUCH_PASSWORD: &str = "The password you are trying to remove from the user does not exist";
const AFTER_ALL_CHANNELS: &str = "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try \
                                  'resetchannels' to start with an empty list of channels";
const AFTER_ALL_KEYS: &str = "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
                              'resetkeys' to start with an empty list of patterns";
const TOO_MANY: &str = "a user may have at most 64 passwords and 4096 patterns";

impl Rules {
    /// Applies one word, or says what is wrong with it.
    pub(super) fn modify(&mut self, word: &[u8]) -> Result<(), &'static str> {
        match word.to_ascii_lowercase().as_slice() {
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"nopass" => {
                self.forget_passwords();
                self.nopass = true;
            }
            b"resetpass" => {
                self.forget_passwords();
                self.nopass = false;
            }
            b"allcommands" => self.every_command(true),
            b"nocommands" => self.every_command(false),
            b"allchannels" => self.channels_or_keys(true, false),
            b"resetchannels" => self.channels_or_keys(false, false),
            b"allkeys" => self.channels_or_keys(true, true),
            b"resetkeys" => self.channels_or_keys(false, true),
            b"reset" => *self = Self::nothing(),
            // Nothing here has a payload to look at, and there are no selectors to clear.
            b"sanitize-payload" | b"skip-sanitize-payload" | b"clearselectors" => {}
            _ => return self.modify_signed(word),
        }
        Ok(())
    }

    fn modify_signed(&mut self, word: &[u8]) -> Result<(), &'static str> {
        match word {
            [b'>', password @ ..] => self.add_password(Sha256::digest(password).into()),
            [b'#', hash @ ..] => self.add_password(digest(hash).ok_or(BAD_HASH)?),
            [b'<', password @ ..] => self.remove_password(Sha256::digest(password).into()),
            [b'!', hash @ ..] => self.remove_password(digest(hash).ok_or(BAD_HASH)?),
            [b'&', pattern @ ..] => self.add_channel(pattern),
            [b'~', pattern @ ..] | [b'%', b'R' | b'W' | b'r' | b'w', b'~', pattern @ ..] => self.add_key(pattern),
            [b'%', b'R' | b'r', b'W' | b'w', b'~', pattern @ ..] => self.add_key(pattern),
            [b'+', b'@', name @ ..] => self.category(true, name),
            [b'-', b'@', name @ ..] => self.category(false, name),
            [b'+', name @ ..] => self.command(true, name),
            [b'-', name @ ..] => self.command(false, name),
            _ => Err(SYNTAX),
        }
    }

    fn forget_passwords(&mut self) {
        self.passwords.clear();
        self.configured_password = false;
    }

    fn add_password(&mut self, digest: [u8; 32]) -> Result<(), &'static str> {
        self.nopass = false;
        if self.passwords.contains(&digest) {
            return Ok(());
        }
        if self.passwords.len() >= PASSWORDS_MAX {
            return Err(TOO_MANY);
        }
        self.passwords.push(digest);
        Ok(())
    }

    fn remove_password(&mut self, digest: [u8; 32]) -> Result<(), &'static str> {
        let at = self.passwords.iter().position(|known| *known == digest).ok_or(NO_SUCH_PASSWORD)?;
        self.passwords.remove(at);
        Ok(())
    }

    fn channels_or_keys(&mut self, all: bool, keys: bool) {
        let patterns = || if all { Patterns::everything() } else { Patterns::default() };
        if keys {
            self.keys = patterns();
        } else {
            self.publish = patterns();
            self.subscribe = patterns();
        }
    }

    fn add_channel(&mut self, pattern: &[u8]) -> Result<(), &'static str> {
        if self.publish.all && self.subscribe.all && pattern != b"*" {
            return Err(AFTER_ALL_CHANNELS);
        }
        if self.publish.list.len().max(self.subscribe.list.len()) >= PATTERNS_MAX {
            return Err(TOO_MANY);
        }
        self.publish.add(pattern);
        self.subscribe.add(pattern);
        Ok(())
    }

    fn add_key(&mut self, pattern: &[u8]) -> Result<(), &'static str> {
        if self.keys.all && pattern != b"*" {
            return Err(AFTER_ALL_KEYS);
        }
        if self.keys.list.len() >= PATTERNS_MAX {
            return Err(TOO_MANY);
        }
        self.keys.add(pattern);
        Ok(())
    }

    fn every_command(&mut self, allow: bool) {
        self.commands = vec![CommandRule { allow, what: Commands::All }];
    }

    fn category(&mut self, allow: bool, name: &[u8]) -> Result<(), &'static str> {
        if name.eq_ignore_ascii_case(b"all") {
            self.every_command(allow);
            return Ok(());
        }
        let what = Commands::Category(category::parse(name).ok_or(UNKNOWN_COMMAND)?);
        self.commands.retain(|rule| rule.what != what);
        self.commands.push(CommandRule { allow, what });
        Ok(())
    }

    fn command(&mut self, allow: bool, name: &[u8]) -> Result<(), &'static str> {
        let command = table::find_full(name).ok_or(UNKNOWN_COMMAND)?;
        let name = command.full_name;
        self.commands.retain(|rule| !matches!(rule.what, Commands::Named(earlier) if covers(name, earlier)));
        self.commands.push(CommandRule { allow, what: Commands::Named(name) });
        Ok(())
    }
}

/// Reads a SHA-256 digest.
fn digest(hex: &[u8]) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(hex.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}
