use std::time::Duration;

use trine_broker::{QueueDurability, QueueRef, QueueSettings, RedriveAllow};

use super::{super::support::World, *};

/// A source and a dead-letter queue in one shard or in two.
fn pair(world: &mut World, same_shard: bool, max_receives: u32) -> (QueueRef, QueueRef) {
    let source = world.queue("source", QueueSettings { visibility_ms: 1000, ..dead_letters_to("dlq", max_receives) });
    // Names decide the shard: try until the wish is met, then give it the name the source asks for.
    for n in 0.. {
        let target = format!("dlq-{n}");
        let dlq = world.queue(&target, QueueSettings::default());
        let broker = world.broker.clone();
        if (dlq.entity().shard(4) == source.entity().shard(4)) == same_shard {
            let settings = QueueSettings { visibility_ms: 1000, ..dead_letters_to(&target, max_receives) };
            world.run(broker.queues().alter(&source, settings)).unwrap();
            return (source, dlq);
        }
        world.run(broker.queues().delete(&dlq)).unwrap();
    }
    unreachable!("one of many names falls into each shard")
}

#[test]
fn a_message_delivered_too_often_goes_to_the_dead_letter_queue_in_whatever_shard() {
    for same_shard in [true, false] {
        let mut world = World::new();
        let (source, dlq) = pair(&mut world, same_shard, 2);
        let new = NewMessage { group: Some("g".into()), headers: vec![("h".into(), "v".into())], ..message("bad") };
        let sent = world.send_all(&source, vec![new.clone(), message("good")]);
        let mut first = None;
        for count in 1..=2 {
            let got = world.receive(&source, 10);
            let bad = got.iter().find(|delivery| delivery.message.number == sent[0].number).expect("delivered again");
            assert_eq!(bad.receive_count, count);
            first.get_or_insert_with(|| bad.clone());
            world.ack(&source, &got.iter().filter(|one| one.message.body != "bad").cloned().collect::<Vec<_>>());
            world.wait(Duration::from_secs(2));
        }
        let first = first.unwrap();
        // Whoever waits there gets it at once.
        let mut wait = world.start(&dlq, waiting(1, 20));
        assert_eq!(bodies(&world.receive(&source, 10)), [""; 0], "moved instead of returned");
        let dead = world.run(wait.as_mut()).unwrap().remove(0);
        assert_eq!((dead.message.message_id, &dead.message.body), (sent[0].message_id, &new.body));
        assert_eq!((&dead.message.headers, &dead.message.group), (&new.headers, &new.group));
        assert_eq!((dead.receive_count, dead.first_received_at), (3, first.first_received_at), "its count goes on");
        assert_eq!(dead.message.sent_at, first.message.sent_at);
        assert_eq!(dead.message.origin, Some(name("source")));
        assert_eq!(dead.message.death_reason.as_deref(), Some("max_receives"));
        world.wait(Duration::from_secs(1));
        assert_eq!(world.counts(&source), (0, 0, 0, 0));
        assert_eq!((world.queue_stats(&source).dead_lettered, world.broker.stats().messages_dead_lettered), (1, 1));
        let mut world = world.crash();
        let (source, dlq) = (world.find("source"), world.find(dlq.name().as_str()));
        assert_eq!((world.counts(&source), world.counts(&dlq)), ((0, 0, 0, 0), (0, 1, 0, 0)));
    }
}

#[test]
fn a_crash_at_any_moment_of_a_move_neither_loses_nor_doubles() {
    for same_shard in [true, false] {
        for rounds in 0..12 {
            let mut world = World::new();
            let (source, dlq) = pair(&mut world, same_shard, 1);
            let dlq_name = dlq.name();
            world.send(&source, &["a", "b", "c"]);
            world.receive(&source, 10);
            world.wait(Duration::from_secs(2));
            drop(world.start(&source, take(10)));
            for _ in 0..rounds {
                world.engine.commit();
                world.host.step();
            }
            let mut world = world.crash();
            let (source, dlq) = (world.find("source"), world.find(dlq_name.as_str()));
            world.wait(Duration::from_secs(2));
            // What was not on its way yet goes now.
            world.receive(&source, 10);
            world.wait(Duration::from_secs(2));
            assert_eq!(world.counts(&source), (0, 0, 0, 0), "same shard: {same_shard}, after {rounds} rounds");
            let mut dead = bodies(&world.receive(&dlq, 10));
            dead.sort();
            assert_eq!(dead, ["a", "b", "c"], "same shard: {same_shard}, after {rounds} rounds");
        }
    }
}

#[test]
fn without_a_queue_that_takes_them_dead_letters_stay_and_are_delivered() {
    let mut world = World::new();
    let settings = QueueSettings { visibility_ms: 1000, ..dead_letters_to("nowhere", 1) };
    let source = world.queue("source", settings.clone());
    world.send(&source, &["a"]);
    for count in 1..4 {
        assert_eq!(world.receive(&source, 1)[0].receive_count, count);
        world.wait(Duration::from_secs(2));
    }
    // One of another kind, or one that does not want them, is none.
    let dlq = world.queue("nowhere", fifo());
    assert_eq!(world.receive(&source, 1)[0].receive_count, 4);
    let broker = world.broker.clone();
    world.run(broker.queues().delete(&dlq)).unwrap();
    let picky = QueueSettings { redrive_allow: RedriveAllow::From(vec![name("other")]), ..QueueSettings::default() };
    let dlq = world.queue("nowhere", picky);
    world.wait(Duration::from_secs(2));
    assert_eq!(world.receive(&source, 1)[0].receive_count, 5);
    let open = QueueSettings { redrive_allow: RedriveAllow::From(vec![name("source")]), ..QueueSettings::default() };
    world.run(broker.queues().alter(&dlq, open)).unwrap();
    world.wait(Duration::from_secs(2));
    assert_eq!(bodies(&world.receive(&source, 1)), [""; 0]);
    world.wait(Duration::from_secs(1));
    assert_eq!(bodies(&world.receive(&dlq, 1)), ["a"]);
}

#[test]
fn a_full_dead_letter_queue_gives_back_what_it_does_not_take() {
    let mut world = World::new();
    let source = world.queue("source", QueueSettings { visibility_ms: 1000, ..dead_letters_to("dlq", 1) });
    let dlq = world.queue("dlq", QueueSettings { max_messages: Some(1), ..QueueSettings::default() });
    world.send(&source, &["a", "b"]);
    world.receive(&source, 10);
    world.wait(Duration::from_secs(2));
    assert_eq!(bodies(&world.receive(&source, 10)), [""; 0]);
    world.wait(Duration::from_secs(2));
    assert_eq!(world.counts(&dlq).0, 1);
    let (ready, in_flight, _, moving) = world.counts(&source);
    assert_eq!((ready + in_flight, moving), (1, 0), "the other one is back");
    let got = world.receive(&dlq, 1);
    world.ack(&dlq, &got);
    world.wait(Duration::from_secs(6));
    world.receive(&source, 10);
    world.wait(Duration::from_secs(2));
    assert_eq!(bodies(&world.receive(&dlq, 10)), ["b"]);
}

#[test]
fn a_fifo_queue_moves_group_by_group_and_frees_the_group() {
    let mut world = World::new();
    let dead_letter = dead_letters_to("dlq", 1).dead_letter;
    let source = world.queue("source", QueueSettings { visibility_ms: 1000, dead_letter, ..fifo() });
    let dlq = world.queue("dlq", fifo());
    let sent = world.send_all(&source, vec![grouped("a1", "a"), grouped("a2", "a")]);
    assert_eq!(bodies(&world.receive(&source, 1)), ["a1"]);
    world.wait(Duration::from_secs(2));
    let mut wait = world.start(&source, waiting(1, 20));
    assert_eq!(bodies(&world.run(wait.as_mut()).unwrap()), ["a2"], "moving frees the group");
    let dead = world.receive(&dlq, 10);
    assert_eq!((bodies(&dead), dead[0].message.group.as_deref()), (vec!["a1".to_owned()], Some("a")));
    let own_id = sent[0].message_id.hyphenated();
    assert_eq!(dead[0].message.dedup_id, Some(own_id), "the dead-letter queue's deduplication cannot swallow it");
}

#[test]
fn queues_in_memory_take_part() {
    let mut world = World::new();
    let memory = QueueSettings { durability: QueueDurability::Memory, ..QueueSettings::default() };
    let source =
        QueueSettings { visibility_ms: 1000, durability: QueueDurability::Memory, ..dead_letters_to("dlq", 1) };
    let source = world.queue("source", source);
    let dlq = world.queue("dlq", QueueSettings { visibility_ms: 1000, ..dead_letters_to("last", 2) });
    world.queue("last", memory);
    for round in 0..2 {
        let source = world.find("source");
        world.send(&source, &["a"]);
        world.receive(&source, 1);
        world.wait(Duration::from_secs(2));
        assert_eq!(bodies(&world.receive(&source, 1)), [""; 0]);
        world.wait(Duration::from_secs(1));
        let dlq = world.find("dlq");
        assert_eq!(world.receive(&dlq, 1)[0].receive_count, 2, "round {round}");
        world.wait(Duration::from_secs(2));
        assert_eq!(bodies(&world.receive(&dlq, 1)), [""; 0]);
        world.wait(Duration::from_secs(1));
        let last = world.find("last");
        assert_eq!(world.receive(&last, 1)[0].receive_count, 3, "round {round}");
        world = world.crash();
        let last = world.find("last");
        assert_eq!(world.counts(&last), (0, 0, 0, 0));
    }
    drop((source, dlq));
}

#[test]
fn an_acknowledgement_that_comes_late_is_done_wherever_the_message_is() {
    for same_shard in [true, false] {
        // After so many rounds of the move; in the end it has arrived.
        for rounds in 0..12 {
            let mut world = World::new();
            let (source, dlq) = pair(&mut world, same_shard, 1);
            world.send(&source, &["a", "b"]);
            let held = world.receive(&source, 10);
            world.wait(Duration::from_secs(2));
            let mover = world.start(&source, take(10));
            for _ in 0..rounds {
                world.engine.commit();
                world.host.step();
            }
            let about = format!("same shard: {same_shard}, after {rounds} rounds");
            assert_eq!(world.ack(&source, &held[..1]), [Ok(())], "{about}");
            assert_eq!(world.ack(&source, &held[..1]), [Ok(())], "{about}: again");
            drop(mover);
            world.wait(Duration::from_secs(1));
            assert_eq!((world.counts(&source), world.counts(&dlq)), ((0, 0, 0, 0), (1, 0, 0, 0)), "{about}");
            let mut world = world.crash();
            let dlq = world.find(dlq.name().as_str());
            let dead = world.receive(&dlq, 10);
            assert_eq!(bodies(&dead), ["b"], "{about}");
            // Also when a consumer of the dead-letter queue has it.
            let source = world.find("source");
            assert_eq!(world.ack(&source, &held), [Ok(()), Ok(())], "{about}");
            assert_eq!(world.counts(&dlq), (0, 0, 0, 0), "{about}");
            assert_eq!(world.ack(&dlq, &dead), [Ok(())]);
        }
    }
}

#[test]
fn a_late_acknowledgement_waits_for_what_is_refused_and_back() {
    let mut world = World::new();
    let source = world.queue("source", QueueSettings { visibility_ms: 1000, ..dead_letters_to("dlq", 1) });
    world.queue("dlq", QueueSettings { max_messages: Some(1), ..QueueSettings::default() });
    world.send(&source, &["a", "b"]);
    let held = world.receive(&source, 10);
    world.wait(Duration::from_secs(2));
    let mover = world.start(&source, take(10));
    assert_eq!(world.counts(&source).3, 2, "both are on their way");
    assert_eq!(world.ack(&source, &held[1..]), [Ok(())], "it was refused, and is done here");
    drop(mover);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.counts(&source), (0, 0, 0, 0));
    let dlq = world.find("dlq");
    assert_eq!(bodies(&world.receive(&dlq, 10)), ["a"]);
}

#[test]
fn an_expired_receipt_of_a_fifo_queue_does_not_reach_the_dead_letter_queue() {
    let mut world = World::new();
    let dead_letter = dead_letters_to("dlq", 1).dead_letter;
    let source = world.queue("source", QueueSettings { visibility_ms: 1000, dead_letter, ..fifo() });
    let dlq = world.queue("dlq", fifo());
    world.send_all(&source, vec![grouped("a", "g")]);
    let held = world.receive(&source, 1);
    world.wait(Duration::from_secs(2));
    let mover = world.start(&source, take(1));
    assert_eq!(world.ack(&source, &held), [Err(ReceiptError::Expired)]);
    drop(mover);
    world.wait(Duration::from_secs(1));
    assert_eq!(world.ack(&source, &held), [Err(ReceiptError::Expired)], "it is still there");
    let dead = world.receive(&dlq, 1);
    assert_eq!(bodies(&dead), ["a"]);
    world.ack(&dlq, &dead);
    assert_eq!(world.ack(&source, &held), [Ok(())], "deleted: once more is no error");
}
