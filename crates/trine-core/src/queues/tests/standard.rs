//! Standard queues: a message's life, visibility, handles, delays, what ends a message.

use trine_types::Timestamp;

use super::world::{World, n};
use crate::queues::*;

#[test]
fn a_message_is_received_and_acknowledged() {
    let mut world = World::new(QueueSettings::default());
    assert_eq!(world.put_plain(3), [n(0), n(1), n(2)]);
    let handles = world.take(2);
    assert_eq!(handles, [Handle { number: n(0), receive_count: 1 }, Handle { number: n(1), receive_count: 1 }]);
    assert_eq!(world.counts(), (1, 2, 0, 0));
    assert_eq!(world.ack(&handles[..1]), [Ok(())]);
    assert_eq!(world.ack(&handles[..1]), [Err(HandleError::Gone)]);
    world.restart();
    assert_eq!(world.counts(), (1, 1, 0, 0));
    assert_eq!(world.queue.trim_point(0), 1);
    assert_eq!(world.queue.live(0, 0..3), std::iter::once(1..3).collect::<Vec<_>>());
    assert_eq!(world.numbers(10), [n(2)]);
}

#[test]
fn what_is_not_acknowledged_comes_back_at_its_own_place_exactly_when_its_time_is_over() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(4);
    assert_eq!(world.numbers(2), [n(0), n(1)]);
    assert_eq!(world.next_due(), Some(30_000));
    world.pass(29_999);
    assert_eq!(world.numbers(1), [n(2)]);
    world.pass(1);
    world.restart();
    assert_eq!(world.counts(), (3, 1, 0, 0));
    let again = world.receive_with(10, Hold::Default).taken;
    let seen: Vec<_> = again.iter().map(|taken| (taken.number, taken.receive_count, taken.first_received_at)).collect();
    let (first, now) = (Timestamp(1_000_000), world.at());
    assert_eq!(seen, [(n(0), 2, first), (n(1), 2, first), (n(3), 1, now)]);
}

#[test]
fn a_receive_can_have_its_own_visibility_once() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(1);
    // 0: visible at once, and it counts.
    let first = world.receive_with(1, Hold::For(0)).taken[0];
    assert_eq!((first.receive_count, first.visible_at), (1, Some(world.at())));
    let second = world.receive_with(1, Hold::For(5)).taken[0];
    assert_eq!(second.receive_count, 2);
    world.pass(5);
    let third = world.receive_with(1, Hold::Default).taken[0];
    assert_eq!((third.receive_count, third.visible_at), (3, Some(world.at().plus_ms(30_000))));
}

#[test]
fn changing_visibility_counts_from_now() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(2);
    let handles = world.take(2);
    world.pass(20_000);
    assert_eq!(world.extend(handles[0], 60_000), Ok(()));
    world.restart();
    world.pass(10_000);
    assert_eq!(world.numbers(9), [n(1)]);
    world.pass(50_000);
    assert_eq!(world.numbers(1), [n(0)]);
    // 0 gives it back.
    let held = Handle { number: n(0), receive_count: 2 };
    assert_eq!(world.extend(held, 0), Ok(()));
    assert_eq!(world.numbers(1), [n(0)]);
}

#[test]
fn a_delivery_is_held_for_at_most_12_hours() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(1);
    let handle = world.take(1)[0];
    assert_eq!(world.extend(handle, 43_200_000), Ok(()));
    world.pass(1);
    assert_eq!(world.extend(handle, 43_200_000), Err(HandleError::LimitReached { max_ms: 43_200_000 }));
    assert_eq!(world.extend(handle, 43_199_999), Ok(()));
    // A new receive has 12 hours of its own.
    world.pass(43_199_999);
    let again = world.take(1)[0];
    assert_eq!(world.extend(again, 43_200_000), Ok(()));
}

#[test]
fn any_handle_ever_given_out_will_do() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(3);
    let old = world.take(3);
    world.pass(30_000);
    // After its time, and with nobody holding the message, visibility stays as it is.
    assert_eq!(world.extend(old[2], 10_000), Ok(()));
    assert_eq!(world.log.len(), 3);
    // While somebody else holds the message an old handle changes visibility and deletes.
    assert_eq!(world.numbers(2), [n(0), n(1)]);
    assert_eq!(world.extend(old[1], 40_000), Ok(()));
    assert_eq!(world.ack(&[old[0], old[0]]), [Ok(()), Ok(())]);
    world.pass(30_000);
    assert_eq!(world.numbers(9), [n(2)]);
    // Expired, not redelivered.
    assert_eq!(world.ack(&[old[1]]), [Ok(())]);
    assert_eq!(world.extend(old[1], 5), Err(HandleError::Gone));
    let unknown = |number, receive_count| Handle { number, receive_count };
    assert_eq!(
        world.ack(&[unknown(n(2), 0), unknown(n(2), 3), unknown(n(9), 1)]),
        [Err(HandleError::Unknown), Err(HandleError::Unknown), Err(HandleError::Gone)]
    );
    world.put_plain(1);
    assert_eq!(world.ack(&[unknown(n(3), 1)]), [Err(HandleError::Unknown)]);
}

#[test]
fn giving_back_keeps_the_count_and_touches_nobody_else() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(2);
    let first = world.take(2);
    assert_eq!(world.release(&first[..1], 0), [Ok(())]);
    let second = world.take(1);
    assert_eq!(second, [Handle { number: n(0), receive_count: 2 }]);
    assert_eq!(world.release(&first[..1], 0), [Err(HandleError::Expired)]);
    assert_eq!(world.release(&second, 5_000), [Ok(())]);
    assert_eq!(world.counts(), (0, 1, 1, 0));
    world.restart();
    assert_eq!(world.next_due(), Some(5_000));
    world.pass(4_999);
    assert!(world.numbers(1).is_empty());
    world.pass(1);
    assert_eq!(world.take(1), [Handle { number: n(0), receive_count: 3 }]);
}

#[test]
fn delays_are_exact_and_never_early() {
    let mut world = World::new(QueueSettings { delay_ms: 7, ..QueueSettings::default() });
    let sent = [
        SendMessage { delay_ms: Some(900_000), ..SendMessage::default() },
        SendMessage::default(),
        SendMessage { delay_ms: Some(0), ..SendMessage::default() },
    ];
    world.send(&sent);
    assert_eq!(world.counts(), (1, 0, 2, 0));
    assert_eq!(world.state(n(1)), Some(MessageState::Delayed { until: world.at().plus_ms(7) }));
    assert_eq!((world.numbers(9), world.next_due()), (vec![n(2)], Some(7)));
    world.restart();
    world.pass(6);
    assert!(world.numbers(9).is_empty());
    // A later change of the queue's delay concerns later messages only.
    world.change(|settings| settings.delay_ms = 0);
    assert!(world.numbers(9).is_empty());
    world.pass(1);
    assert_eq!(world.numbers(9), [n(1)]);
    world.pass(899_993 - 1);
    assert!(world.numbers(9).iter().all(|number| *number != n(0)));
    world.pass(1);
    assert_eq!(
        world
            .queue
            .decide_receive(world.at(), &Receive { max: 1, hold: Hold::Default, holder: "".into(), dead_letter: true })
            .taken[0]
            .number,
        n(0)
    );
}

#[test]
fn retention_drops_messages_in_any_state_and_a_change_applies_to_stored_ones() {
    let mut world = World::new(QueueSettings { retention_ms: 60_000, ..QueueSettings::default() });
    world.put_plain(2);
    world.put(SendMessage { delay_ms: Some(90_000), ..SendMessage::default() });
    let held = world.take(1)[0];
    world.extend(held, 100_000).unwrap();
    world.pass(10_000);
    world.put_plain(1);
    assert_eq!(world.next_due(), Some(50_000));
    world.pass(49_999);
    assert_eq!(world.expire(), []);
    world.pass(1);
    assert_eq!(world.expire(), [n(0), n(1), n(2)]);
    assert_eq!(world.stats().totals.expired, 3);
    // A handle of a message that is gone deletes all the same.
    assert_eq!(world.ack(&[held]), [Err(HandleError::Gone)]);
    world.restart();
    world.change(|settings| settings.retention_ms = 50_000);
    assert_eq!(world.next_due(), Some(0));
    assert_eq!((world.expire(), world.counts()), (vec![n(3)], (0, 0, 0, 0)));
    assert_eq!((world.stats().bytes, world.stats().oldest_sent_at, world.next_due()), (0, None, None));
}

#[test]
fn a_receive_never_returns_what_is_over_even_if_nothing_dropped_it_yet() {
    let mut world = World::new(QueueSettings { retention_ms: 1000, ..QueueSettings::default() });
    world.put_plain(3);
    world.pass(1000);
    world.put_plain(1);
    let received = world.receive_with(10, Hold::Default);
    assert_eq!(received.taken.len(), 1);
    assert_eq!(received.records.len(), 2);
    assert_eq!((world.counts(), world.stats().totals.expired), ((0, 1, 0, 0), 3));
}

#[test]
fn time_to_live_is_per_message_and_needs_no_order() {
    let mut world = World::new(QueueSettings { ttl_ms: Some(500), ..QueueSettings::default() });
    let ttl = |ttl_ms| SendMessage { ttl_ms, size: 1, ..SendMessage::default() };
    world.send(&[ttl(None), ttl(Some(100)), ttl(Some(u64::MAX)), ttl(Some(300))]);
    world.restart();
    assert_eq!(world.next_due(), Some(100));
    world.pass(300);
    assert_eq!(world.expire(), [n(1), n(3)]);
    assert_eq!(world.next_due(), Some(200));
    world.pass(200);
    assert_eq!(world.expire(), [n(0)]);
    assert_eq!(world.numbers(9), [n(2)]);
}

#[test]
fn expiry_goes_in_slices() {
    let mut world = World::new(QueueSettings { retention_ms: 1000, ..QueueSettings::default() });
    for _ in 0..5 {
        world.put_plain(1000);
        world.pass(1);
    }
    world.pass(1000);
    assert_eq!(world.expire().len(), 5000);
}

#[test]
fn the_in_flight_limit_ends_with_deliveries() {
    let mut world = World::new(QueueSettings { in_flight_max: 3, ..QueueSettings::default() });
    world.put_plain(5);
    assert_eq!(world.numbers(10).len(), 3);
    assert!(!world.queue.has_work(world.at()));
    let refused = world.receive_with(1, Hold::Default);
    assert_eq!(refused.stopped, Some(ReceiveStop::OverLimit { limit: 3 }));
    world.pass(30_000);
    assert_eq!(world.numbers(1), [n(0)]);
}

#[test]
fn a_paused_queue_delivers_nothing_and_takes_messages() {
    let mut world = World::new(QueueSettings { paused: true, ..QueueSettings::default() });
    world.put_plain(1);
    assert_eq!(world.receive_with(1, Hold::Default).stopped, Some(ReceiveStop::Paused));
    assert!(!world.queue.has_work(world.at()));
    world.change(|settings| settings.paused = false);
    assert!(world.queue.has_work(world.at()));
    assert_eq!(world.numbers(1), [n(0)]);
}

#[test]
fn purge_takes_everything_or_only_what_is_ready() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(5000);
    world.put(SendMessage { size: 7, delay_ms: Some(10), ..SendMessage::default() });
    let held = world.take(3);
    world.release(&held[..1], 0);
    assert_eq!(world.purge(PurgeScope::Ready), 4998);
    world.restart();
    assert_eq!((world.counts(), world.stats().bytes), ((0, 2, 1, 0), 27));
    assert!(world.numbers(9).is_empty());
    assert_eq!(world.ack(&held[1..2]), [Ok(())]);
    assert_eq!(world.purge(PurgeScope::All), 2);
    assert_eq!((world.counts(), world.stats().bytes), ((0, 0, 0, 0), 0));
    assert_eq!(world.purge(PurgeScope::All), 0);
    assert_eq!(world.put_plain(1), [n(5001)]);
    world.restart();
    assert_eq!(world.numbers(1), [n(5001)]);
}

#[test]
fn what_a_push_consumer_holds_comes_back_when_it_goes() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(4);
    assert_eq!(world.receive_with(2, Hold::Consumer(7)).taken[0].visible_at, None);
    assert_eq!(world.receive_with(1, Hold::Consumer(8)).taken.len(), 1);
    assert_eq!(world.next_due().map(|ms| ms > 1_000_000), Some(true), "only retention is due");
    world.restart();
    assert_eq!(world.queue.consumers(), [7, 8]);
    let state = world.state(n(2)).unwrap();
    assert_eq!(state, MessageState::InFlight { until: None, holder: "ann@host".into(), consumer: 8 });
    // Its visibility is nobody's business.
    assert_eq!(world.extend(Handle { number: n(0), receive_count: 1 }, 0), Ok(()));
    let release = world.queue.decide_release_consumer(7);
    assert!(release.is_some());
    world.append(release);
    assert_eq!(world.queue.decide_release_consumer(7), None);
    assert_eq!(
        world.take(9),
        [(n(0), 2), (n(1), 2), (n(3), 1)].map(|(number, receive_count)| Handle { number, receive_count })
    );
    world.ack(&[Handle { number: n(2), receive_count: 1 }]);
    assert_eq!(world.queue.consumers(), []);
}

#[test]
fn higher_lanes_come_first_and_a_returned_message_before_what_is_newer_in_its_lane() {
    let mut world = World::new(QueueSettings { priorities: 3, ..QueueSettings::default() });
    let of = |priority| SendMessage { priority, size: 1, ..SendMessage::default() };
    world.send(&[of(0), of(2), of(1), of(9), of(0)]);
    let lanes = |numbers: Vec<MessageNumber>| -> Vec<_> { numbers.iter().map(|n| (n.lane(), n.offset())).collect() };
    let all = world.numbers(9);
    assert_eq!(lanes(all), [(2, 0), (2, 1), (1, 0), (0, 0), (0, 1)]);
    world.put(of(1));
    world.put(of(2));
    world.pass(30_000);
    world.restart();
    assert_eq!(lanes(world.numbers(4)), [(2, 0), (2, 1), (2, 2), (1, 0)]);
    assert_eq!(world.stats().lanes, [2, 2, 3]);
    let page = world.queue.peek(world.at(), &Peek { limit: 4, ..Peek::default() });
    assert_eq!(lanes(page.messages.iter().map(|peeked| peeked.number).collect()), [(2, 0), (2, 1), (2, 2), (1, 0)]);
    let rest = world.queue.peek(world.at(), &Peek { limit: 9, from: page.next, ..Peek::default() });
    assert_eq!((rest.messages.len(), rest.next), (3, None));
    world.purge(PurgeScope::All);
    assert_eq!(world.stats().lanes, [0, 0, 0]);
}

#[test]
fn peek_shows_states_and_changes_nothing() {
    let mut world = World::new(QueueSettings::default());
    world.put_plain(3);
    world.put(SendMessage { delay_ms: Some(500), size: 3, ..SendMessage::default() });
    world.take(1);
    let before = world.queue.encode_section();
    let page = world.queue.peek(world.at(), &Peek { limit: 10, ..Peek::default() });
    let states: Vec<_> = page.messages.iter().map(|peeked| StateKind::of(&peeked.state)).collect();
    assert_eq!(states, [StateKind::InFlight, StateKind::Ready, StateKind::Ready, StateKind::Delayed]);
    assert_eq!((page.messages[0].receive_count, page.messages[3].facts.size), (1, 3));
    let ready = Peek { state: Some(StateKind::Ready), from: Some(n(2)), limit: 10 };
    let page = world.queue.peek(world.at(), &ready);
    assert_eq!((page.messages.len(), page.messages[0].number), (1, n(2)));
    assert_eq!(world.queue.encode_section(), before);
}

#[test]
fn deciding_changes_nothing_that_is_logged() {
    let mut world = World::new(QueueSettings { retention_ms: 40_000, ..QueueSettings::default() });
    world.put_plain(10);
    world.take(3);
    let before = world.queue.encode_section();
    let later = world.at().plus_ms(50_000);
    let receive = Receive { max: 5, hold: Hold::Default, holder: "x".into(), dead_letter: true };
    let first = world.queue.decide_receive(later, &receive);
    assert_eq!(world.queue.decide_receive(later, &receive), first, "the same command at the same time");
    world.queue.decide_expire(later);
    world.queue.stats(later);
    world.queue.next_due(later);
    assert_eq!(world.queue.encode_section(), before);
}

#[test]
fn many_deliveries_that_end_together_come_back_in_slices() {
    let mut world = World::new(QueueSettings { visibility_ms: 10_000, ..QueueSettings::default() });
    let count = 2 * REFRESH_SLICE + 100;
    world.put_plain(count);
    let mut handles = Vec::new();
    for _ in 0..count {
        handles.extend(world.take(1));
        // Five of a millisecond.
        world.pass(i64::from(handles.len() % 5 == 0));
    }
    world.pass(100_000);
    assert_eq!(world.numbers(1), [n(0)], "what has waited longest comes first");
    assert!(world.queue.is_behind(world.at()));
    // Also a message that the indexes do not know of yet is nobody's any more.
    let last = *handles.last().unwrap();
    assert_eq!(world.queue.state(world.at(), last.number), Some(MessageState::Ready));
    assert_eq!(world.extend(last, 50_000), Ok(()));
    assert_eq!(world.queue.state(world.at(), last.number), Some(MessageState::Ready), "too late to extend");
    let mut slices = 0;
    while world.queue.is_behind(world.at()) {
        world.queue.next_due(world.at());
        slices += 1;
    }
    assert!(slices <= 3, "{slices}");
    let stats = world.queue.stats(world.at());
    assert_eq!((stats.ready, stats.in_flight), (count as u64 - 1, 1));
}
