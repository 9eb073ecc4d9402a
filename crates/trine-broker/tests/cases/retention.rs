//! What goes away by itself: old segments, superseded records, idle producers, unused groups.

use std::time::Duration;

use super::support::{START, World, at, batch, keyed, produced};
use trine_broker::{AppendError, BrokerConfig, FetchError};

/// Key and value of what is left.
fn left(world: &mut World, topic: &str) -> Vec<(u64, String, Option<String>)> {
    let partition = world.partition(topic, 0);
    world.records(&partition, 0).into_iter().map(|(offset, key, value)| (offset, key.unwrap(), value)).collect()
}

#[test]
fn whole_segments_go_by_age_and_by_size() {
    let mut world = World::new();
    world.topic("age", 1, &[("retention.ms", "60000"), ("segment.bytes", "200")]);
    world.topic("size", 1, &[("retention.bytes", "350"), ("segment.bytes", "200")]);
    world.topic("keep", 1, &[("retention.ms", "-1")]);
    let now = trine_env::Clock::now(&world.clock).0;
    for topic in ["age", "size", "keep"] {
        for n in 0..10 {
            let partition = world.partition(topic, 0);
            let value = format!("{n}").repeat(30);
            world.append(&partition, batch(now, &[&value])).unwrap();
        }
    }
    world.wait(Duration::from_secs(5));
    let (age, size, keep) = (world.partition("age", 0), world.partition("size", 0), world.partition("keep", 0));
    assert_eq!((age.view().log_start(), keep.view().log_start()), (0, 0));
    let cut = size.view().log_start();
    assert!((2..=8).contains(&cut), "{cut}");
    assert!(matches!(world.fetch(vec![at(&size, 0)]).partitions[0], Err(FetchError::OutOfRange { .. })));
    assert_eq!(world.records(&size, 0).len() as u64, 10 - cut);
    world.wait(Duration::from_secs(60));
    assert_eq!((age.view().log_start(), age.view().end()), (10, 10), "the active segment goes by age as well");
    assert_eq!(keep.view().log_start(), 0);
    let mut world = world.crash();
    let age = world.partition("age", 0);
    assert_eq!((age.view().log_start(), age.view().end()), (10, 10));
    assert_eq!(world.append(&age, batch(now, &["next"])).unwrap().base_offset, 10);
}

#[test]
fn compaction_keeps_the_newest_record_of_each_key_and_every_offset() {
    let mut world = World::new();
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "400"),
        ("min.cleanable.dirty.ratio", "0.1"),
        ("delete.retention.ms", "60000"),
    ];
    world.topic("t", 1, &settings);
    let partition = world.partition("t", 0);
    for n in 0..30 {
        let key = format!("k{}", n % 3);
        let value = format!("v{n}");
        world.append(&partition, keyed(START.0, &key, Some(&value))).unwrap();
    }
    world.append(&partition, keyed(START.0, "k0", None)).unwrap();
    for _ in 0..8 {
        world.append(&partition, keyed(START.0, "other", Some("x"))).unwrap();
    }
    world.wait(Duration::from_secs(10));
    let found = left(&mut world, "t");
    assert!(found.len() < 39, "{found:?}");
    let newest = |key: &str| found.iter().filter(|(_, k, _)| k == key).cloned().collect::<Vec<_>>();
    assert_eq!(newest("k1"), [(28, "k1".to_owned(), Some("v28".to_owned()))]);
    assert_eq!(newest("k2"), [(29, "k2".to_owned(), Some("v29".to_owned()))]);
    assert_eq!(newest("k0"), [(30, "k0".to_owned(), None)], "a tombstone stays readable for a while");
    assert_eq!(newest("other").last().map(|(offset, _, _)| *offset), Some(38), "the active segment is never cleaned");
    // A consumer that stands in a gap goes on with the next batch.
    let gap = world.fetch(vec![at(&partition, 1)]).partitions.remove(0).unwrap();
    assert_eq!(gap.batches[0].base, 28);
    // The tombstone goes with a later cleaning.
    world.wait(Duration::from_secs(70));
    for _ in 0..12 {
        world.append(&partition, keyed(START.0, "other", Some("y"))).unwrap();
    }
    world.wait(Duration::from_secs(10));
    let found = left(&mut world, "t");
    assert!(found.iter().all(|(_, key, _)| key != "k0"), "{found:?}");
    let mut world = world.restart();
    if crate::LOCAL {
        // The memory store's disk keeps the log, not what was rewritten.
        assert_eq!(left(&mut world, "t"), found);
    }
    let partition = world.partition("t", 0);
    assert_eq!(partition.view().end(), 51);
}

#[test]
fn a_key_map_that_is_too_small_cleans_in_several_steps() {
    let config = BrokerConfig { compaction_buffer_bytes: 48 * 4, ..BrokerConfig::default() };
    let mut world = World::with(config);
    let settings = [("cleanup.policy", "compact"), ("segment.bytes", "2000"), ("min.cleanable.dirty.ratio", "0.01")];
    world.topic("t", 1, &settings);
    let partition = world.partition("t", 0);
    for n in 0..60 {
        world.append(&partition, keyed(START.0, &format!("k{}", n % 10), Some(&format!("v{n}")))).unwrap();
    }
    let before = left(&mut world, "t");
    world.wait(Duration::from_secs(60));
    let after = left(&mut world, "t");
    assert!(after.len() < before.len());
    for key in 0..10 {
        let key = format!("k{key}");
        let last = |records: &[(u64, String, Option<String>)]| records.iter().rfind(|(_, k, _)| *k == key).cloned();
        assert_eq!(last(&before), last(&after));
    }
}

#[test]
fn producers_and_groups_that_nobody_uses_are_forgotten() {
    let mut config = BrokerConfig { producer_idle_ms: 60_000, ..BrokerConfig::default() };
    config.groups.offset_retention_ms = 60_000;
    let mut world = World::with(config);
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    world.append(&partition, produced(5, 3, 0, "a")).unwrap();
    let old = world.append(&partition, produced(5, 2, 0, "b"));
    assert!(matches!(old, Err(AppendError::OldEpoch { .. })));
    let broker = world.broker.clone();
    let group = trine_types::GroupName::parse("g").unwrap();
    let commit = trine_broker::CommitEntry {
        topic: partition.topic().id,
        partition: 0,
        offset: 1,
        leader_epoch: -1,
        metadata: String::new(),
    };
    world.run(broker.groups().seek(&group, vec![commit])).unwrap();
    world.wait(Duration::from_secs(70));
    world.append(&partition, produced(5, 2, 0, "b")).unwrap();
    assert!(broker.catalog().groups().next().is_none());
    drop(broker);
    assert!(world.crash().broker.catalog().groups().next().is_none());
}
