//! Who may do what, as Redis describes it (redis: `src/acl.c`). The users are those of the configuration (decision Q13): their grants on channels become
//! channel patterns. ACL SETUSER and DELUSER change this copy, which lives as long as the process.

mod log;
mod modifier;
mod rules;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use trine_broker::{Action, Grant, ResourceKind};
use trine_net::auth::Users;

pub(crate) use self::{
    log::{AclLog, Denial, Reason},
    rules::{Denied, Patterns, Rules},
};
use crate::session::DEFAULT_USER;

/// A user. Sessions hold it, and see changes at once.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: Arc<str>,
    rules: RwLock<Arc<Rules>>,
    /// The rules forbid nothing: spares the lock, which matters for every message.
    unrestricted: AtomicBool,
}

impl User {
    fn new(name: &str, rules: Rules) -> Self {
        let unrestricted = AtomicBool::new(rules.is_unrestricted());
        Self { name: name.into(), rules: RwLock::new(Arc::new(rules)), unrestricted }
    }

    /// What it may do now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read())
    }

    /// Whether it may do everything.
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.unrestricted.load(Ordering::Acquire)
    }

    /// Whether nobody has to prove to be it.
    pub(crate) fn is_open(&self) -> bool {
        let rules = self.rules.read();
        rules.enabled && rules.nopass
    }

    fn replace(&self, rules: Rules) {
        let unrestricted = rules.is_unrestricted();
        // First what is checked by those who do not see the flag.
        let mut current = self.rules.write();
        *current = Arc::new(rules);
        self.unrestricted.store(unrestricted, Ordering::Release);
    }
}

/// All users.
#[derive(Debug)]
pub(crate) struct Acl {
    users: RwLock<BTreeMap<Arc<str>, Arc<User>>>,
    /// Whoever comes through a listener that serves everybody.
    guest: Arc<User>,
    pub(crate) log: Mutex<AclLog>,
}

impl Acl {
    /// The users of the configuration with what they were granted; without any, the default user may do everything and needs no password.
    pub(crate) fn new(configured: &[(String, Vec<Grant>)], passwords: &Users) -> Self {
        let mut users = BTreeMap::new();
        let default = if configured.is_empty() { Rules::everything() } else { Rules::nothing() };
        let configured = configured.iter().map(|(name, grants)| {
            let has_password = passwords.verifier(name).is_some();
            (name.as_str(), granted(grants, has_password))
        });
        for (name, rules) in [(DEFAULT_USER, default)].into_iter().chain(configured) {
            let user = Arc::new(User::new(name, rules));
            users.insert(Arc::clone(&user.name), user);
        }
        let guest = Arc::new(User::new(DEFAULT_USER, Rules::everything()));
        Self { users: RwLock::new(users), guest, log: Mutex::default() }
    }

    /// Who a new connection is.
    pub(crate) fn at_connect(&self, anonymous: bool) -> Arc<User> {
        let default = if anonymous { None } else { self.get(DEFAULT_USER) };
        default.unwrap_or_else(|| Arc::clone(&self.guest))
    }

    /// A user by name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<User>> {
        self.users.read().get(name).cloned()
    }

    /// All users by name.
    pub(crate) fn all(&self) -> Vec<Arc<User>> {
        self.users.read().values().cloned().collect()
    }

    /// Applies modifiers to a user, who is made if there is none; all or nothing. Returns the user, or what is wrong with which modifier.
    pub(crate) fn set<'a>(
        &self,
        name: &str,
        modifiers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Arc<User>, (&'a [u8], &'static str)> {
        let mut users = self.users.write();
        let known = users.get(name).cloned();
        let mut rules = known.as_ref().map_or_else(Rules::nothing, |user| (*user.rules()).clone());
        for modifier in modifiers {
            rules.modify(modifier).map_err(|problem| (modifier, problem))?;
        }
        let user = match known {
            Some(user) => {
                user.replace(rules);
                user
            }
            None => {
                let user = Arc::new(User::new(name, rules));
                users.insert(Arc::clone(&user.name), Arc::clone(&user));
                user
            }
        };
        Ok(user)
    }

    /// Removes a user; whether there was one.
    pub(crate) fn remove(&self, name: &str) -> bool {
        let removed = self.users.write().remove(name);
        if let Some(user) = &removed {
            // Until its connections are closed.
            user.replace(Rules::nothing());
        }
        removed.is_some()
    }
}

/// A configured user's grants in Redis's terms: everything that is no administration, and channels as far as granted.
fn granted(grants: &[Grant], has_password: bool) -> Rules {
    let allowed = |kind, action: Option<Action>| {
        grants.iter().filter(move |grant| grant.on == kind && action.is_none_or(|action| grant.allow.contains(&action)))
    };
    let channels =
        |action| Patterns::new(allowed(ResourceKind::Channel, Some(action)).map(|grant| pattern(&grant.name)));
    Rules::configured(
        has_password,
        allowed(ResourceKind::Admin, None).next().is_some(),
        channels(Action::Publish),
        channels(Action::Subscribe),
    )
}

/// A grant's name as a pattern of Redis, which knows more special characters.
fn pattern(name: &str) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(name.len());
    for byte in name.bytes() {
        if matches!(byte, b'[' | b'\\') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern
}

#[cfg(test)]
mod tests;
