use std::time::Duration;

use trine_broker::{NewQueue, QueueError, QueueSettings, ReceiveError, SendRefusal, SettingsError};
use trine_types::Namespace;

use super::{super::support::World, *};

fn names(found: Vec<QueueRef>) -> Vec<String> {
    found.into_iter().map(|queue| queue.name().to_string()).collect()
}

#[test]
fn queues_are_created_once_found_and_listed_in_order() {
    let mut world = World::new();
    for text in ["jobs-2", "mail", "jobs-1", "jobs-10"] {
        world.queue(text, QueueSettings::default());
    }
    let broker = world.broker.clone();
    let again = world.run(broker.queues().create(new_queue("mail", fifo())));
    assert_eq!(again.unwrap_err(), QueueError::Exists(name("mail")));
    let other = NewQueue { namespace: Namespace::parse("other").unwrap(), ..new_queue("mail", fifo()) };
    world.run(broker.queues().create(other)).unwrap();
    let check = |world: &World| {
        let (queues, ns) = (world.broker.queues(), Namespace::default());
        assert_eq!(names(queues.list(&ns, "", None, 10)), ["jobs-1", "jobs-10", "jobs-2", "mail"]);
        assert_eq!(names(queues.list(&ns, "jobs", None, 2)), ["jobs-1", "jobs-10"]);
        assert_eq!(names(queues.list(&ns, "jobs", Some("jobs-10"), 2)), ["jobs-2"]);
        assert!(queues.get(&ns, &name("nothing")).is_none());
        let other = queues.get(&Namespace::parse("other").unwrap(), &name("mail")).unwrap();
        assert!(other.settings().fifo && other != world.find("mail") && !other.is_deleted());
        assert_eq!(world.broker.stats().queues, 5);
    };
    check(&world);
    let world = world.crash();
    check(&world);
    check(&world.restart());
}

#[test]
fn settings_are_in_effect_when_alter_returns_and_after_a_crash() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["a", "b"]);
    let slow = world.receive(&queue, 1);
    let settings = QueueSettings { visibility_ms: 2000, ..QueueSettings::default() };
    let broker = world.broker.clone();
    world.wait(Duration::from_millis(500));
    world.run(broker.queues().alter(&queue, settings.clone())).unwrap();
    assert_eq!(*queue.settings(), settings, "the same reference shows the new settings");
    assert!(queue.altered_at() > queue.created_at());
    let quick = world.receive(&queue, 1);
    assert!(quick[0].visible_at < slow[0].visible_at, "only later receives go by it");
    let changed = world.run(broker.queues().alter(&queue, fifo()));
    assert_eq!(changed.unwrap_err(), QueueError::Settings(SettingsError::Fixed { name: "fifo" }));
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(*queue.settings(), settings);
    world.wait(Duration::from_secs(3));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["b"]);
}

#[test]
fn a_deleted_queue_answers_whoever_waits_and_takes_everything_with_it() {
    let mut world = World::new();
    let (queue, busy) = (world.queue("q", QueueSettings::default()), world.queue("busy", QueueSettings::default()));
    world.send(&busy, &["a", "b"]);
    let held = world.receive(&busy, 1);
    let mut waits: Vec<_> = (0..3).map(|_| world.start(&queue, waiting(1, 20))).collect();
    let broker = world.broker.clone();
    for queue in [&queue, &busy] {
        world.run(broker.queues().delete(queue)).unwrap();
        assert!(queue.is_deleted());
    }
    for wait in &mut waits {
        assert_eq!(poll(wait), Some(Err(ReceiveError::Deleted)));
    }
    let gone = world.run(broker.queues().delete(&queue));
    assert_eq!(gone.unwrap_err(), QueueError::NotFound);
    let sent = world.run(broker.queues().send(&queue, vec![message("late")])).unwrap();
    assert_eq!(sent, [Err(SendRefusal::Deleted)]);
    assert_eq!(world.try_receive(&queue, take(1)), Err(ReceiveError::Deleted));
    // A later queue of the same name is another one: it has none of the messages, and the old receipts do not fit it.
    let cooled = NewQueue { cooldown: Duration::from_secs(60), ..new_queue("busy", QueueSettings::default()) };
    let early = world.run(broker.queues().create(cooled.clone())).unwrap_err();
    assert!(matches!(early, QueueError::DeletedRecently { left_ms, .. } if left_ms <= 60_000), "{early}");
    let again = world.queue("busy", QueueSettings::default());
    assert_eq!(world.counts(&again), (0, 0, 0, 0));
    let acked = world.run(broker.queues().ack(&again, receipts(&held))).unwrap();
    assert_eq!(acked, [Err(ReceiptError::WrongQueue)]);
    let mut world = world.crash();
    let again = world.find("busy");
    assert_eq!(world.counts(&again), (0, 0, 0, 0));
    assert!(world.broker.queues().get(&Namespace::default(), &name("q")).is_none());
}

#[test]
fn dead_letter_sources_are_known_by_name() {
    let mut world = World::new();
    for source in ["b", "a"] {
        world.queue(source, dead_letters_to("dlq", 2));
    }
    let dlq = world.queue("dlq", QueueSettings::default());
    assert_eq!(names(world.broker.queues().dead_letter_sources(&dlq)), ["a", "b"]);
    let (broker, a) = (world.broker.clone(), world.find("a"));
    world.run(broker.queues().alter(&a, QueueSettings::default())).unwrap();
    assert_eq!(names(world.broker.queues().dead_letter_sources(&dlq)), ["b"]);
}
