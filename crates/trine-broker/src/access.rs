//! Who may do what (decision Q13). Without grants everything is allowed to everybody.

use std::{collections::HashMap, fmt, sync::Arc};

/// Who speaks: a user of the server, or nobody in particular.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Principal(Option<Arc<str>>);

impl Principal {
    /// A connection that did not say who it is.
    pub const ANONYMOUS: Self = Self(None);

    /// An authenticated user.
    #[must_use]
    pub fn user(name: &str) -> Self {
        Self(Some(name.into()))
    }

    /// The user's name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("anonymous"))
    }
}

/// What is to be done. The names are those of the configuration's `allow` lists.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Action {
    /// Make an object.
    Create,
    /// Remove an object.
    Delete,
    /// Change an object's settings.
    Configure,
    /// Put messages in.
    Send,
    /// Take messages out of a queue.
    Receive,
    /// Listen to a channel, be a member of a group.
    Subscribe,
    /// Publish to a channel.
    Publish,
    /// Read records or look at an object.
    Read,
    /// Commit offsets.
    Commit,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Delete,
        Self::Configure,
        Self::Send,
        Self::Receive,
        Self::Subscribe,
        Self::Publish,
        Self::Read,
        Self::Commit,
    ];

    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Configure => "configure",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Read => "read",
            Self::Commit => "commit",
        }
    }

    /// The action of a name in the configuration.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == name)
    }
}

/// What kind of object. The names are those of the configuration's `on`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ResourceKind {
    /// A queue.
    Queue,
    /// A topic.
    Topic,
    /// A channel or a pattern of channels.
    Channel,
    /// A consumer group.
    Group,
    /// The server itself.
    Admin,
}

impl ResourceKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Queue, Self::Topic, Self::Channel, Self::Group, Self::Admin];

    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Topic => "topic",
            Self::Channel => "channel",
            Self::Group => "group",
            Self::Admin => "admin",
        }
    }

    /// The kind of a name in the configuration.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

/// An object something is to be done with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resource<'a> {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its name.
    pub name: &'a str,
}

impl<'a> Resource<'a> {
    /// A queue.
    #[must_use]
    pub const fn queue(name: &'a str) -> Self {
        Self { kind: ResourceKind::Queue, name }
    }

    /// A channel, or a pattern of channels.
    #[must_use]
    pub const fn channel(name: &'a str) -> Self {
        Self { kind: ResourceKind::Channel, name }
    }

    /// A topic.
    #[must_use]
    pub const fn topic(name: &'a str) -> Self {
        Self { kind: ResourceKind::Topic, name }
    }

    /// A consumer group.
    #[must_use]
    pub const fn group(name: &'a str) -> Self {
        Self { kind: ResourceKind::Group, name }
    }

    /// The server.
    pub const ADMIN: Resource<'static> = Resource { kind: ResourceKind::Admin, name: "server" };
}

/// What a user may do with the objects whose name a pattern matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The kind of object.
    pub on: ResourceKind,
    /// Pattern of names: `*` is any text, `?` one character, anything else itself.
    pub name: String,
    /// What is allowed.
    pub allow: Vec<Action>,
}

/// The answer "no".
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{principal} may not {} the {} {name}", .action.as_str(), .kind.as_str())]
pub struct Denied {
    /// Who asked.
    pub principal: Principal,
    /// For what.
    pub action: Action,
    /// On what kind of object.
    pub kind: ResourceKind,
    /// Its name.
    pub name: String,
}

/// The table of grants; with no users in it everything is allowed.
#[derive(Debug, Default)]
pub struct Access {
    users: HashMap<Arc<str>, Vec<Grant>>,
}

impl Access {
    /// Everything is allowed to everybody.
    #[must_use]
    pub fn allow_all() -> Self {
        Self::default()
    }

    /// Only what the users' grants say; with no user, everything.
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = (String, Vec<Grant>)>) -> Self {
        Self { users: users.into_iter().map(|(name, grants)| (name.into(), grants)).collect() }
    }

    /// Whether users are configured, so that every listener has to authenticate.
    #[must_use]
    pub fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    /// The one check every operation of every protocol makes. A grant on `admin` allows the admin API, which the caller checks as such; it implies no
    /// other grant.
    pub fn check(&self, principal: &Principal, action: Action, resource: Resource<'_>) -> Result<(), Denied> {
        if self.users.is_empty() {
            return Ok(());
        }
        let grants = principal.name().and_then(|name| self.users.get(name));
        let allowed = grants.is_some_and(|grants| {
            grants.iter().any(|g| {
                g.on == resource.kind && g.allow.contains(&action) && glob(g.name.as_bytes(), resource.name.as_bytes())
            })
        });
        if allowed {
            return Ok(());
        }
        Err(Denied { principal: principal.clone(), action, kind: resource.kind, name: resource.name.to_owned() })
    }
}

/// Matches without recursion, in at most pattern × text steps, so that a hostile name costs little.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&want) if want == b'?' || want == c => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_configured_means_everything_is_allowed() {
        let access = Access::allow_all();
        assert!(access.check(&Principal::ANONYMOUS, Action::Delete, Resource::topic("a")).is_ok());
        assert!(!access.has_users());
    }

    #[test]
    fn a_grant_allows_what_it_says_and_nothing_else() {
        let grant = Grant { on: ResourceKind::Topic, name: "logs.*".into(), allow: vec![Action::Send, Action::Read] };
        let access = Access::new([("ann".to_owned(), vec![grant])]);
        let ann = Principal::user("ann");
        assert!(access.check(&ann, Action::Send, Resource::topic("logs.web")).is_ok());
        assert!(access.check(&ann, Action::Delete, Resource::topic("logs.web")).is_err());
        assert!(access.check(&ann, Action::Send, Resource::topic("log")).is_err());
        assert!(access.check(&ann, Action::Read, Resource::group("logs.web")).is_err());
        let denied = access.check(&Principal::ANONYMOUS, Action::Read, Resource::topic("logs.a")).unwrap_err();
        assert_eq!(denied.to_string(), "anonymous may not read the topic logs.a");
    }

    #[test]
    fn globs() {
        for (pattern, text, want) in [
            ("*", "", true),
            ("*", "anything", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a*b*c", "a-b-b-c", true),
            ("?", "", false),
            ("?x", "ax", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("a**", "a", true),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), want, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn names_round_trip() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(action));
        }
        for kind in ResourceKind::ALL {
            assert_eq!(ResourceKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Action::parse("fly"), None);
    }
}
