//! A disk that fails or fills.

use std::time::Duration;

use crate::cases::{
    queues::{bodies, message, receipts, take, waiting},
    support::{Disk, START, World, at, batch, produced},
};
use trine_broker::{AppendError, CommitEntry, Failure, QueueSettings, ReceiveError, TopicError, TopicSelector};
use trine_env::{Faults, SimFs};
use trine_types::GroupName;

/// The simulated disk.
fn fs(world: &World) -> SimFs {
    match &world.disk {
        Disk::Local(fs) => fs.clone(),
        Disk::Memory(_) => unreachable!("these cases are the local store's"),
    }
}

#[test]
fn after_a_failed_write_nothing_is_answered_as_success_and_a_restart_recovers() {
    let mut world = World::new();
    let fs = fs(&world);
    world.topic("t", 1, &[]);
    let partition = world.partition("t", 0);
    world.append(&partition, produced(1, 0, 0, "kept")).unwrap();
    assert_eq!(world.broker.failed(), None);
    fs.set_faults(Faults { nth_sync: Some(1), ..Faults::default() });
    let unknown = AppendError::Failure(Failure::Unknown);
    assert_eq!(world.append(&partition, produced(1, 0, 1, "perhaps")), Err(unknown.clone()));
    let broker = world.broker.clone();
    let reason = world.run(broker.failure());
    assert!(reason.contains("sync"), "{reason}");
    assert_eq!(world.append(&partition, produced(1, 0, 2, "too late")), Err(unknown));
    let made = world.run(broker.topics().create(vec![crate::cases::support::new_topic("u", 1, &[])], false)).remove(0);
    assert_eq!(made.unwrap_err(), TopicError::Failure(Failure::Unknown));
    // What was durable can still be read.
    assert_eq!(world.fetch(vec![at(&partition, 0)]).partitions[0].as_ref().unwrap().batches.len(), 1);
    assert!(world.run(broker.shutdown(Duration::from_secs(1))).is_ok(), "the caller closes the store itself");
    fs.set_faults(Faults::default());
    drop(broker);
    let mut world = world.crash();
    let partition = world.partition("t", 0);
    // The client sends again what it got no answer for, and it is there once.
    world.append(&partition, produced(1, 0, 1, "perhaps")).unwrap();
    world.append(&partition, produced(1, 0, 2, "too late")).unwrap();
    let values: Vec<_> = world.records(&partition, 0).into_iter().filter_map(|(_, _, value)| value).collect();
    assert_eq!(values, ["kept", "perhaps", "too late"]);
}

#[test]
fn a_full_disk_refuses_producers_and_nobody_else_and_recovers() {
    let mut world = World::new();
    let fs = fs(&world);
    world.topic("t", 1, &[]);
    let victim = world.topic("victim", 1, &[]).id;
    let partition = world.partition("t", 0);
    fs.set_capacity(Some(fs.used() + (600 << 10)));
    let big = "x".repeat(4000);
    let mut refused = None;
    for n in 0..400 {
        match world.append(&partition, batch(START.0, &[&big])) {
            Ok(appended) => assert_eq!(appended.base_offset, n),
            Err(error) => {
                refused = Some((n, error));
                break;
            }
        }
        world.clock.advance(Duration::from_millis(300));
    }
    let (end, error) = refused.expect("the disk fills");
    assert!(matches!(error, AppendError::Failure(Failure::Full { .. })), "{error}");
    assert_eq!(partition.view().end(), end, "a refused append changes nothing");
    let broker = world.broker.clone();
    let commit = CommitEntry {
        topic: partition.topic().id,
        partition: 0,
        offset: end,
        leader_epoch: -1,
        metadata: String::new(),
    };
    let group = GroupName::parse("g").unwrap();
    assert_eq!(world.run(broker.groups().seek(&group, vec![commit])).unwrap(), [Ok(())]);
    assert_eq!(world.records(&partition, 0).len() as u64, end);
    world.run(broker.topics().delete(TopicSelector::Id(victim))).unwrap();
    assert_eq!(world.run(broker.streams().trim(&partition, None)).unwrap(), end);
    fs.set_capacity(None);
    world.wait(Duration::from_secs(5));
    assert_eq!(world.append(&partition, batch(START.0, &["again"])).unwrap().base_offset, end);
}

#[test]
fn on_a_full_disk_queues_take_nothing_and_give_everything() {
    let mut world = World::new();
    let fs = fs(&world);
    let queue = world.queue("q", QueueSettings::default());
    fs.set_capacity(Some(fs.used() + (600 << 10)));
    let big = "x".repeat(4000);
    let broker = world.broker.clone();
    let mut sent = 0;
    let refused = loop {
        match world.run(broker.queues().send(&queue, vec![message(&big)])) {
            Ok(_) => sent += 1,
            Err(failure) => break failure,
        }
        assert!(sent < 400, "the disk fills");
        world.clock.advance(Duration::from_millis(300));
    };
    assert!(matches!(refused, Failure::Full { .. }), "{refused}");
    let mut received = 0;
    while received < sent {
        let got = world.receive(&queue, 10);
        assert!(!got.is_empty(), "receives use the reserve");
        received += got.len();
        assert!(world.extend(&queue, &got[0], 60_000).is_ok());
        assert!(world.ack(&queue, &got).into_iter().all(|acked| acked.is_ok()), "and so do acknowledgements");
    }
    assert_eq!(received, sent, "a refused send changed nothing");
    fs.set_capacity(None);
    world.wait(Duration::from_secs(5));
    world.send(&queue, &["again"]);
    assert_eq!(bodies(&world.receive(&queue, 10)), ["again"]);
}

#[test]
fn after_a_failed_write_queues_answer_nothing_as_success() {
    let mut world = World::new();
    let fs = fs(&world);
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["kept"]);
    let mut wait = world.start(&queue, waiting(1, 20));
    let kept = world.run(wait.as_mut()).unwrap();
    let mut wait = world.start(&queue, waiting(1, 20));
    fs.set_faults(Faults { nth_sync: Some(1), ..Faults::default() });
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.queues().send(&queue, vec![message("perhaps")])), Err(Failure::Unknown));
    let unknown = ReceiveError::Failure(Failure::Unknown);
    assert_eq!(world.run(wait.as_mut()), Err(unknown.clone()), "nobody knows what whoever waited was given");
    assert_eq!(world.try_receive(&queue, take(1)), Err(unknown));
    let acked = world.run(broker.queues().ack(&queue, receipts(&kept)));
    assert_eq!(acked, Err(Failure::Unknown));
    fs.set_faults(Faults::default());
    drop(broker);
    let mut world = world.crash();
    let queue = world.find("q");
    let (ready, in_flight, ..) = world.counts(&queue);
    assert!(in_flight == 1 && ready <= 1, "{ready} ready, {in_flight} in flight");
    assert_eq!(world.ack(&queue, &kept), [Ok(())]);
}
