//! Topics: create, alter, grow, delete, and what other connections and a restart see of it.

use std::collections::BTreeMap;

use super::support::{START, World, batch, new_topic};
use trine_broker::{Alteration, SettingChange, SettingOp, TopicError, TopicSelector};
use trine_types::{GroupName, TopicName};

fn name(text: &str) -> TopicName {
    TopicName::parse(text).unwrap()
}

#[test]
fn topics_are_created_one_by_one_and_each_answer_is_its_own() {
    let mut world = World::new();
    let broker = world.broker.clone();
    let version = broker.catalog().version();
    let wanted = vec![
        new_topic("a.b", 3, &[("retention.ms", "1000")]),
        new_topic("a_b", 1, &[]),
        new_topic("none", 0, &[]),
        new_topic("bad", 1, &[("retention.ms", "soon")]),
        new_topic("unknown", 1, &[("retention.msx", "1")]),
    ];
    let trial = world.run(broker.topics().create(wanted.clone(), true));
    assert_eq!(trial[0].as_ref().unwrap().partitions(), 3);
    assert_eq!(broker.catalog().version(), version, "nothing was made");
    let made = world.run(broker.topics().create(wanted, false));
    assert_eq!(made[0].as_ref().unwrap().config.retention.retention_ms, Some(1000));
    assert!(matches!(&made[1], Err(TopicError::Collides { existing, .. }) if existing.as_str() == "a.b"));
    assert!(matches!(made[2], Err(TopicError::Partitions { asked: 0, .. })));
    assert!(matches!(&made[3], Err(TopicError::InvalidSetting { key, .. }) if key == "retention.ms"));
    assert!(matches!(&made[4], Err(TopicError::InvalidSetting { key, .. }) if key == "retention.msx"));
    let again = world.run(broker.topics().create(vec![new_topic("a.b", 1, &[])], false));
    assert_eq!(again[0].as_ref().unwrap_err(), &TopicError::Exists(name("a.b")));
    let topic = made[0].as_ref().unwrap();
    assert_eq!(broker.catalog().topic("a.b").map(|t| t.id), Some(topic.id));
    assert_eq!(broker.catalog().topic_by_id(topic.id).map(|t| t.name.clone()), Some(name("a.b")));
    let auto = world.run(broker.topics().auto_create(&name("auto"))).unwrap();
    assert_eq!(auto.partitions(), broker.config().default_partitions);
    assert_eq!(world.run(broker.topics().auto_create(&name("auto"))).unwrap().id, auto.id);
    assert_eq!((broker.catalog().len(), broker.stats().partitions), (2, 4));
}

#[test]
fn what_is_not_durable_is_neither_seen_nor_answered() {
    let world = World::new();
    let broker = world.broker.clone();
    let mut made = Box::pin(broker.topics().create(vec![new_topic("t", 1, &[])], false));
    let mut again = Box::pin(broker.topics().create(vec![new_topic("t", 1, &[])], false));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(made.as_mut().poll(&mut context).is_pending());
    assert!(again.as_mut().poll(&mut context).is_pending());
    world.step();
    assert!(made.as_mut().poll(&mut context).is_pending());
    assert!(again.as_mut().poll(&mut context).is_pending(), "a refusal that tells of it waits as well");
    assert!(broker.catalog().is_empty());
    drop((made, again));
    drop(broker);
    let mut world = world.crash();
    assert!(world.broker.catalog().is_empty());
    world.topic("t", 1, &[]);
}

#[test]
fn settings_change_all_or_none_and_survive() {
    let mut world = World::new();
    world.topic("t", 1, &[("segment.bytes", "1000")]);
    let partition = world.partition("t", 0);
    let broker = world.broker.clone();
    let change = |key: &str, op| SettingChange { key: key.to_owned(), op };
    let bad = Alteration::Change(vec![
        change("retention.ms", SettingOp::Set("5".into())),
        change("max.message.bytes", SettingOp::Set("-1".into())),
    ]);
    assert!(world.run(broker.topics().alter(&name("t"), bad, false)).is_err());
    assert_eq!(broker.catalog().topic("t").unwrap().config.retention.retention_ms, Some(604_800_000));
    let good = || {
        Alteration::Change(vec![
            change("cleanup.policy", SettingOp::Append("compact".into())),
            change("segment.bytes", SettingOp::Delete),
        ])
    };
    let trial = world.run(broker.topics().alter(&name("t"), good(), true)).unwrap();
    assert!(trial.config.cleanup.compact);
    assert!(!broker.catalog().topic("t").unwrap().config.cleanup.compact);
    let altered = world.run(broker.topics().alter(&name("t"), good(), false)).unwrap();
    assert!(altered.config.cleanup.compact && altered.config.cleanup.delete);
    assert_eq!(altered.config.segments.segment_bytes, 1 << 30);
    let all = BTreeMap::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    world.run(broker.topics().alter(&name("t"), Alteration::Replace(all), false)).unwrap();
    assert!(!broker.catalog().topic("t").unwrap().config.cleanup.delete);
    let missing = world.run(broker.topics().alter(&name("x"), good(), false));
    assert_eq!(missing.unwrap_err(), TopicError::NotFound);
    // Whoever watches a partition goes on watching it.
    world.append(&partition, batch(START.0, &["a"])).unwrap();
    assert_eq!(world.partition("t", 0).view().end(), 1);
    drop(broker);
    for restarted in [World::crash as fn(World) -> World, World::restart] {
        world = restarted(world);
        assert!(world.broker.catalog().topic("t").unwrap().config.cleanup.compact);
    }
}

#[test]
fn partitions_are_added_and_hold_data() {
    let mut world = World::new();
    world.topic("t", 1, &[]);
    let old = world.partition("t", 0);
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.topics().add_partitions(&name("t"), 4, true)).unwrap().partitions(), 4);
    assert_eq!(broker.catalog().topic("t").unwrap().partitions(), 1);
    assert_eq!(world.run(broker.topics().add_partitions(&name("t"), 4, false)).unwrap().partitions(), 4);
    let fewer = world.run(broker.topics().add_partitions(&name("t"), 4, false));
    assert_eq!(fewer.unwrap_err(), TopicError::NotMore { present: 4, asked: 4 });
    world.topic("other", 2, &[]);
    world.run(broker.topics().add_partitions(&name("t"), 6, false)).unwrap();
    for index in 0..6 {
        let partition = world.partition("t", index);
        assert_eq!(world.append(&partition, batch(START.0, &["a"])).unwrap().base_offset, 0);
    }
    assert_eq!(old.view().end(), 1, "an old reference sees the same partition");
    drop(broker);
    let world = world.crash();
    for index in 0..6 {
        assert_eq!(world.partition("t", index).view().end(), 1);
    }
    assert_eq!(world.partition("other", 0).view().end(), 0);
}

#[test]
fn a_topic_made_again_is_another_one() {
    let mut world = World::new();
    let first = world.topic("t", 8, &[]);
    for index in 0..8 {
        let partition = world.partition("t", index);
        world.append(&partition, batch(START.0, &["old"])).unwrap();
    }
    let broker = world.broker.clone();
    let wrong = world.run(broker.topics().delete(TopicSelector::Name(name("x"))));
    assert_eq!(wrong.unwrap_err(), TopicError::NotFound);
    assert_eq!(world.run(broker.topics().delete(TopicSelector::Name(name("t")))).unwrap().id, first.id);
    assert!(broker.catalog().topic("t").is_none() && broker.catalog().topic_by_id(first.id).is_none());
    let second = world.topic("t", 8, &[]);
    assert_ne!(first.id, second.id);
    let wrong = world.run(broker.topics().delete(TopicSelector::Id(first.id)));
    assert_eq!(wrong.unwrap_err(), TopicError::NotFound);
    drop(broker);
    // Also when the old one's records are still in the log.
    let mut world = world.crash();
    for index in 0..8 {
        let partition = world.partition("t", index);
        assert_eq!(partition.view().end(), 0);
        assert_eq!(world.append(&partition, batch(START.0, &["new"])).unwrap().base_offset, 0);
        assert_eq!(world.records(&partition, 0), [(0, None, Some("new".to_owned()))]);
    }
}

#[test]
fn ids_of_producers_are_never_given_twice() {
    let mut world = World::new();
    let mut seen = std::collections::BTreeSet::new();
    for restarted in [World::crash as fn(World) -> World, World::restart, World::crash] {
        let broker = world.broker.clone();
        for _ in 0..1500 {
            assert!(seen.insert(world.run(broker.producers().new_id()).unwrap()));
        }
        drop(broker);
        world = restarted(world);
    }
}

#[test]
fn a_directory_keeps_its_id() {
    let world = World::new();
    let id = world.broker.catalog().cluster_id();
    assert!(!id.is_nil());
    let world = world.crash().restart();
    assert_eq!(world.broker.catalog().cluster_id(), id);
    assert!(GroupName::parse("g").is_ok_and(|group| !world.broker.catalog().groups().any(|known| *known == group)));
}
