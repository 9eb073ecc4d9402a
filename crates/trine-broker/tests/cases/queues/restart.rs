use std::time::Duration;

use trine_broker::{NewMessage, QueueDurability, QueueSettings, ReceiptError};

use super::{super::support::World, *};

/// The state of a queue as its users see it.
fn look(world: &mut World) -> Vec<(String, String, u32)> {
    let (broker, queue) = (world.broker.clone(), world.find("q"));
    let peek = trine_broker::Peek { limit: 100, ..trine_broker::Peek::default() };
    let seen = world.run(broker.queues().peek(&queue, peek)).unwrap().messages;
    let body = |one: &trine_broker::Peeked| String::from_utf8_lossy(&one.message.body).into_owned();
    seen.iter().map(|one| (body(one), format!("{:?}", one.state), one.receive_count)).collect()
}

#[test]
fn everything_about_messages_outlives_restarts_and_crashes() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { visibility_ms: 60_000, ..QueueSettings::default() });
    let later = NewMessage { delay_ms: Some(100_000), ..message("later") };
    world.send_all(&queue, vec![message("held"), message("back"), message("done"), message("ready"), later]);
    let held = world.receive(&queue, 3);
    world.ack(&queue, &held[2..]);
    world.extend(&queue, &held[1], 0).unwrap();
    world.extend(&queue, &held[0], 90_000).unwrap();
    let before = look(&mut world);
    assert_eq!(before.iter().map(|(_, _, count)| *count).collect::<Vec<_>>(), [1, 1, 0, 0]);
    let mut world = world.crash();
    assert_eq!(look(&mut world), before);
    let mut world = world.restart();
    assert_eq!(look(&mut world), before);
    let mut world = world.crash();
    assert_eq!(look(&mut world), before);
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (2, 1, 1, 0));
    // Receipts still fit.
    assert_eq!(world.ack(&queue, &held[..1]), [Ok(())]);
    assert_eq!(world.extend(&queue, &held[2], 1000), Err(ReceiptError::Gone));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["back", "ready"]);
    world.wait(Duration::from_secs(101));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["back", "ready", "later"]);
}

#[test]
fn nothing_is_answered_before_it_is_durable() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    world.send(&queue, &["a"]);
    let broker = world.broker.clone();
    let mut send = Box::pin(broker.queues().send(&queue, vec![message("b")]));
    let mut receive = Box::pin(broker.queues().receive(&queue, take(1)));
    let mut stats = Box::pin(broker.queues().stats(&queue));
    assert!(poll(&mut send).is_none() && poll(&mut receive).is_none() && poll(&mut stats).is_none());
    world.step();
    assert!(poll(&mut send).is_none(), "a send waits for its disk write");
    assert!(poll(&mut receive).is_none(), "a receive waits as well");
    assert!(poll(&mut stats).is_none(), "and what reads what they changed");
    drop((send, receive, stats));
    drop(broker);
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (1, 0, 0, 0));
    assert_eq!(world.receive(&queue, 10)[0].receive_count, 1);
}

#[test]
fn a_long_life_keeps_its_log_and_its_state_small() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let body = "x".repeat(1000);
    for _ in 0..300 {
        world.send(&queue, &[body.as_str(); 10]);
        let got = world.receive(&queue, 10);
        assert_eq!(got.len(), 10);
        world.ack(&queue, &got);
    }
    world.wait(Duration::from_secs(30));
    let stats = world.broker.stats().store;
    let held = stats.segment_bytes + stats.cache_bytes;
    assert!(held < 300_000, "{held} bytes of settled messages are kept");
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
    let number = world.send(&queue, &["next"])[0].number;
    assert_eq!(number.offset(), 3000, "numbers are never used again");
}

#[test]
fn one_message_that_stays_does_not_keep_all_those_behind_it() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let body = "x".repeat(1000);
    world.send(&queue, &["stays"]);
    let mut stays = world.receive(&queue, 1).remove(0);
    for n in 0..1500 {
        world.send(&queue, &[body.as_str()]);
        let got = world.receive(&queue, 1);
        world.ack(&queue, &got);
        if n % 100 == 0 {
            world.extend(&queue, &stays, 30_000).unwrap();
        }
    }
    world.wait(Duration::from_secs(10));
    let stats = world.broker.stats().store;
    let held = stats.segment_bytes + stats.cache_bytes;
    assert!(held < 400_000, "{held} bytes of settled messages are kept");
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (0, 1, 0, 0));
    world.wait(Duration::from_secs(31));
    stays = world.receive(&queue, 1).remove(0);
    assert_eq!((stays.message.body.as_ref(), stays.receive_count), (&b"stays"[..], 2));
}

#[test]
fn receipts_of_what_a_crash_undid_do_nothing_to_what_comes_after() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { durability: QueueDurability::Memory, ..QueueSettings::default() });
    world.send(&queue, &["lost"]);
    let old = world.receive(&queue, 1);
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
    world.wait(Duration::from_millis(10));
    world.send(&queue, &["new"]);
    let new = world.receive(&queue, 1);
    assert_eq!((bodies(&new), new[0].message.number), (vec!["new".to_owned()], old[0].message.number));
    assert_eq!(world.ack(&queue, &old), [Ok(())], "as of any message that is gone");
    assert_eq!(world.extend(&queue, &old[0], 0), Err(ReceiptError::Gone));
    assert_eq!(world.counts(&queue), (0, 1, 0, 0), "the new message is as it was");
    assert_eq!(world.ack(&queue, &new), [Ok(())]);
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
}
