use std::sync::Arc;

use proptest::prelude::*;
use trine_types::{EntityId, GroupName, Timestamp, TopicName, Uuid};

use super::*;

mod queues;

fn name(text: &str) -> TopicName {
    TopicName::parse(text).unwrap()
}

fn new(text: &str, partitions: u32, id: u8) -> NewTopic {
    NewTopic { name: name(text), partitions, settings: Vec::new(), id: Uuid([id; 16]) }
}

fn empty() -> Catalog {
    Catalog::new(Arc::default())
}

fn create(catalog: &mut Catalog, topic: &NewTopic) {
    let record = catalog.decide_create_topic(topic).unwrap();
    catalog.apply(&record, Timestamp(5));
}

fn set(name: &str, value: &str) -> SettingChange {
    SettingChange { name: name.to_owned(), op: AlterOp::Set(value.to_owned()) }
}

#[test]
fn the_settings_table_is_sorted_and_its_defaults_pass_their_own_check() {
    assert!(TOPIC_SETTINGS.windows(2).all(|pair| pair[0].name < pair[1].name));
    for spec in TOPIC_SETTINGS {
        assert_eq!(check_setting(spec.name, spec.default).unwrap().unwrap().name, spec.name);
    }
    let config = TopicConfig::resolve(Arc::default(), &TopicDefaults::default());
    assert_eq!(config.message_bytes_max, trine_types::limits::MESSAGE_BYTES_DEFAULT);
    assert_eq!((config.retention.retention_ms, config.retention.retention_bytes), (Some(604_800_000), None));
    assert_eq!(config.dirty_ratio_min_permille, 500);
}

#[test]
fn wrong_settings_name_the_setting_the_value_and_what_is_wanted() {
    let text = |name, value| check_setting(name, value).unwrap_err().to_string();
    assert_eq!(
        text("retention.mss", "1"),
        "there is no topic setting \"retention.mss\" (did you mean \"retention.ms\"?)"
    );
    assert_eq!(text("xyz", "1"), "there is no topic setting \"xyz\"");
    assert_eq!(
        text("retention.ms", "-2"),
        format!("invalid value \"-2\" for setting retention.ms: a number from -1 to {}", i64::MAX)
    );
    assert_eq!(
        text("cleanup.policy", "keep"),
        "invalid value \"keep\" for setting cleanup.policy: a comma-separated list of delete, compact"
    );
    for (name, value) in [
        ("cleanup.policy", ""),
        ("preallocate", "yes"),
        ("min.cleanable.dirty.ratio", "1.5"),
        ("min.cleanable.dirty.ratio", "NaN"),
        ("compression.type", "brotli"),
        ("trine.durability", "interval:0"),
        ("trine.durability", "memory"),
        ("max.message.bytes", "33554433"),
    ] {
        assert!(check_setting(name, value).is_err(), "{name}={value}");
    }
    assert!(check_setting("message.format.version", "0.10").unwrap().is_none());
}

#[test]
fn a_topic_gets_an_entity_per_partition_spread_over_the_shard_groups() {
    let mut catalog = empty();
    create(&mut catalog, &new("orders", 16, 1));
    let topic = catalog.topic(&name("orders")).unwrap();
    let shards: std::collections::BTreeSet<_> = topic.entities().map(|entity| entity.shard(8)).collect();
    assert_eq!((topic.entities().count(), shards.len()), (16, 8));
    assert!(!topic.entities().any(|entity| entity == EntityId::CATALOG));
    assert_eq!(topic.entity(16), None);
    assert_eq!(catalog.topic_by_id(Uuid([1; 16])).unwrap().name, name("orders"));
}

#[test]
fn names_are_taken_once_and_collide_over_dots() {
    let mut catalog = empty();
    create(&mut catalog, &new("a.b", 1, 1));
    assert!(matches!(catalog.decide_create_topic(&new("a.b", 1, 2)), Err(CatalogRefusal::TopicExists { .. })));
    assert!(matches!(catalog.decide_create_topic(&new("a_b", 1, 2)), Err(CatalogRefusal::TopicCollides { .. })));
    let record = catalog.decide_delete_topic(&name("a.b")).unwrap();
    catalog.apply(&record, Timestamp(6));
    assert!(catalog.decide_create_topic(&new("a_b", 1, 2)).is_ok());
    assert_eq!((catalog.topics_len(), catalog.partitions_len()), (0, 0));
}

#[test]
fn a_recreated_topic_shares_no_entity_with_the_old_one() {
    let mut catalog = empty();
    create(&mut catalog, &new("t", 3, 1));
    let old: Vec<_> = catalog.topic(&name("t")).unwrap().entities().collect();
    let record = catalog.decide_delete_topic(&name("t")).unwrap();
    catalog.apply(&record, Timestamp(6));
    // Also when a checkpoint is between the two: numbers come from the catalogue's state.
    let mut catalog = Catalog::decode_section(&catalog.encode_section(), Arc::default()).unwrap();
    create(&mut catalog, &new("t", 3, 2));
    assert!(catalog.topic(&name("t")).unwrap().entities().all(|entity| !old.contains(&entity)));
}

#[test]
fn partitions_can_be_added_not_taken_away() {
    let mut catalog = empty();
    create(&mut catalog, &new("t", 2, 1));
    create(&mut catalog, &new("u", 2, 2));
    let before: Vec<_> = catalog.topic(&name("t")).unwrap().entities().collect();
    for (total, ok) in [(1, false), (2, false), (5, true), (100_001, false)] {
        assert_eq!(catalog.decide_add_partitions(&name("t"), total).is_ok(), ok, "{total}");
    }
    let record = catalog.decide_add_partitions(&name("t"), 5).unwrap();
    catalog.apply(&record, Timestamp(6));
    let after: Vec<_> = catalog.topic(&name("t")).unwrap().entities().collect();
    assert_eq!((after.len(), &after[..2]), (5, &before[..]));
    assert!(catalog.topic(&name("u")).unwrap().entities().all(|entity| !after.contains(&entity)));
    assert!(matches!(catalog.decide_create_topic(&new("v", 0, 3)), Err(CatalogRefusal::PartitionCount { .. })));
}

#[test]
fn settings_are_set_deleted_appended_and_subtracted_all_or_none() {
    let mut catalog = empty();
    create(&mut catalog, &new("t", 1, 1));
    let alter = |catalog: &mut Catalog, changes: &[SettingChange]| -> Result<(), CatalogRefusal> {
        if let Some(record) = catalog.decide_alter_topic(&name("t"), changes)? {
            catalog.apply(&record, Timestamp(6));
        }
        Ok(())
    };
    alter(&mut catalog, &[set("retention.ms", "1000"), set("cleanup.policy", "compact")]).unwrap();
    let list =
        |op: fn(String) -> AlterOp, text: &str| SettingChange { name: "cleanup.policy".into(), op: op(text.into()) };
    alter(&mut catalog, &[list(AlterOp::Append, "delete")]).unwrap();
    let config = |catalog: &Catalog| catalog.topic(&name("t")).unwrap().config.clone();
    assert_eq!(config(&catalog).cleanup, Cleanup { delete: true, compact: true });
    assert_eq!(config(&catalog).retention.retention_ms, Some(1000));
    alter(&mut catalog, &[list(AlterOp::Subtract, "delete")]).unwrap();
    assert_eq!(config(&catalog).cleanup, Cleanup { delete: false, compact: true });
    assert_eq!(config(&catalog).retention.retention_ms, None);
    assert!(alter(&mut catalog, &[set("segment.bytes", "9999"), set("retention.ms", "x")]).is_err());
    assert!(!config(&catalog).overrides.contains_key("segment.bytes"));
    let append = SettingChange { name: "retention.ms".into(), op: AlterOp::Append("1".into()) };
    assert!(matches!(alter(&mut catalog, &[append]), Err(CatalogRefusal::Setting(SettingError::NotAList { .. }))));
    alter(&mut catalog, &[SettingChange { name: "retention.ms".into(), op: AlterOp::Delete }]).unwrap();
    assert!(!config(&catalog).overrides.contains_key("retention.ms"));
    assert_eq!(catalog.decide_alter_topic(&name("t"), &[set("cleanup.policy", "compact")]), Ok(None));
    let replace = catalog.decide_replace_settings(&name("t"), &[("segment.ms".into(), "5".into())]).unwrap().unwrap();
    catalog.apply(&replace, Timestamp(7));
    assert_eq!(config(&catalog).overrides.keys().collect::<Vec<_>>(), [&"segment.ms"]);
}

#[test]
fn a_snapshot_does_not_see_later_changes() {
    let mut catalog = empty();
    create(&mut catalog, &new("a", 1, 1));
    let snapshot = catalog.clone();
    create(&mut catalog, &new("b", 1, 2));
    let record = catalog.decide_delete_topic(&name("a")).unwrap();
    catalog.apply(&record, Timestamp(6));
    assert!(snapshot.topic(&name("a")).is_some() && snapshot.topic(&name("b")).is_none());
    assert!(catalog.topic(&name("a")).is_none() && catalog.topic(&name("b")).is_some());
    assert!(catalog.version() > snapshot.version());
}

#[test]
fn producer_ids_are_handed_out_once() {
    let mut catalog = empty();
    let (first, record) = catalog.decide_producer_ids(1000);
    catalog.apply(&record, Timestamp(1));
    let (second, _) =
        Catalog::decode_section(&catalog.encode_section(), Arc::default()).unwrap().decide_producer_ids(1000);
    assert_eq!((first, second), (0, 1000));
}

#[test]
fn a_group_has_one_place_until_it_is_deleted() {
    let mut catalog = empty();
    let group = GroupName::parse("g").unwrap();
    let record = catalog.decide_create_group(&group).unwrap().unwrap();
    catalog.apply(&record, Timestamp(1));
    assert_eq!(catalog.decide_create_group(&group), Ok(None));
    let place = catalog.group(&group).unwrap().entity;
    let stale = EntityId::new(place.slot(), place.number() + 1).unwrap();
    assert_eq!(catalog.decide_delete_group(&group, stale), None);
    let record = catalog.decide_delete_group(&group, place).unwrap();
    catalog.apply(&record, Timestamp(2));
    let record = catalog.decide_create_group(&group).unwrap().unwrap();
    catalog.apply(&record, Timestamp(3));
    assert_ne!(catalog.group(&group).unwrap().entity, place);
}

proptest! {
    #[test]
    fn a_checkpoint_and_its_tail_are_as_good_as_the_whole_log(
        steps in proptest::collection::vec((0..7_u8, 0..6_u8, 1..5_u32), 1..60),
        cut in 0..60_usize,
    ) {
        let mut live = empty();
        let mut log = Vec::new();
        let mut checkpoint = None;
        for (i, (what, which, n)) in steps.into_iter().enumerate() {
            if i == cut {
                checkpoint = Some((log.len(), live.encode_section()));
            }
            let topic = name(&format!("t{which}"));
            let group = GroupName::parse(&format!("g{which}")).unwrap();
            let record = match what {
                0 | 1 => live.decide_create_topic(&NewTopic { settings: vec![("segment.ms".into(), n.to_string())], ..new(topic.as_str(), n, i as u8) }).ok(),
                2 => live.decide_delete_topic(&topic).ok(),
                3 => live.decide_add_partitions(&topic, n + 2).ok(),
                4 => live.decide_alter_topic(&topic, &[set("retention.ms", &n.to_string())]).ok().flatten(),
                5 => live.decide_create_group(&group).ok().flatten(),
                _ => Some(live.decide_producer_ids(n).1),
            };
            if let Some(record) = record {
                live.apply(&record, Timestamp(i as i64));
                log.push((record, Timestamp(i as i64)));
            }
            let entities: std::collections::BTreeSet<_> = live.entities().map(EntityId::number).collect();
            prop_assert_eq!(entities.len(), live.entities().count());
        }
        let replay = |mut catalog: Catalog, from: usize| {
            for (record, at) in &log[from..] {
                catalog.apply(&CatalogRecord::decode(&record.encode()).unwrap(), *at);
            }
            catalog.encode_section()
        };
        prop_assert_eq!(replay(empty(), 0), live.encode_section());
        if let Some((from, section)) = checkpoint {
            prop_assert_eq!(replay(Catalog::decode_section(&section, Arc::default()).unwrap(), from), live.encode_section());
        }
    }

    #[test]
    fn damaged_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = CatalogRecord::decode(&bytes);
        let _ = Catalog::decode_section(&bytes, Arc::default());
    }
}
