//! What members of protocol type "consumer" put into their metadata and assignments. Groups treat both as opaque bytes; only tools and the expiry of
//! offsets look inside, leniently: newer versions are read as the newest known one, fields that are missing or damaged count as absent, extra bytes are
//! ignored. Big endian, as clients write it.

use bytes::Bytes;

/// The protocol type of Kafka's consumers.
pub const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// Partitions by topic name.
pub type TopicPartitions = Vec<(String, Vec<i32>)>;

/// A consumer's metadata, versions 0–3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Names of the topics it subscribes to.
    pub topics: Vec<String>,
    /// Data of its assignor.
    pub user_data: Bytes,
    /// What it owned when it joined (v1).
    pub owned: TopicPartitions,
    /// The generation in which it owned that (v2).
    pub generation: Option<i32>,
    /// The rack it is in (v3).
    pub rack: Option<String>,
}

impl Subscription {
    /// Reads the metadata of a member; none when not even the topics can be read.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut r = Fields(bytes);
        let version = r.i16().filter(|v| *v >= 0)?;
        let mut it = Self { topics: r.list(Fields::string)?, ..Self::default() };
        it.parse_rest(&mut r, version);
        Some(it)
    }

    fn parse_rest(&mut self, r: &mut Fields<'_>, version: i16) -> Option<()> {
        self.user_data = r.nullable_bytes()?;
        if version >= 1 {
            self.owned = r.topic_partitions()?;
        }
        if version >= 2 {
            self.generation = Some(r.i32()?);
        }
        if version >= 3 {
            self.rack = r.nullable_string()?;
        }
        Some(())
    }
}

/// A consumer's assignment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The partitions it reads.
    pub partitions: TopicPartitions,
    /// Data of the assignor.
    pub user_data: Bytes,
}

impl Assignment {
    /// Reads the assignment of a member; none when not even the partitions can be read.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut r = Fields(bytes);
        r.i16().filter(|v| *v >= 0)?;
        let partitions = r.topic_partitions()?;
        Some(Self { partitions, user_data: r.nullable_bytes().unwrap_or_default() })
    }
}

/// Bytes not read yet. None: there is not enough, or not what should be there.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn string(&mut self) -> Option<String> {
        self.nullable_string()?
    }

    fn nullable_string(&mut self) -> Option<Option<String>> {
        let len = self.i16()?;
        let Ok(len) = usize::try_from(len) else { return (len == -1).then_some(None) };
        let text = std::str::from_utf8(self.raw(len)?).ok()?;
        Some(Some(text.to_owned()))
    }

    fn nullable_bytes(&mut self) -> Option<Bytes> {
        let len = self.i32()?;
        let Ok(len) = usize::try_from(len) else { return (len == -1).then(Bytes::new) };
        self.raw(len).map(Bytes::copy_from_slice)
    }

    /// A count and so many items, each of at least two bytes; the count reserves nothing.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.i32()?;
        let Ok(count) = usize::try_from(count) else { return (count == -1).then(Vec::new) };
        if count > self.0.len() / 2 {
            return None;
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Some(items)
    }

    fn topic_partitions(&mut self) -> Option<TopicPartitions> {
        self.list(|r| Some((r.string()?, r.list(Self::i32)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 3: topics "a" and "bc", user data 01, owns a-0 and a-7, generation 5, rack "r1".
    const V3: &[u8] =
        b"\0\x03\0\0\0\x02\0\x01a\0\x02bc\0\0\0\x01\x01\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x07\0\0\0\x05\0\x02r1";

    #[test]
    fn subscriptions_of_all_versions() {
        let full = Subscription {
            topics: vec!["a".into(), "bc".into()],
            user_data: Bytes::from_static(&[1]),
            owned: vec![("a".into(), vec![0, 7])],
            generation: Some(5),
            rack: Some("r1".into()),
        };
        assert_eq!(Subscription::parse(V3), Some(full.clone()));

        let with_version = |version: u8| [&[0, version][..], &V3[2..]].concat();
        assert_eq!(
            Subscription::parse(&with_version(9)),
            Some(full.clone()),
            "newer versions are read as the known one"
        );
        let v2 = Subscription { rack: None, ..full.clone() };
        assert_eq!(Subscription::parse(&with_version(2)), Some(v2.clone()));
        let v1 = Subscription { generation: None, ..v2 };
        assert_eq!(Subscription::parse(&with_version(1)), Some(v1.clone()));
        let v0 = Subscription { owned: Vec::new(), ..v1 };
        assert_eq!(Subscription::parse(&with_version(0)), Some(v0));
    }

    #[test]
    fn damaged_subscriptions_give_what_can_be_read() {
        for len in 0..V3.len() {
            let parsed = Subscription::parse(&V3[..len]);
            // Two bytes version, four bytes count, three and four bytes of names.
            assert_eq!(parsed.is_some(), len >= 13, "{len}");
            assert!(parsed.is_none_or(|s| s.topics == ["a", "bc"]));
        }
        assert_eq!(Subscription::parse(b"\xff\xff\0\0\0\0"), None, "a negative version");
        assert_eq!(Subscription::parse(b"\0\0\x7f\xff\xff\xff\0\0"), None, "a count beyond the bytes");
        assert_eq!(Subscription::parse(b"\0\0\0\0\0\x01\0\x01\xff"), None, "a name that is not text");
    }

    #[test]
    fn assignments() {
        let bytes = b"\0\0\0\0\0\x01\0\x01t\0\0\0\x02\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff";
        let expected = Assignment { partitions: vec![("t".into(), vec![1, 2])], user_data: Bytes::new() };
        assert_eq!(Assignment::parse(bytes), Some(expected));
        assert_eq!(Assignment::parse(b""), None);
        assert_eq!(Assignment::parse(&bytes[..12]), None);
    }
}
