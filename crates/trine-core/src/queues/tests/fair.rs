//! Standard queues with groups: nobody's backlog stands before another's (decision Q5c).

use super::world::{World, n};
use crate::queues::*;

const A: u64 = 11;
const B: u64 = 22;

#[test]
fn a_quiet_group_does_not_wait_behind_a_noisy_one() {
    let mut world = World::new(QueueSettings::default());
    for _ in 0..100 {
        world.send(&[SendMessage { size: 1, group: A, ..SendMessage::default() }; 1000]).into_iter().for_each(|sent| {
            sent.unwrap();
        });
    }
    // Ten busy consumers.
    let mut held: Vec<_> = (0..10).flat_map(|_| world.take(1)).collect();
    let quiet = world.put_in(B);
    let mut seen = Vec::new();
    for _ in 0..20 {
        world.ack(&held[..1]);
        held.remove(0);
        held.extend(world.take(1));
        seen.push(held.last().unwrap().number);
    }
    assert!(seen.contains(&quiet));
}

#[test]
fn the_group_with_fewest_in_flight_comes_next_also_within_one_receive() {
    let mut world = World::new(QueueSettings::default());
    for group in [A, A, A, A, B, B, 0, 0, A] {
        world.put_in(group);
    }
    // One each, then the second of each, ties by number.
    assert_eq!(world.numbers(5), [0, 4, 6, 1, 5].map(n));
    world.restart();
    assert_eq!(world.numbers(9), [7, 2, 3, 8].map(n));
}

#[test]
fn returned_messages_count_for_their_group_no_more() {
    let mut world = World::new(QueueSettings::default());
    for group in [A, A, A, B, B] {
        world.put_in(group);
    }
    assert_eq!(world.numbers(2), [n(0), n(3)]);
    let a = world.take(1);
    assert_eq!(a[0].number, n(1));
    world.release(&a, 0);
    // One each in flight: the lowest number.
    assert_eq!(world.numbers(1), [n(1)]);
    world.pass(30_000);
    assert_eq!(world.counts(), (5, 0, 0, 0));
    world.restart();
    assert_eq!(world.numbers(5), [0, 3, 1, 4, 2].map(n));
}

#[test]
fn delayed_messages_of_groups_come_in_time() {
    let mut world = World::new(QueueSettings::default());
    world.put(SendMessage { group: A, delay_ms: Some(50), ..SendMessage::default() });
    world.put_in(A);
    assert_eq!(world.next_due(), Some(50));
    assert_eq!(world.numbers(9), [n(1)]);
    world.restart();
    world.pass(50);
    assert!(world.queue.has_work(world.at()));
    assert_eq!(world.numbers(9), [n(0)]);
}

#[test]
fn groups_go_by_lanes_first() {
    let mut world = World::new(QueueSettings { priorities: 2, ..QueueSettings::default() });
    let of = |priority, group| SendMessage { priority, group, ..SendMessage::default() };
    world.send(&[of(0, B), of(1, A), of(1, A), of(1, B), of(0, A)]);
    let seen = world.numbers(9);
    let lane = MessageNumber::new;
    assert_eq!(seen, [lane(1, 0), lane(1, 2), lane(1, 1), lane(0, 0), lane(0, 1)]);
    // B (lane 0) has one in flight in lane 1 as A has two: counts are a group's, whatever the lane.
}

#[test]
fn any_handle_will_do_with_groups_too() {
    let mut world = World::new(QueueSettings::default());
    world.put_in(A);
    world.put_in(A);
    let old = world.take(2);
    world.pass(30_000);
    assert_eq!(world.ack(&old[1..]), [Ok(())], "available again, and gone");
    assert_eq!(world.numbers(9), [n(0)]);
    assert_eq!(world.purge(PurgeScope::Ready), 0);
    assert_eq!(world.purge(PurgeScope::All), 1);
    assert!(!world.queue.has_work(world.at()));
}
