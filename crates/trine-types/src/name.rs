//! Names whose constructor is the only check.

use std::{fmt, sync::Arc};

use crate::limits::{GROUP_NAME_BYTES_MAX, NAMESPACE_BYTES_MAX, QUEUE_NAME_BYTES_MAX, TOPIC_NAME_BYTES_MAX};

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no characters.
    #[error("the {kind} name is empty")]
    Empty { kind: &'static str },
    /// The name is longer than its kind allows.
    #[error("the {kind} name is {len} bytes long; at most {max} are allowed")]
    TooLong { kind: &'static str, len: usize, max: usize },
    /// The name has a character its kind does not allow.
    #[error("the topic name {name:?} may only have the characters a-z, A-Z, 0-9, '.', '_' and '-'")]
    BadCharacter { name: String },
    /// The name has a NUL character.
    #[error("the {kind} name has a NUL character")]
    Nul { kind: &'static str },
    /// "." and ".." are not topic names.
    #[error("a topic cannot be named {name:?}")]
    Reserved { name: String },
}

/// A topic's name: 1–249 characters of `[a-zA-Z0-9._-]`, not "." or ".." (Kafka's rule).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Checks and keeps a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        const KIND: &str = "topic";
        if name.is_empty() {
            return Err(NameError::Empty { kind: KIND });
        }
        if name == "." || name == ".." {
            return Err(NameError::Reserved { name: name.to_owned() });
        }
        if name.len() > TOPIC_NAME_BYTES_MAX {
            return Err(NameError::TooLong { kind: KIND, len: name.len(), max: TOPIC_NAME_BYTES_MAX });
        }
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) {
            return Err(NameError::BadCharacter { name: name.to_owned() });
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name with "." replaced by "_": two topics whose keys are equal collide in metric names, so Kafka refuses the second.
    #[must_use]
    pub fn collision_key(&self) -> String {
        self.0.replace('.', "_")
    }
}

/// A consumer group's id: any non-empty text (Kafka's rule), at most 32 767 bytes (its length field).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// Checks and keeps a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty { kind: "group" });
        }
        if name.len() > GROUP_NAME_BYTES_MAX {
            return Err(NameError::TooLong { kind: "group", len: name.len(), max: GROUP_NAME_BYTES_MAX });
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A queue's name: 1–255 bytes of any text (AMQP's rule). What a protocol can spell beyond that is its edge's business.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// Checks and keeps a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty { kind: "queue" });
        }
        if name.len() > QUEUE_NAME_BYTES_MAX {
            return Err(NameError::TooLong { kind: "queue", len: name.len(), max: QUEUE_NAME_BYTES_MAX });
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A namespace: `default` is AMQP vhost `/`, Kafka, Redis, the CLI's default and the AWS default (decision Q11).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Default for Namespace {
    fn default() -> Self {
        Self("default".into())
    }
}

impl Namespace {
    /// Checks and keeps a name: 1–255 bytes of any text without NUL (keys of names use it as a separator).
    pub fn parse(name: &str) -> Result<Self, NameError> {
        const KIND: &str = "namespace";
        if name.is_empty() {
            return Err(NameError::Empty { kind: KIND });
        }
        if name.len() > NAMESPACE_BYTES_MAX {
            return Err(NameError::TooLong { kind: KIND, len: name.len(), max: NAMESPACE_BYTES_MAX });
        }
        if name.contains('\0') {
            return Err(NameError::Nul { kind: KIND });
        }
        Ok(Self(name.into()))
    }

    /// The namespace's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{:?}", &*self.0) }
        }
        impl AsRef<[u8]> for $type {
            fn as_ref(&self) -> &[u8] { self.0.as_bytes() }
        }
        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str { &self.0 }
        }
    )*};
}
text!(TopicName, GroupName, QueueName, Namespace);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_follow_kafkas_rule() {
        for good in ["a", "A.b_c-9", &"x".repeat(249)] {
            assert_eq!(TopicName::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(TopicName::parse(""), Err(NameError::Empty { kind: "topic" }));
        for bad in [".", ".."] {
            assert!(matches!(TopicName::parse(bad), Err(NameError::Reserved { .. })));
        }
        assert!(matches!(TopicName::parse(&"x".repeat(250)), Err(NameError::TooLong { len: 250, max: 249, .. })));
        for bad in ["a b", "a/b", "ä", "a\0"] {
            assert!(matches!(TopicName::parse(bad), Err(NameError::BadCharacter { .. })));
        }
        assert_eq!(TopicName::parse("a.b").unwrap().collision_key(), TopicName::parse("a_b").unwrap().collision_key());
    }

    #[test]
    fn namespaces_are_any_text_without_nul() {
        assert_eq!(Namespace::parse("default"), Ok(Namespace::default()));
        assert_eq!(Namespace::parse("a/ä b").unwrap().as_str(), "a/ä b");
        assert_eq!(Namespace::parse(""), Err(NameError::Empty { kind: "namespace" }));
        assert_eq!(Namespace::parse("a\0b"), Err(NameError::Nul { kind: "namespace" }));
        assert!(matches!(Namespace::parse(&"x".repeat(256)), Err(NameError::TooLong { max: 255, .. })));
    }

    #[test]
    fn group_names_are_any_text() {
        assert_eq!(GroupName::parse("söme group/1").unwrap().as_str(), "söme group/1");
        assert!(GroupName::parse("").is_err());
        assert!(GroupName::parse(&"x".repeat(32_768)).is_err());
    }

    #[test]
    fn queue_names_are_up_to_255_bytes_of_any_text() {
        for good in ["a", "söme queue/1.fifo", &"x".repeat(255)] {
            assert_eq!(QueueName::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(QueueName::parse(""), Err(NameError::Empty { kind: "queue" }));
        assert!(matches!(QueueName::parse(&"x".repeat(256)), Err(NameError::TooLong { len: 256, max: 255, .. })));
    }
}
