use std::time::Duration;

use bytes::Bytes;
use trine_broker::{
    MessageState, NewMessage, Overflow, Peek, PeekedState, QueueDurability, QueueSettings, Receipt, ReceiptError,
    Receive, ReceiveError, SendRefusal,
};
use trine_types::Timestamp;

use super::{super::support::World, *};

#[test]
fn a_message_comes_back_as_it_was_sent() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let new = NewMessage {
        headers: vec![
            ("trine.proto".into(), Bytes::from_static(b"sqs")),
            ("sqs.a.Ä".into(), Bytes::from_static(b"Binary\0\x00\xff")),
        ],
        group: Some("tenant".into()),
        dedup_id: Some("once".into()),
        ..message("body ä")
    };
    let plain = message("");
    let sent = world.send_all(&queue, vec![new.clone(), plain]);
    assert!(sent[0].number < sent[1].number && sent[0].message_id != sent[1].message_id);
    let got = world.receive(&queue, 10);
    assert_eq!(got.len(), 2);
    let first = got.iter().find(|delivery| delivery.message.number == sent[0].number).unwrap();
    let message = &first.message;
    assert_eq!((message.message_id, &message.body, &message.headers), (sent[0].message_id, &new.body, &new.headers));
    assert_eq!((message.group.as_deref(), message.dedup_id.as_deref()), (Some("tenant"), Some("once")));
    assert_eq!((&message.origin, &message.death_reason, first.receive_count), (&None, &None, 1));
    assert!(message.sent_at <= first.first_received_at);
    assert_eq!(first.visible_at.ms_since(first.first_received_at), 30_000);
    assert_eq!(Receipt::parse(&first.receipt.to_text()), Some(first.receipt));
    assert_eq!(world.ack(&queue, &got), [Ok(()), Ok(())]);
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
    let stats = world.queue_stats(&queue);
    assert_eq!((stats.sent, stats.received, stats.acked, stats.bytes), (2, 2, 2, 0));
}

#[test]
fn what_is_not_finished_in_time_comes_back_at_the_head() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { visibility_ms: 5000, ..QueueSettings::default() });
    world.send(&queue, &["a", "b", "c", "d"]);
    let first = world.receive(&queue, 2);
    assert_eq!(bodies(&first), ["a", "b"]);
    assert_eq!(world.counts(&queue), (2, 2, 0, 0));
    world.ack(&queue, &first[1..]);
    world.wait(Duration::from_secs(6));
    let again = world.receive(&queue, 10);
    assert_eq!(bodies(&again), ["a", "c", "d"]);
    assert_eq!((again[0].receive_count, again[1].receive_count), (2, 1));
    assert_eq!(again[0].first_received_at, first[0].first_received_at);
    assert_ne!(again[0].receipt, first[0].receipt, "each delivery has a receipt of its own");
    // On a standard queue any receipt ever issued settles the message.
    assert_eq!(world.ack(&queue, &first[..1]), [Ok(())]);
    assert_eq!(world.ack(&queue, &again[..1]), [Ok(())], "gone already: no error");
    assert_eq!(world.counts(&queue), (0, 2, 0, 0));
}

#[test]
fn a_message_can_be_kept_given_back_and_is_refused_when_forged() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { visibility_ms: 5000, ..QueueSettings::default() });
    let other = world.queue("other", QueueSettings::default());
    world.send(&queue, &["a", "b", "c"]);
    let got = world.receive(&queue, 3);
    assert_eq!(world.extend(&queue, &got[0], 20_000), Ok(()));
    assert_eq!(world.extend(&queue, &got[1], 0), Ok(()), "0 gives back");
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.queues().release(&queue, vec![got[2].receipt], 10_000)).unwrap(), [Ok(())]);
    assert_eq!(bodies(&world.receive(&queue, 3)), ["b"]);
    world.wait(Duration::from_secs(6));
    assert_eq!(bodies(&world.receive(&queue, 3)), ["b"], "a is kept, c comes later");
    world.wait(Duration::from_secs(6));
    assert_eq!(bodies(&world.receive(&queue, 3)), ["b", "c"]);
    let too_long = world.extend(&queue, &got[0], 12 * 3_600_000);
    assert_eq!(too_long, Err(ReceiptError::LimitReached { max_ms: 43_200_000 }));
    let mut text = got[0].receipt.to_text().into_bytes();
    text[20] = if text[20] == b'A' { b'B' } else { b'A' };
    let forged = Receipt::parse(std::str::from_utf8(&text).unwrap()).unwrap();
    let mixed = world.run(broker.queues().ack(&queue, vec![forged, got[0].receipt])).unwrap();
    assert_eq!(mixed, [Err(ReceiptError::Forged), Ok(())]);
    let wrong = world.run(broker.queues().ack(&other, vec![got[1].receipt])).unwrap();
    assert_eq!(wrong, [Err(ReceiptError::WrongQueue)]);
    assert_eq!(world.extend(&queue, &got[0], 1000), Err(ReceiptError::Gone));
}

#[test]
fn delays_and_times_to_live_are_exact() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { delay_ms: 3000, ..QueueSettings::default() });
    let now = NewMessage { delay_ms: Some(0), ..message("now") };
    let later = NewMessage { delay_ms: Some(8000), ..message("later") };
    let short = NewMessage { delay_ms: Some(0), ttl_ms: Some(1000), ..message("short") };
    world.send_all(&queue, vec![message("soon"), now, later, short]);
    assert_eq!(world.counts(&queue), (2, 0, 2, 0));
    assert_eq!(bodies(&world.receive(&queue, 1)), ["now"]);
    world.wait(Duration::from_secs(2));
    assert_eq!(bodies(&world.receive(&queue, 10)), [""; 0], "its time was over");
    assert_eq!(world.queue_stats(&queue).expired, 1);
    world.wait(Duration::from_secs(2));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["soon"]);
    world.wait(Duration::from_secs(5));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["later"]);
}

#[test]
fn messages_go_when_their_retention_is_over_even_if_nobody_asks() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { retention_ms: 60_000, ..QueueSettings::default() });
    world.send(&queue, &["a", "b", "c"]);
    world.receive(&queue, 1);
    world.wait(Duration::from_secs(30));
    world.send(&queue, &["d"]);
    world.wait(Duration::from_secs(35));
    let stats = world.queue_stats(&queue);
    assert_eq!((stats.ready, stats.in_flight, stats.expired), (1, 0, 3), "in flight or not");
    assert_eq!(bodies(&world.receive(&queue, 10)), ["d"]);
}

#[test]
fn limits_refuse_one_message_or_drop_the_oldest() {
    let mut world = World::new();
    let queue =
        world.queue("q", QueueSettings { max_message_bytes: 10, max_messages: Some(2), ..QueueSettings::default() });
    let broker = world.broker.clone();
    let large = message("12345678901");
    let sent = world.run(broker.queues().send(&queue, vec![message("a"), large, message("b"), message("c")])).unwrap();
    assert!(sent[0].is_ok() && sent[2].is_ok());
    assert_eq!(sent[1], Err(SendRefusal::TooLarge { size: 11, max: 10 }));
    assert_eq!(sent[3], Err(SendRefusal::QueueFull { limit: "max_messages", value: 2 }));
    assert_eq!(bodies(&world.receive(&queue, 10)), ["a", "b"]);
    let settings = QueueSettings { max_messages: Some(2), overflow: Overflow::DropHead, ..QueueSettings::default() };
    let queue = world.queue("newest", settings);
    world.send(&queue, &["a", "b"]);
    world.send(&queue, &["c", "d"]);
    assert_eq!(bodies(&world.receive(&queue, 10)), ["c", "d"]);
}

#[test]
fn in_flight_messages_are_bounded() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { in_flight_max: 2, ..QueueSettings::default() });
    world.send(&queue, &["a", "b", "c"]);
    let got = world.receive(&queue, 10);
    assert_eq!(bodies(&got), ["a", "b"]);
    assert_eq!(world.try_receive(&queue, take(1)), Err(ReceiveError::OverLimit { limit: 2 }));
    // Who waits is served as soon as there is room, or gets an empty answer.
    let mut first = world.start(&queue, waiting(1, 20));
    world.ack(&queue, &got[..1]);
    assert_eq!(bodies(&world.run(first.as_mut()).unwrap()), ["c"]);
    assert_eq!(world.try_receive(&queue, waiting(1, 1)), Ok(Vec::new()));
}

#[test]
fn priorities_go_first() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { priorities: 5, ..QueueSettings::default() });
    let with = |body, priority| NewMessage { priority, ..message(body) };
    world.send_all(&queue, vec![with("low", 0), with("high", 4), with("mid", 2), with("over", 9)]);
    let mut world = world.crash();
    let queue = world.find("q");
    let got = world.receive(&queue, 10);
    assert_eq!(bodies(&got), ["high", "over", "mid", "low"]);
    assert!(world.ack(&queue, &got).into_iter().all(|acked| acked.is_ok()));
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
}

#[test]
fn a_paused_queue_takes_messages_and_gives_none() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let broker = world.broker.clone();
    world.run(broker.queues().set_paused(&queue, true)).unwrap();
    world.send(&queue, &["a"]);
    assert_eq!(bodies(&world.receive(&queue, 1)), [""; 0]);
    let mut wait = world.start(&queue, waiting(1, 20));
    let mut world = {
        world.run(broker.queues().set_paused(&queue, false)).unwrap();
        assert_eq!(bodies(&world.run(wait.as_mut()).unwrap()), ["a"]);
        world.run(broker.queues().set_paused(&queue, true)).unwrap();
        drop(broker);
        world.crash()
    };
    let queue = world.find("q");
    assert!(queue.settings().paused, "a pause outlives a crash");
    world.send(&queue, &["b"]);
    assert_eq!(bodies(&world.receive(&queue, 1)), [""; 0]);
}

#[test]
fn a_purge_takes_everything_and_old_receipts_still_acknowledge() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let later = NewMessage { delay_ms: Some(60_000), ..message("later") };
    world.send_all(&queue, vec![message("a"), message("b"), later]);
    let held = world.receive(&queue, 1);
    let broker = world.broker.clone();
    assert_eq!(world.run(broker.queues().purge(&queue)).unwrap(), 3);
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
    assert_eq!(world.ack(&queue, &held), [Ok(())]);
    world.send(&queue, &["new"]);
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(bodies(&world.receive(&queue, 10)), ["new"]);
}

#[test]
fn a_look_changes_nothing() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    let later = NewMessage { delay_ms: Some(60_000), ..message("later") };
    let sent = world.send_all(&queue, vec![message("held"), message("ready"), later]);
    let held = world.try_receive(&queue, Receive { consumer: "ann@10.0.0.1".into(), ..take(1) }).unwrap();
    let broker = world.broker.clone();
    let peek = |state, from, limit| Peek { state, from, limit };
    let all = world.run(broker.queues().peek(&queue, peek(None, None, 10))).unwrap().messages;
    let seen: Vec<_> = all.iter().map(|one| (one.number, one.message.body.clone(), one.receive_count)).collect();
    let body = |text: &'static str| Bytes::from_static(text.as_bytes());
    assert_eq!(
        seen,
        [(sent[0].number, body("held"), 1), (sent[1].number, body("ready"), 0), (sent[2].number, body("later"), 0)]
    );
    let holder = PeekedState::InFlight { until: Some(held[0].visible_at), holder: "ann@10.0.0.1".into() };
    assert_eq!((&all[0].state, &all[1].state), (&holder, &PeekedState::Ready));
    assert!(
        matches!(all[2].state, PeekedState::Delayed { until } if until > Timestamp(all[2].message.sent_at.0 + 59_000))
    );
    for (state, at) in [(MessageState::InFlight, 0), (MessageState::Ready, 1), (MessageState::Delayed, 2)] {
        let some = world.run(broker.queues().peek(&queue, peek(Some(state), None, 10))).unwrap().messages;
        assert_eq!(some, all[at..=at]);
    }
    let page = world.run(broker.queues().peek(&queue, peek(None, Some(sent[1].number), 1))).unwrap();
    assert_eq!((page.messages.as_slice(), page.next), (&all[1..2], Some(sent[2].number)));
    assert_eq!(world.counts(&queue), (1, 1, 1, 0));
    assert_eq!(world.receive(&queue, 10)[0].receive_count, 1);
}

#[test]
fn a_look_finds_what_stands_far_behind() {
    // More than the shard looks at in one go stand before the one that is wanted.
    const BEFORE: usize = 25_000;
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings::default());
    for _ in 0..BEFORE / 1000 {
        let _ = world.send_all(&queue, vec![message("x"); 1000]);
    }
    let sent = world.send_all(&queue, vec![NewMessage { delay_ms: Some(60_000), ..message("later") }]);
    let broker = world.broker.clone();
    let peek = Peek { state: Some(MessageState::Delayed), from: None, limit: 10 };
    let page = world.run(broker.queues().peek(&queue, peek)).unwrap();
    assert_eq!(page.messages.iter().map(|one| one.number).collect::<Vec<_>>(), [sent[0].number]);
    assert_eq!(page.next, None);
}

#[test]
fn a_queue_in_memory_is_empty_after_a_restart_and_not_in_the_log() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { durability: QueueDurability::Memory, ..QueueSettings::default() });
    let broker = world.broker.clone();
    let before = world.broker.stats().store.batches;
    let sent = world.run_without_commit(broker.queues().send(&queue, vec![message("a"), message("b"), message("c")]));
    assert_eq!(sent.unwrap().len(), 3);
    let got = world.run_without_commit(broker.queues().receive(&queue, take(2))).unwrap();
    assert_eq!(bodies(&got), ["a", "b"]);
    let acked = world.run_without_commit(broker.queues().ack(&queue, receipts(&got[..1]))).unwrap();
    assert_eq!(acked, [Ok(())]);
    world.wait(Duration::from_secs(31));
    let again = world.run_without_commit(broker.queues().receive(&queue, take(10))).unwrap();
    assert_eq!(bodies(&again), ["b", "c"]);
    assert_eq!(world.broker.stats().store.batches, before);
    drop(broker);
    let mut world = world.restart();
    let queue = world.find("q");
    assert_eq!(world.counts(&queue), (0, 0, 0, 0));
    assert_eq!(world.send(&queue, &["d"]).len(), 1);
}

#[test]
fn a_queue_with_an_interval_answers_what_is_written() {
    let mut world = World::new();
    let queue =
        world.queue("q", QueueSettings { durability: QueueDurability::Interval(50), ..QueueSettings::default() });
    world.send(&queue, &["a"]);
    let got = world.receive(&queue, 1);
    assert_eq!(bodies(&got), ["a"]);
    assert_eq!(world.ack(&queue, &got), [Ok(())]);
    world.send(&queue, &["b"]);
    world.wait(Duration::from_millis(200));
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(bodies(&world.receive(&queue, 10)), ["b"]);
}

#[test]
fn a_queue_with_an_interval_has_it_after_a_restart() {
    let mut world = World::new();
    world.queue("q", QueueSettings { durability: QueueDurability::Interval(600_000), ..QueueSettings::default() });
    let mut world = world.restart();
    let queue = world.find("q");
    world.send(&queue, &["first"]);
    let before = world.broker.stats().store.syncs;
    for _ in 0..10 {
        world.send(&queue, &["more"]);
    }
    assert_eq!(world.broker.stats().store.syncs, before, "none of these answers waits for a sync");
}

#[test]
fn one_send_that_is_larger_than_the_limit_leaves_its_newest() {
    let mut world = World::new();
    let settings = QueueSettings { max_messages: Some(2), overflow: Overflow::DropHead, ..QueueSettings::default() };
    let queue = world.queue("q", settings);
    world.send(&queue, &["old"]);
    world.send(&queue, &["a", "b", "c", "d"]);
    assert_eq!((world.counts(&queue).0, world.queue_stats(&queue).bytes), (2, 2));
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(bodies(&world.receive(&queue, 10)), ["c", "d"]);
}
