//! Bytes of records and sections. The samples are what released servers wrote: they must be readable for ever.

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::codec::DecodeError;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn member(name: &str, instance: Option<&str>) -> Member {
    Member {
        id: id(name),
        instance_id: instance.map(InstanceId::new),
        client_id: text("c"),
        client_host: text("/h"),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 300_000,
        protocols: vec![Protocol { name: text("r"), metadata: Bytes::from_static(&[0xaa]) }].into(),
        assignment: Bytes::new(),
    }
}

fn samples() -> Vec<(GroupRecord, &'static str)> {
    vec![
        (
            GroupRecord::Generation {
                generation: 2,
                protocol_type: text("ct"),
                protocol: text("r"),
                leader: id("a"),
                members: vec![member("a", None), member("b", Some("i"))],
            },
            "01010200000002637401720161020161000163022f68904ee0a71201017201aa0162010169\
             0163022f68904ee0a71201017201aa",
        ),
        (GroupRecord::Emptied { generation: 3 }, "010203000000"),
        (
            GroupRecord::Assigned { generation: 2, assignments: vec![(id("a"), Bytes::from_static(&[1, 2]))] },
            "010302000000010161020102",
        ),
        (
            GroupRecord::MemberReplaced { old: id("x"), member: member("b", Some("i")) },
            "010401780162010169\
             0163022f68904ee0a71201017201aa",
        ),
        (GroupRecord::MembersRemoved { members: vec![id("a"), id("b")] }, "01050201610162"),
        (
            GroupRecord::OffsetsCommitted {
                offsets: vec![CommitOffset {
                    topic: topic(7),
                    partition: 300,
                    offset: 258,
                    leader_epoch: -1,
                    metadata: "m".into(),
                }],
                retention_ms: Some(1_000),
            },
            "010601e8070107070707070707070707070707070707ac020201000000000000ffffffff016d",
        ),
        (GroupRecord::OffsetsCommitted { offsets: vec![], retention_ms: None }, "01060000"),
        (GroupRecord::OffsetsRemoved { offsets: vec![(topic(7), 1)] }, "0107010707070707070707070707070707070701"),
        (GroupRecord::Deleted, "0108"),
    ]
}

#[test]
fn records_have_the_bytes_they_always_had() {
    for (record, bytes) in samples() {
        let expected: String = bytes.split_whitespace().collect();
        assert_eq!(hex(&record.encode()), expected, "{record:?}");
    }
}

#[test]
fn sections_have_the_bytes_they_always_had() {
    let mut group = Group::new();
    assert_eq!(hex(&group.encode_section()), "0100000000000000");
    let records = samples();
    for index in [5, 0, 2] {
        group.apply(&records[index].0, Timestamp(1_000));
    }
    let expected = "0139020000000263740172016102\
        0161000163022f68904ee0a71201017201aa020102\
        01620101690163022f68904ee0a71201017201aa00\
        0107070707070707070707070707070707ac020201000000000000ffffffff016d\
        e80300000000000001d007000000000000";
    assert_eq!(hex(&group.encode_section()), expected);
    assert_eq!(Group::decode_section(&group.encode_section()).unwrap().logged, group.logged);
}

#[test]
fn damaged_or_newer_bytes_are_errors() {
    let record_error = Err(DecodeError { what: "a group record" });
    for (record, _) in samples() {
        let bytes = record.encode();
        for len in 0..bytes.len() {
            assert_eq!(GroupRecord::decode(&bytes[..len]), record_error, "{record:?} cut at {len}");
        }
        assert_eq!(GroupRecord::decode(&[&bytes[..], &[0]].concat()), record_error, "too long");
        assert_eq!(GroupRecord::decode(&[&[2], &bytes[1..]].concat()), record_error, "a newer version");
    }
    for tag in [0, 9, 255] {
        assert_eq!(GroupRecord::decode(&[1, tag]), record_error);
    }
    let mut group = Group::new();
    for (record, _) in samples().into_iter().take(6) {
        group.apply(&record, Timestamp(5));
    }
    let section = group.encode_section();
    for len in 0..section.len() {
        assert!(Group::decode_section(&section[..len]).is_err(), "cut at {len}");
    }
    assert!(Group::decode_section(&[&section[..], &[0]].concat()).is_err());
    assert!(Group::decode_section(&[&[2], &section[1..]].concat()).is_err());
}

#[test]
fn an_idle_group_is_small() {
    // Of 100 000 idle groups each may take 1 KiB: the group itself, and the smallest table of offsets (four slots and sixteen bytes of control).
    let table = 4 * size_of::<((Uuid, u32), Committed)>() + 32;
    assert!(size_of::<Group>() + table < 800, "{} + {table}", size_of::<Group>());
}

fn name() -> impl Strategy<Value = String> {
    "[a-cé]{0,3}"
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..6).prop_map(Bytes::from)
}

fn any_member() -> impl Strategy<Value = Member> {
    let protocol = (name(), bytes()).prop_map(|(name, metadata)| Protocol { name: name.as_str().into(), metadata });
    (name(), option::of(name()), name(), name(), any::<u32>(), any::<u32>(), vec(protocol, 0..3)).prop_map(
        |(name, instance, client, host, session_timeout_ms, rebalance_timeout_ms, protocols)| Member {
            id: id(&name),
            instance_id: instance.as_deref().map(InstanceId::new),
            client_id: client.as_str().into(),
            client_host: host.as_str().into(),
            session_timeout_ms,
            rebalance_timeout_ms,
            protocols: protocols.into(),
            assignment: Bytes::new(),
        },
    )
}

fn key() -> impl Strategy<Value = (Uuid, u32)> {
    (0_u8..3, prop_oneof![0_u32..3, any::<u32>()]).prop_map(|(n, partition)| (topic(n), partition))
}

/// Any record, also such as no group would write.
pub(super) fn any_record() -> impl Strategy<Value = GroupRecord> {
    let commit =
        (key(), any::<u64>(), any::<i32>(), name()).prop_map(|((topic, partition), offset, leader_epoch, text)| {
            CommitOffset { topic, partition, offset, leader_epoch, metadata: text.into() }
        });
    prop_oneof![
        (0_i32..5, name(), name(), name(), vec(any_member(), 0..4)).prop_map(
            |(generation, kind, protocol, leader, members)| GroupRecord::Generation {
                generation,
                protocol_type: kind.as_str().into(),
                protocol: protocol.as_str().into(),
                leader: id(&leader),
                members,
            }
        ),
        (0_i32..5).prop_map(|generation| GroupRecord::Emptied { generation }),
        (0_i32..5, vec((name(), bytes()), 0..4)).prop_map(|(generation, assigned)| GroupRecord::Assigned {
            generation,
            assignments: assigned.into_iter().map(|(name, bytes)| (id(&name), bytes)).collect(),
        }),
        (name(), any_member()).prop_map(|(old, member)| GroupRecord::MemberReplaced { old: id(&old), member }),
        vec(name(), 0..3)
            .prop_map(|names| GroupRecord::MembersRemoved { members: names.iter().map(|n| id(n)).collect() }),
        (vec(commit, 0..4), option::of(any::<u64>()))
            .prop_map(|(offsets, retention_ms)| GroupRecord::OffsetsCommitted { offsets, retention_ms }),
        vec(key(), 0..4).prop_map(|offsets| GroupRecord::OffsetsRemoved { offsets }),
        Just(GroupRecord::Deleted),
    ]
}

proptest! {
    #[test]
    fn records_round_trip(record in any_record()) {
        prop_assert_eq!(GroupRecord::decode(&record.encode()), Ok(record));
    }

    #[test]
    fn a_checkpoint_and_the_rest_is_as_good_as_everything(
        records in vec((any_record(), 0_i64..1_000), 0..20),
        cut in 0_usize..20,
    ) {
        let mut all = Group::new();
        let mut checkpoint = Group::new();
        for (index, (record, at)) in records.iter().enumerate() {
            if index == cut {
                checkpoint = Group::decode_section(&checkpoint.encode_section()).unwrap();
            }
            all.apply(record, Timestamp(*at));
            checkpoint.apply(record, Timestamp(*at));
        }
        prop_assert_eq!(&all.logged, &checkpoint.logged);
        let decoded = Group::decode_section(&all.encode_section()).unwrap();
        prop_assert_eq!(&decoded.logged, &all.logged);
        // Whatever the log says, sessions can start from it.
        let mut group = decoded;
        group.recover(Duration::from_secs(5));
        let settings = GroupSettings::default();
        let _ = group.on_time(&settings, Duration::from_secs(5_000));
        let _ = group.expire(&settings, Timestamp(i64::MAX), name_of);
        let _ = group.describe();
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = GroupRecord::decode(&bytes);
        let _ = Group::decode_section(&bytes);
        let _ = Subscription::parse(&bytes);
        let _ = Assignment::parse(&bytes);
        for tag in 1_u8..=8 {
            let _ = GroupRecord::decode(&[&[1, tag], &bytes[..]].concat());
        }
    }

    #[test]
    fn flipped_bits_are_decoded_or_refused(record in any_record(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = record.encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(other) = GroupRecord::decode(&bytes) {
            let mut group = Group::new();
            group.apply(&other, Timestamp(1));
        }
    }
}
