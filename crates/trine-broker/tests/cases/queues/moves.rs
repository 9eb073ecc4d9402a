use std::time::Duration;

use bytes::Bytes;
use trine_broker::{MessageNumber, MoveError, MoveStatus, MoveTask, QueueRef, QueueSettings, StartMove};

use super::{super::support::World, *};

/// A dead-letter queue with so many messages of one source, and that source.
fn with_dead(world: &mut World, n: usize) -> (QueueRef, QueueRef) {
    let source = world.queue("source", QueueSettings { visibility_ms: 0, ..dead_letters_to("dlq", 1) });
    let dlq = world.queue("dlq", QueueSettings::default());
    for at in 0..n {
        world.send(&source, &[&format!("m{at}")]);
        world.receive(&source, 1);
        world.receive(&source, 1);
    }
    world.wait(Duration::from_secs(1));
    assert_eq!(world.counts(&dlq), (n as u64, 0, 0, 0));
    (source, dlq)
}

fn all(source: &QueueRef) -> StartMove {
    StartMove { source: source.clone(), destination: None, rate: None, max: None, only: None, edits: Vec::new() }
}

impl World {
    fn start_move(&mut self, new: StartMove) -> Result<trine_broker::MoveTaskId, MoveError> {
        let broker = self.broker.clone();
        self.run(broker.queues().start_move(new))
    }

    fn moves(&mut self, source: &QueueRef) -> Vec<MoveTask> {
        let broker = self.broker.clone();
        self.run(broker.queues().list_moves(source)).expect("answered")
    }
}

#[test]
fn dead_letters_go_back_to_where_they_came_from_as_new_messages() {
    let mut world = World::new();
    let (source, dlq) = with_dead(&mut world, 3);
    let id = world.start_move(all(&dlq)).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!((world.counts(&source).0, world.counts(&dlq).0), (3, 0));
    let tasks = world.moves(&dlq);
    assert_eq!((tasks[0].id, tasks[0].status, tasks[0].moved, tasks[0].to_move), (id, MoveStatus::Completed, 3, 3));
    let got = world.receive(&source, 10);
    assert_eq!((bodies(&got), got[0].receive_count), (vec!["m0".into(), "m1".into(), "m2".to_owned()], 1));
    assert_eq!((&got[0].message.origin, &got[0].message.death_reason), (&None, &None));
    assert_eq!(world.broker.stats().messages_moved, 3);
    let mut world = world.crash();
    let dlq = world.find("dlq");
    assert_eq!(world.moves(&dlq), tasks, "what became of a task outlives a crash");
}

#[test]
fn a_rate_is_kept_across_a_crash_and_a_cancel() {
    let mut world = World::new();
    let (_, dlq) = with_dead(&mut world, 10);
    let other = world.queue("other", QueueSettings::default());
    let id = world.start_move(StartMove { destination: Some(other.clone()), rate: Some(1), ..all(&dlq) }).unwrap();
    assert_eq!(world.start_move(all(&dlq)), Err(MoveError::Running));
    world.wait(Duration::from_millis(3500));
    let moved = world.counts(&other).0;
    assert!((3..=5).contains(&moved), "{moved}");
    let task = world.moves(&dlq).remove(0);
    assert_eq!((task.status, task.rate, task.destination), (MoveStatus::Running, Some(1), Some(name("other"))));
    let mut world = world.crash();
    let (dlq, other) = (world.find("dlq"), world.find("other"));
    world.wait(Duration::from_secs(2));
    let now = world.counts(&other).0;
    assert!((moved + 1..=moved + 3).contains(&now), "{moved}, then {now}");
    let broker = world.broker.clone();
    let reported = world.run(broker.queues().cancel_move(&dlq, id)).unwrap();
    world.wait(Duration::from_secs(3));
    let (left, there) = (world.counts(&dlq).0, world.counts(&other).0);
    assert!(there - reported <= 1 && left + there == 10, "{left} and {there}");
    assert_eq!(world.moves(&dlq)[0].status, MoveStatus::Cancelled);
    let again = world.run(broker.queues().cancel_move(&dlq, id));
    assert_eq!(again, Err(MoveError::UnknownTask));
}

#[test]
fn some_messages_can_be_chosen_and_edited() {
    let mut world = World::new();
    let (source, dlq) = with_dead(&mut world, 4);
    let numbers: Vec<MessageNumber> = {
        let broker = world.broker.clone();
        let peek = trine_broker::Peek { limit: 10, ..trine_broker::Peek::default() };
        world.run(broker.queues().peek(&dlq, peek)).unwrap().messages.into_iter().map(|one| one.number).collect()
    };
    let new = StartMove {
        only: Some(vec![numbers[1], numbers[3]]),
        edits: vec![(numbers[3], Bytes::from_static(b"fixed"))],
        ..all(&dlq)
    };
    world.start_move(new).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(bodies(&world.receive(&source, 10)), ["m1", "fixed"]);
    assert_eq!(bodies(&world.receive(&dlq, 10)), ["m0", "m2"]);
    assert_eq!(world.moves(&dlq)[0].moved, 2);
}

#[test]
fn a_task_that_cannot_go_on_says_why() {
    let mut world = World::new();
    let (source, dlq) = with_dead(&mut world, 1);
    let broker = world.broker.clone();
    let other = world.queue("other", fifo());
    assert_eq!(world.start_move(StartMove { destination: Some(other), ..all(&dlq) }), Err(MoveError::KindDiffers));
    let itself = StartMove { destination: Some(dlq.clone()), ..all(&dlq) };
    assert_eq!(world.start_move(itself), Err(MoveError::SameQueue));
    world.run(broker.queues().delete(&source)).unwrap();
    world.start_move(all(&dlq)).unwrap();
    world.wait(Duration::from_secs(1));
    let task = world.moves(&dlq).remove(0);
    assert_eq!((task.status, task.failure.as_deref()), (MoveStatus::Failed, Some("the destination does not exist")));
    world.send(&dlq, &["sent here"]);
    let got = world.receive(&dlq, 1);
    world.ack(&dlq, &got);
    world.start_move(all(&dlq)).unwrap();
    world.wait(Duration::from_secs(1));
    let task = world.moves(&dlq).remove(0);
    assert_eq!(task.failure.as_deref(), Some("a message did not come from another queue"));
    assert_eq!(world.counts(&dlq).0, 1, "it stays");
}

#[test]
fn each_goes_back_to_where_it_came_from_and_to_whoever_has_that_name_now() {
    let mut world = World::new();
    let broker = world.broker.clone();
    let dlq = world.queue("dlq", QueueSettings::default());
    let settings = QueueSettings { visibility_ms: 0, ..dead_letters_to("dlq", 1) };
    for at in 0..6 {
        let name = format!("source-{}", at % 3);
        let source = if at < 3 { world.queue(&name, settings.clone()) } else { world.find(&name) };
        world.send(&source, &[&format!("m{at}")]);
        world.receive(&source, 1);
        world.receive(&source, 1);
    }
    world.wait(Duration::from_secs(1));
    assert_eq!(world.counts(&dlq).0, 6);
    // One is as it was, two are deleted, and one of these made again.
    for name in ["source-1", "source-2"] {
        let gone = world.find(name);
        world.run(broker.queues().delete(&gone)).unwrap();
    }
    world.queue("source-1", settings.clone());
    world.start_move(all(&dlq)).unwrap();
    world.wait(Duration::from_secs(1));
    let task = world.moves(&dlq).remove(0);
    assert_eq!((task.status, task.failure.as_deref()), (MoveStatus::Failed, Some("the destination does not exist")));
    assert_eq!((task.moved, world.counts(&dlq).0), (2, 4), "until the first that has nowhere to go");
    world.queue("source-2", settings);
    let mut world = world.crash();
    let dlq = world.find("dlq");
    world.start_move(all(&dlq)).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!((world.moves(&dlq)[0].status, world.counts(&dlq).0), (MoveStatus::Completed, 0));
    for at in 0..3 {
        let source = world.find(&format!("source-{at}"));
        assert_eq!(bodies(&world.receive(&source, 10)), [format!("m{at}"), format!("m{}", at + 3)]);
    }
}
