//! FIFO queues: order and exclusivity in a group, rotation of groups.

use super::world::{World, n};
use crate::queues::*;

const A: u64 = 11;
const B: u64 = 22;
const C: u64 = 33;

fn fifo() -> World {
    World::new(QueueSettings { fifo: true, ..QueueSettings::default() })
}

#[test]
fn one_receive_fills_up_from_the_group_that_has_waited_longest_and_goes_on_with_the_next() {
    let mut world = fifo();
    for group in [A, B, A, C, A, B] {
        world.put_in(group);
    }
    assert_eq!(world.numbers(4), [0, 2, 4, 1].map(n));
    // B has one left behind its head in flight; C is free.
    assert_eq!(world.numbers(10), [n(3)]);
    assert!(world.numbers(10).is_empty());
    assert_eq!(world.counts(), (1, 5, 0, 0), "what waits behind others counts as available");
}

#[test]
fn while_the_head_is_in_flight_nothing_of_its_group_goes_to_anyone() {
    let mut world = fifo();
    for _ in 0..5 {
        world.put_in(A);
    }
    let held = world.take(2);
    world.put_in(A);
    assert!(world.take(1).is_empty());
    // Partial deletes do not unlock.
    assert_eq!(world.ack(&held[1..]), [Ok(())]);
    world.restart();
    assert!(world.take(1).is_empty());
    assert_eq!(world.ack(&held[..1]), [Ok(())]);
    assert_eq!(world.numbers(1), [n(2)]);
}

#[test]
fn of_three_received_with_the_second_extended_only_the_first_returns() {
    let mut world = fifo();
    (0..3).for_each(|_| {
        world.put_in(A);
    });
    let held = world.take(3);
    world.extend(held[1], 60_000).unwrap();
    world.pass(30_000);
    assert_eq!(world.numbers(9), [n(0)]);
}

#[test]
fn of_three_received_the_first_comes_back_though_the_others_are_in_flight() {
    let mut world = fifo();
    (0..3).for_each(|_| {
        world.put_in(A);
    });
    let held = world.take(3);
    assert_eq!(world.extend(held[0], 0), Ok(()));
    world.restart();
    assert_eq!(world.take(9), [Handle { number: n(0), receive_count: 2 }]);
}

#[test]
fn of_three_received_and_two_deleted_the_fourth_stays_behind_the_third() {
    let mut world = fifo();
    (0..4).for_each(|_| {
        world.put_in(A);
    });
    let held = world.take(3);
    assert_eq!(world.ack(&held[..2]), [Ok(()), Ok(())]);
    assert!(world.take(9).is_empty());
    assert_eq!(world.ack(&held[2..]), [Ok(())]);
    assert_eq!(world.numbers(9), [n(3)]);
}

#[test]
fn a_group_given_back_goes_to_the_tail_of_the_rotation() {
    let mut world = fifo();
    for group in [A, B, C, A, B, C] {
        world.put_in(group);
    }
    // At the same millisecond, too.
    let a = world.take(1);
    assert_eq!(a[0].number, n(0));
    world.extend(a[0], 0).unwrap();
    assert_eq!(world.numbers(1), [n(1)]);
    assert_eq!(world.numbers(1), [n(2)]);
    world.pass(1);
    assert_eq!(world.numbers(1), [n(0)]);
    // Expiry is a way of giving back: B and C came due before A, and none of them before D, which never was delivered.
    world.pass(1);
    world.put_in(44);
    world.pass(30_000);
    assert_eq!(world.numbers(1), [n(6)]);
    assert_eq!(world.numbers(9), [1, 4, 2, 5, 0, 3].map(n));
}

#[test]
fn an_emptied_group_enters_again_at_the_tail() {
    let mut world = fifo();
    world.put_in(A);
    world.pass(1);
    world.put_in(B);
    world.put_in(B);
    let a = world.take(1);
    world.ack(&a);
    world.pass(1);
    world.put_in(A);
    assert_eq!(world.numbers(1), [n(1)]);
    assert_eq!(world.numbers(1), [n(3)]);
}

#[test]
fn a_delivery_that_is_over_can_neither_be_deleted_nor_changed() {
    let mut world = fifo();
    world.put_in(A);
    let first = world.take(1)[0];
    world.extend(first, 40_000).unwrap();
    world.pass(39_999);
    assert_eq!(world.extend(first, 10), Ok(()), "within the extension");
    world.pass(10);
    assert_eq!(world.ack(&[first]), [Err(HandleError::Expired)]);
    assert_eq!(world.extend(first, 10), Err(HandleError::Expired));
    let second = world.take(1)[0];
    assert_eq!(world.ack(&[first]), [Err(HandleError::Expired)]);
    assert_eq!(world.ack(&[second]), [Ok(())]);
    assert_eq!(world.ack(&[second]), [Err(HandleError::Gone)]);
}

#[test]
fn a_change_of_the_delay_applies_to_what_is_queued() {
    let mut world = World::new(QueueSettings { fifo: true, delay_ms: 1000, ..QueueSettings::default() });
    world.put_in(A);
    world.pass(400);
    world.put_in(A);
    assert_eq!((world.counts(), world.next_due()), ((0, 0, 2, 0), Some(600)));
    world.pass(600);
    assert_eq!((world.counts(), world.numbers(9)), ((1, 0, 1, 0), vec![n(0)]));
    world.change(|settings| settings.delay_ms = 5000);
    world.restart();
    world.put_in(B);
    assert_eq!(world.counts(), (0, 1, 2, 0));
    assert_eq!(world.state(n(1)), Some(MessageState::Delayed { until: world.at().plus_ms(4400) }));
    world.change(|settings| settings.delay_ms = 0);
    assert_eq!(world.numbers(9), [n(2)]);
    world.ack(&[Handle { number: n(0), receive_count: 1 }]);
    assert_eq!(world.numbers(9), [n(1)]);
}

#[test]
fn a_message_needs_a_group_and_has_no_delay_of_its_own() {
    let mut world = fifo();
    let with = |group, delay_ms| SendMessage { group, delay_ms, ..SendMessage::default() };
    assert_eq!(
        world.send(&[with(0, None), with(A, Some(5)), with(A, Some(0))]),
        [Err(SendRefusal::NoGroup), Err(SendRefusal::OwnDelay), Ok(Accepted { number: n(0), duplicate: false })]
    );
}

#[test]
fn expiry_frees_a_group() {
    let mut world = World::new(QueueSettings { fifo: true, retention_ms: 1000, ..QueueSettings::default() });
    world.put_in(A);
    world.take(1);
    world.pass(500);
    world.put_in(A);
    world.pass(500);
    assert_eq!(world.expire(), [n(0)]);
    assert_eq!(world.numbers(1), [n(1)]);
}

#[test]
fn at_the_limit_nothing_more_is_taken() {
    let mut world = World::new(QueueSettings { fifo: true, in_flight_max: 1, ..QueueSettings::default() });
    world.put_in(A);
    world.put_in(B);
    world.take(5);
    assert_eq!(world.receive_with(1, Hold::Default).stopped, Some(ReceiveStop::OverLimit { limit: 1 }));
}

#[test]
fn purge_frees_all_groups() {
    let mut world = fifo();
    for group in [A, A, B] {
        world.put_in(group);
    }
    world.take(1);
    assert_eq!(world.purge(PurgeScope::Ready), 2);
    world.put_in(A);
    assert!(world.take(1).is_empty(), "its head is still in flight");
    assert_eq!(world.purge(PurgeScope::All), 2);
    world.put_in(A);
    world.restart();
    assert_eq!(world.numbers(1), [n(4)]);
}
