//! Members and what they offer.

use std::{borrow::Borrow, fmt, sync::Arc};

use bytes::Bytes;
use trine_types::Uuid;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as sent by a client; any text.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(text.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether it is the empty text: "none" in joins and commits.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
text! {
    /// A member's id within its group, made by the server. Empty in a first join.
    MemberId
}
text! {
    /// A static member's id, chosen by its operator (KIP-345): it stays the same when the client restarts.
    InstanceId
}

impl MemberId {
    /// A new id: the client's id (or the instance id), a hyphen and a random id in hyphenated hexadecimal form.
    #[must_use]
    pub fn generate(prefix: &str, random: Uuid) -> Self {
        let mut text = String::with_capacity(prefix.len() + 37);
        text.push_str(prefix);
        for (i, byte) in random.0.iter().enumerate() {
            if matches!(i, 0 | 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        Self(text.into())
    }
}

/// One assignment protocol a member can use, with what it says about itself under it. The bytes are opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Name of the protocol ("range", "cooperative-sticky", …).
    pub name: Arc<str>,
    /// The member's metadata for it; for protocol type "consumer" see [`super::Subscription`].
    pub metadata: Bytes,
}

/// A member of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: MemberId,
    /// Its instance id when it is static.
    pub instance_id: Option<InstanceId>,
    /// What the client calls itself.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub client_host: Arc<str>,
    /// It is lost when nothing is heard from it for so long, ms.
    pub session_timeout_ms: u32,
    /// How long the others wait for it to rejoin, ms.
    pub rebalance_timeout_ms: u32,
    /// The protocols it can use, best first.
    pub protocols: Arc<[Protocol]>,
    /// What the leader assigned to it; opaque, empty before the leader has synced.
    pub assignment: Bytes,
}

impl Member {
    /// Whether it has an instance id.
    #[must_use]
    pub fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    /// Its metadata for a protocol; empty when it does not have it.
    #[must_use]
    pub fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|p| &*p.name == protocol).map(|p| p.metadata.clone()).unwrap_or_default()
    }

    /// Whether it can use a protocol.
    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|p| &*p.name == protocol)
    }

    /// Bytes of its record, about.
    pub(super) fn size(&self) -> usize {
        let instance = self.instance_id.as_ref().map_or(0, |id| id.as_str().len());
        let fixed = self.id.as_str().len() + instance + self.client_id.len() + self.client_host.len() + 32;
        fixed + self.protocols.iter().map(|p| p.name.len() + p.metadata.len() + 8).sum::<usize>()
    }
}

/// The protocol of the next generation: each member votes for the first of its protocols that all support; most votes win, and among equals the one
/// the first member prefers. None when there is no member or no common protocol.
pub(super) fn select_protocol<'a>(members: impl Iterator<Item = &'a Member> + Clone) -> Option<Arc<str>> {
    let first = members.clone().next()?;
    let mut votes: Vec<(Arc<str>, usize)> = Vec::new();
    for protocol in first.protocols.iter() {
        let known = votes.iter().any(|(name, _)| *name == protocol.name);
        if !known && members.clone().all(|m| m.supports(&protocol.name)) {
            votes.push((protocol.name.clone(), 0));
        }
    }
    for member in members {
        let choice = member.protocols.iter().find_map(|p| votes.iter().position(|(name, _)| *name == p.name));
        if let Some((_, count)) = choice.and_then(|i| votes.get_mut(i)) {
            *count += 1;
        }
    }
    let mut best: Option<(Arc<str>, usize)> = None;
    for (name, count) in votes {
        if best.as_ref().is_none_or(|(_, most)| count > *most) {
            best = Some((name, count));
        }
    }
    best.map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, protocols: &[&str]) -> Member {
        let protocols: Vec<_> = protocols
            .iter()
            .map(|name| Protocol { name: (*name).into(), metadata: Bytes::from_static(b"m") })
            .collect();
        Member {
            id: MemberId::new(id),
            instance_id: None,
            client_id: "c".into(),
            client_host: "/h".into(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocols: protocols.into(),
            assignment: Bytes::new(),
        }
    }

    fn selected(members: &[Member]) -> Option<String> {
        select_protocol(members.iter()).map(|name| name.to_string())
    }

    #[test]
    fn members_vote_for_their_first_common_protocol() {
        assert_eq!(selected(&[]), None);
        assert_eq!(selected(&[member("a", &["x", "y"])]).as_deref(), Some("x"));
        // "x" is not common, so everybody's vote goes to what is left.
        assert_eq!(selected(&[member("a", &["x", "y", "z"]), member("b", &["z", "y"])]).as_deref(), Some("y"));
        let two_against_one = [member("a", &["y", "z"]), member("b", &["z", "y"]), member("c", &["z", "y"])];
        assert_eq!(selected(&two_against_one).as_deref(), Some("z"));
        assert_eq!(selected(&[member("a", &["x"]), member("b", &["y"])]), None);
        // A name given twice counts once per member.
        assert_eq!(selected(&[member("a", &["x", "x"]), member("b", &["x"])]).as_deref(), Some("x"));
    }

    #[test]
    fn ids_are_readable_and_unique() {
        let random = Uuid([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 1, 2, 3, 4, 5, 6, 0xff]);
        let id = MemberId::generate("consumer-1", random);
        assert_eq!(id.as_str(), "consumer-1-01234567-89ab-cdef-0001-0203040506ff");
    }
}
