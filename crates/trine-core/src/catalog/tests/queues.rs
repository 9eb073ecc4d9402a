use super::*;
use crate::queues::{DeadLetter, QueueDurability, QueueSettings, SettingsError};
use trine_types::{Namespace, QueueName};

fn ns(text: &str) -> Namespace {
    Namespace::parse(text).unwrap()
}

fn queue(text: &str) -> QueueName {
    QueueName::parse(text).unwrap()
}

fn new_queue(namespace: &str, text: &str, id: u8) -> NewQueue {
    NewQueue {
        id: Uuid([id; 16]),
        namespace: ns(namespace),
        name: queue(text),
        settings: QueueSettings::default(),
        cooldown_ms: 0,
    }
}

fn make(catalog: &mut Catalog, new: &NewQueue, at: i64) {
    let record = catalog.decide_create_queue(new, Timestamp(at)).unwrap();
    catalog.apply(&CatalogRecord::decode(&record.encode()).unwrap(), Timestamp(at));
}

fn names<'a>(found: impl Iterator<Item = &'a Arc<QueueInfo>>) -> Vec<&'a str> {
    found.map(|queue| queue.name.as_str()).collect()
}

fn to(target: &str) -> QueueSettings {
    let dead_letter = DeadLetter { target: queue(target), max_receives: 3 };
    QueueSettings { dead_letter: Some(dead_letter), ..QueueSettings::default() }
}

#[test]
fn a_queue_is_unique_in_its_namespace_and_listed_by_prefix_and_page() {
    let mut catalog = empty();
    for (n, name) in ["b2", "a", "b1", "c", "b10", "ä"].into_iter().enumerate() {
        make(&mut catalog, &new_queue("default", name, n as u8), 5);
    }
    make(&mut catalog, &new_queue("other", "b3", 9), 5);
    make(&mut catalog, &new_queue("other", "a", 10), 5);
    let taken = catalog.decide_create_queue(&new_queue("default", "a", 11), Timestamp(6));
    assert!(matches!(taken, Err(CatalogRefusal::QueueExists { name }) if name.as_str() == "a"));
    let list = |prefix, after| names(catalog.queues_from(&ns("default"), prefix, after));
    assert_eq!(list("", None), ["a", "b1", "b10", "b2", "c", "ä"]);
    assert_eq!(list("b", None), ["b1", "b10", "b2"]);
    assert_eq!(list("b", Some("b1")), ["b10", "b2"]);
    assert_eq!(list("b", Some("a")), ["b1", "b10", "b2"]);
    assert_eq!(list("b", Some("b2")), [""; 0]);
    assert_eq!(list("", Some("c")), ["ä"]);
    assert_eq!(names(catalog.queues_from(&ns("other"), "", None)), ["a", "b3"]);
    assert_eq!(names(catalog.queues_from(&ns("nobody"), "", None)), [""; 0]);
    assert_eq!(catalog.queue(&ns("other"), "a").unwrap().id, Uuid([10; 16]));
    assert_eq!(catalog.queues_len(), 8);
}

#[test]
fn lanes_are_entities_in_one_slot_and_never_those_of_somebody_else() {
    let mut catalog = empty();
    create(&mut catalog, &new("t", 3, 1));
    let settings = QueueSettings { priorities: 10, ..QueueSettings::default() };
    make(&mut catalog, &NewQueue { settings, ..new_queue("default", "p", 2) }, 5);
    make(&mut catalog, &new_queue("default", "q", 3), 5);
    let p = catalog.queue(&ns("default"), "p").unwrap();
    let lanes: Vec<_> = p.entities().collect();
    assert_eq!((lanes.len(), lanes[0], p.lane(10)), (10, p.entity(), None));
    assert!(lanes.windows(2).all(|pair| pair[0].slot() == pair[1].slot() && pair[0].number() + 1 == pair[1].number()));
    assert_eq!(catalog.queue(&ns("default"), "q").unwrap().lanes, 1);
    let all: std::collections::BTreeSet<_> = catalog.entities().map(EntityId::number).collect();
    assert_eq!((all.len(), catalog.entities_len()), (14, 14));
}

#[test]
fn settings_change_except_those_that_cannot() {
    let mut catalog = empty();
    make(&mut catalog, &new_queue("default", "q", 1), 5);
    let id = Uuid([1; 16]);
    let alter = |catalog: &mut Catalog, settings: QueueSettings, at| -> Result<bool, CatalogRefusal> {
        let record = catalog.decide_alter_queue(id, &settings)?;
        if let Some(record) = &record {
            catalog.apply(&CatalogRecord::decode(&record.encode()).unwrap(), Timestamp(at));
        }
        Ok(record.is_some())
    };
    let before = catalog.queue_by_id(id).unwrap().clone();
    assert_eq!(alter(&mut catalog, QueueSettings::default(), 6), Ok(false));
    let other = QueueSettings { visibility_ms: 7, ..QueueSettings::default() };
    assert_eq!(alter(&mut catalog, other.clone(), 7), Ok(true));
    let after = catalog.queue_by_id(id).unwrap();
    assert_eq!((&*after.settings, after.created_at, after.altered_at), (&other, Timestamp(5), Timestamp(7)));
    assert!(after.version > before.version);
    assert_eq!(after.entity(), before.entity());
    let fixed = |settings, setting| {
        let mut catalog = catalog.clone();
        let refused = CatalogRefusal::QueueSettings(SettingsError::Fixed { name: setting });
        assert_eq!(alter(&mut catalog, settings, 8), Err(refused));
    };
    fixed(QueueSettings { durability: QueueDurability::Memory, ..other.clone() }, "durability");
    fixed(QueueSettings { fifo: true, ..other.clone() }, "fifo");
    fixed(QueueSettings { priorities: 2, ..other.clone() }, "priorities");
    let never = QueueSettings { retention_ms: 0, ..other.clone() };
    let refused = Err(CatalogRefusal::QueueSettings(SettingsError::Zero { name: "retention_ms" }));
    assert_eq!(catalog.decide_alter_queue(id, &never), refused);
    let new = NewQueue { settings: never, ..new_queue("default", "r", 2) };
    assert_eq!(catalog.decide_create_queue(&new, Timestamp(9)).map(|_| None), refused);
    let gone = catalog.decide_alter_queue(Uuid([9; 16]), &other);
    assert_eq!(gone, Err(CatalogRefusal::UnknownQueue));
}

#[test]
fn dead_letter_sources_follow_create_alter_and_delete() {
    let mut catalog = empty();
    make(&mut catalog, &NewQueue { settings: to("dlq"), ..new_queue("default", "a", 1) }, 5);
    make(&mut catalog, &NewQueue { settings: to("dlq"), ..new_queue("default", "b", 2) }, 5);
    make(&mut catalog, &NewQueue { settings: to("dlq"), ..new_queue("other", "c", 3) }, 5);
    make(&mut catalog, &NewQueue { settings: to("dlq2"), ..new_queue("default", "d", 4) }, 5);
    let sources = |catalog: &Catalog, target: &str| -> Vec<String> {
        catalog.dead_letter_sources(&ns("default"), target).map(|queue| queue.name.to_string()).collect()
    };
    assert_eq!(sources(&catalog, "dlq"), ["a", "b"], "by name, whether the target exists or not");
    make(&mut catalog, &new_queue("default", "dlq", 5), 5);
    let record = catalog.decide_alter_queue(Uuid([1; 16]), &to("dlq2")).unwrap().unwrap();
    catalog.apply(&record, Timestamp(6));
    assert_eq!((sources(&catalog, "dlq"), sources(&catalog, "dlq2")), (vec!["b".into()], vec!["a".into(), "d".into()]));
    let record = catalog.decide_delete_queue(Uuid([2; 16])).unwrap();
    catalog.apply(&record, Timestamp(7));
    assert!(sources(&catalog, "dlq").is_empty());
}

#[test]
fn a_name_is_another_queue_after_delete_and_may_have_to_wait() {
    let mut catalog = empty();
    make(&mut catalog, &new_queue("default", "q", 1), 1000);
    let old = catalog.queue_by_id(Uuid([1; 16])).unwrap().entity();
    let record = catalog.decide_delete_queue(Uuid([1; 16])).unwrap();
    catalog.apply(&record, Timestamp(2000));
    assert!(catalog.queue(&ns("default"), "q").is_none());
    assert_eq!(catalog.queue_deleted_at(&ns("default"), "q"), Some(Timestamp(2000)));
    let again = NewQueue { cooldown_ms: 60_000, ..new_queue("default", "q", 2) };
    assert_eq!(
        catalog.decide_create_queue(&again, Timestamp(31_000)),
        Err(CatalogRefusal::QueueDeletedRecently { name: queue("q"), left_ms: 31_000 })
    );
    assert!(catalog.decide_create_queue(&new_queue("default", "q", 2), Timestamp(31_000)).is_ok());
    make(&mut catalog, &again, 62_000);
    assert_ne!(catalog.queue_by_id(Uuid([2; 16])).unwrap().entity(), old);
}

#[test]
fn deleted_names_are_forgotten_in_time() {
    let mut catalog = empty();
    for n in 0..5000_u32 {
        let id = Uuid(u128::from(n + 1).to_le_bytes());
        make(&mut catalog, &NewQueue { id, ..new_queue("default", &format!("q{n}"), 0) }, i64::from(n) * 1000);
        let record = catalog.decide_delete_queue(id).unwrap();
        catalog.apply(&record, Timestamp(i64::from(n) * 1000));
    }
    // Each bucket is swept when a name falls into it.
    assert!(catalog.tombstones.len() < 1000, "{}", catalog.tombstones.len());
    assert!(catalog.queue_deleted_at(&ns("default"), "q4999").is_some());
}

#[test]
fn the_receipt_key_is_made_once() {
    let mut catalog = empty();
    let record = catalog.decide_receipt_key([7; 32]).unwrap();
    catalog.apply(&CatalogRecord::decode(&record.encode()).unwrap(), Timestamp(1));
    assert_eq!((catalog.receipt_key(), catalog.decide_receipt_key([8; 32])), (Some([7; 32]), None));
    let back = Catalog::decode_section(&catalog.encode_section(), Arc::default()).unwrap();
    assert_eq!(back.receipt_key(), Some([7; 32]));
}

#[test]
fn equal_settings_are_kept_once() {
    let mut catalog = empty();
    for n in 0..100 {
        make(&mut catalog, &NewQueue { settings: to("dlq"), ..new_queue("default", &format!("q{n}"), n) }, 5);
    }
    let shared = |catalog: &Catalog| {
        let mut all = catalog.queues().map(|queue| &queue.settings);
        let first = all.next().unwrap();
        all.all(|settings| Arc::ptr_eq(settings, first))
    };
    assert!(shared(&catalog));
    assert!(shared(&Catalog::decode_section(&catalog.encode_section(), Arc::default()).unwrap()));
}

proptest! {
    #[test]
    fn a_checkpoint_with_queues_and_its_tail_are_as_good_as_the_whole_log(
        steps in proptest::collection::vec((0..5_u8, 0..6_u8, 0..4_u32), 1..60),
        cut in 0..60_usize,
    ) {
        let mut live = empty();
        let mut log = Vec::new();
        let mut checkpoint = None;
        for (i, (what, which, n)) in steps.into_iter().enumerate() {
            if i == cut {
                checkpoint = Some((log.len(), live.encode_section()));
            }
            let at = Timestamp(i as i64 * 10_000);
            let namespace = ["default", "other"][n as usize % 2];
            let name = format!("q{which}");
            let id = live.queue(&ns(namespace), &name).map(|queue| queue.id);
            let settings = match n {
                0 => QueueSettings::default(),
                1 => QueueSettings { priorities: 3, ..to("q0") },
                n => QueueSettings { delay_ms: u64::from(n), ..to(&format!("q{}", n % 3)) },
            };
            let record = match (what, id) {
                (0 | 1, _) => {
                    let new = NewQueue { settings, ..new_queue(namespace, &name, i as u8) };
                    live.decide_create_queue(&new, at).ok()
                }
                (2, Some(id)) => live.decide_delete_queue(id).ok(),
                (3, Some(id)) => live.decide_alter_queue(id, &settings).ok().flatten(),
                _ => live.decide_receipt_key([n as u8; 32]),
            };
            if let Some(record) = record {
                live.apply(&record, at);
                log.push((record, at));
            }
            let entities: std::collections::BTreeSet<_> = live.entities().map(EntityId::number).collect();
            prop_assert_eq!(entities.len() as u64, live.entities_len());
        }
        let replay = |mut catalog: Catalog, from: usize| {
            for (record, at) in &log[from..] {
                catalog.apply(&CatalogRecord::decode(&record.encode()).unwrap(), *at);
            }
            catalog
        };
        prop_assert_eq!(replay(empty(), 0).encode_section(), live.encode_section());
        if let Some((from, section)) = checkpoint {
            let back = replay(Catalog::decode_section(&section, Arc::default()).unwrap(), from);
            prop_assert_eq!(back.encode_section(), live.encode_section());
            for target in ["q0", "q1", "q2"] {
                let sources = |catalog: &Catalog| -> Vec<Uuid> {
                    catalog.dead_letter_sources(&ns("default"), target).map(|queue| queue.id).collect()
                };
                prop_assert_eq!(sources(&back), sources(&live));
            }
        }
    }
}
