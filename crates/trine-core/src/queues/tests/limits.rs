//! Sizes, lengths, deduplication.

use super::world::{World, n};
use crate::queues::*;

fn sized(size: u32) -> SendMessage {
    SendMessage { size, ..SendMessage::default() }
}

fn ided(dedup: u128) -> SendMessage {
    SendMessage { size: 1, group: 5, dedup, ..SendMessage::default() }
}

#[test]
fn what_is_too_large_is_refused_by_itself() {
    let mut world = World::new(QueueSettings { max_message_bytes: 100, ..QueueSettings::default() });
    let refused = SendRefusal::TooLarge { size: 101, max: 100 };
    assert_eq!(
        world.send(&[sized(100), sized(101), sized(1)]),
        [
            Ok(Accepted { number: n(0), duplicate: false }),
            Err(refused),
            Ok(Accepted { number: n(1), duplicate: false })
        ]
    );
    assert_eq!(refused.to_string(), "the message has 101 bytes; max_message_bytes is 100");
    assert_eq!(world.stats().bytes, 101);
}

#[test]
fn a_full_queue_refuses_until_messages_are_taken() {
    let settings = QueueSettings { max_messages: Some(2), max_bytes: Some(100), ..QueueSettings::default() };
    let mut world = World::new(settings);
    let full = |name, max| Err(SendRefusal::Full { name, max });
    assert_eq!(world.send(&[sized(60), sized(60)])[1], full("max_bytes", 100));
    assert_eq!(world.send(&[sized(40), sized(0)])[1], full("max_messages", 2));
    // What consumers have does not wait.
    world.take(1);
    assert_eq!(world.send(&[sized(60)])[0], Ok(Accepted { number: n(2), duplicate: false }));
    world.pass(30_000);
    assert_eq!(world.send(&[sized(0)])[0], full("max_messages", 2));
}

#[test]
fn or_drops_the_oldest_of_the_least_important() {
    let settings = QueueSettings {
        max_messages: Some(3),
        max_bytes: Some(100),
        overflow: Overflow::DropHead,
        priorities: 2,
        ..QueueSettings::default()
    };
    let mut world = World::new(settings);
    let important = SendMessage { priority: 1, ..sized(10) };
    world.send(&[important, sized(10), sized(10)]);
    world.take(1);
    world.send(&[sized(10), sized(10)]);
    let left = world.queue.peek(world.at(), &Peek { limit: 9, ..Peek::default() });
    let left: Vec<_> = left.messages.iter().map(|peeked| (peeked.number.lane(), peeked.number.offset())).collect();
    assert_eq!(left, [(1, 0), (0, 1), (0, 2), (0, 3)]);
    world.restart();
    // By bytes, also from among what comes in.
    world.send(&[sized(90), sized(20)]);
    let left = world.queue.peek(world.at(), &Peek { limit: 9, ..Peek::default() });
    assert_eq!(left.messages.iter().map(|peeked| peeked.number).collect::<Vec<_>>(), [MessageNumber::new(1, 0), n(5)]);
    assert_eq!(world.send(&[sized(101)])[0], Err(SendRefusal::Full { name: "max_bytes", max: 100 }));
    assert_eq!(world.stats().bytes, 30);
}

#[test]
fn a_duplicate_is_the_first_message_also_when_that_is_gone() {
    let mut world = World::new(QueueSettings { fifo: true, ..QueueSettings::default() });
    let twice = world.send(&[ided(1), ided(2), ided(1)]);
    let accepted = |offset, duplicate| Ok(Accepted { number: n(offset), duplicate });
    assert_eq!(twice, [accepted(0, false), accepted(1, false), accepted(0, true)]);
    let held = world.take(2);
    world.ack(&held);
    world.restart();
    world.pass(299_999);
    assert_eq!(world.send(&[ided(1), ided(3)]), [accepted(0, true), accepted(2, false)]);
    // The window is from the first accepted send on; a duplicate does not prolong it.
    world.pass(1);
    assert_eq!(world.send(&[ided(1), ided(3)]), [accepted(3, false), accepted(2, true)]);
    assert_eq!(world.send(&[ided(1)]), [accepted(3, true)]);
    world.purge(PurgeScope::All);
    world.restart();
    assert_eq!(world.send(&[ided(1)]), [accepted(4, false)]);
}

#[test]
fn no_window_no_memory() {
    let mut world = World::new(QueueSettings { dedup_window_ms: 0, ..QueueSettings::default() });
    assert!(world.send(&[ided(1), ided(1)]).into_iter().all(|sent| !sent.unwrap().duplicate));
    assert_eq!(world.queue.dedup.len(), 0);
}

#[test]
fn ids_are_bounded_and_none_is_forgotten_early() {
    let mut world = World::new(QueueSettings::default());
    world.queue.set_dedup_entries_max(3);
    assert!(world.send(&[ided(1), ided(2), ided(3)]).iter().all(Result::is_ok));
    let refused = SendRefusal::DedupFull { max: 3 };
    assert_eq!(
        world.send(&[ided(4), ided(3), ided(0)]),
        [Err(refused), Ok(Accepted { number: n(2), duplicate: true }), Ok(Accepted { number: n(3), duplicate: false })]
    );
    world.pass(300_000);
    assert!(world.send(&[ided(4)])[0].is_ok());
}

#[test]
fn a_batch_has_as_many_messages_as_fit_a_record() {
    let mut world = World::new(QueueSettings::default());
    let sent = world.send(&vec![sized(1); 1025]);
    assert_eq!(sent[1024], Err(SendRefusal::TooMany { max: 1024 }));
    assert!(sent[1023].is_ok());
}

#[test]
fn one_receive_takes_so_many_bytes() {
    let mut world = World::new(QueueSettings { max_message_bytes: u64::MAX, ..QueueSettings::default() });
    world.send(&[sized(20 << 20), sized(10 << 20), sized(6 << 20), sized(1)]);
    assert_eq!(world.numbers(9), [n(0)], "one message whatever its size");
    assert_eq!(world.numbers(9), [n(1), n(2)]);
    assert_eq!(world.numbers(9), [n(3)]);
}

#[test]
fn receive_counts_stay_at_their_largest_value() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(1);
    for _ in 0..65_536 {
        let received = world
            .queue
            .decide_receive(world.at(), &Receive { max: 1, hold: Hold::For(0), holder: "".into(), dead_letter: true });
        received.records.iter().for_each(|record| world.queue.apply(record, trine_types::Timestamp(world.now)));
    }
    assert_eq!(world.take(1), [Handle { number: n(0), receive_count: u16::MAX }]);
    let handle = Handle { number: n(0), receive_count: u16::MAX };
    assert_eq!(world.queue.decide_ack(world.at(), &[handle]).outcomes, [Ok(())]);
}

#[test]
fn one_send_that_is_larger_than_the_limit_leaves_its_newest() {
    let settings = QueueSettings {
        max_messages: Some(5),
        overflow: Overflow::DropHead,
        priorities: 2,
        ..QueueSettings::default()
    };
    let mut world = World::new(settings);
    world.put_plain(3);
    world.send(&vec![sized(10); 1024]);
    let stats = world.stats();
    assert_eq!((stats.ready, stats.bytes, stats.totals.overflowed), (5, 50, 3 + 1024 - 5));
    world.restart();
    assert_eq!(world.numbers(9), (1022..1027).map(n).collect::<Vec<_>>());
    // By bytes as well.
    world.change(|settings| (settings.max_messages, settings.max_bytes) = (None, Some(25)));
    world.send(&[sized(10), sized(10), sized(10)]);
    assert_eq!((world.stats().ready, world.numbers(9)), (2, vec![n(1028), n(1029)]));
}
