use std::time::Duration;

use trine_broker::{DedupScope, NewMessage, QueueSettings, ReceiptError, Receive, SendRefusal};

use super::{super::support::World, *};

#[test]
fn a_group_keeps_its_order_and_waits_for_what_is_in_flight() {
    let mut world = World::new();
    let queue = world.queue("q", fifo());
    world.send_all(&queue, vec![grouped("a1", "a"), grouped("b1", "b"), grouped("a2", "a"), grouped("a3", "a")]);
    let got = world.receive(&queue, 2);
    assert_eq!(bodies(&got), ["a1", "a2"]);
    assert_eq!(bodies(&world.receive(&queue, 10)), ["b1"], "the rest of a waits");
    world.ack(&queue, &got[..1]);
    assert_eq!(bodies(&world.receive(&queue, 10)), [""; 0]);
    let mut wait = world.start(&queue, waiting(10, 20));
    world.ack(&queue, &got[1..]);
    assert_eq!(bodies(&world.run(wait.as_mut()).unwrap()), ["a3"], "whoever waits is served when the group is free");
    let mut world = world.crash();
    let queue = world.find("q");
    assert_eq!(bodies(&world.receive(&queue, 10)), [""; 0], "locks outlive a crash");
    world.wait(Duration::from_secs(31));
    assert_eq!(bodies(&world.receive(&queue, 10)).len(), 2);
}

#[test]
fn an_expired_receipt_settles_nothing() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { visibility_ms: 2000, ..fifo() });
    world.send_all(&queue, vec![grouped("a", "g")]);
    let got = world.receive(&queue, 1);
    world.wait(Duration::from_secs(3));
    assert_eq!(world.ack(&queue, &got), [Err(ReceiptError::Expired)]);
    assert_eq!(world.extend(&queue, &got[0], 1000), Err(ReceiptError::Expired));
    let again = world.receive(&queue, 1);
    assert_eq!(bodies(&again), ["a"]);
    assert_eq!(world.ack(&queue, &again), [Ok(())]);
    assert_eq!(world.ack(&queue, &again), [Ok(())], "deleted already: no error");
}

#[test]
fn a_repeated_send_is_the_same_message_for_five_minutes_and_across_a_crash() {
    let mut world = World::new();
    let queue = world.queue("q", fifo());
    let first = world.send_all(&queue, vec![grouped("x", "g")]).remove(0);
    let other = NewMessage { group: Some("h".into()), ..grouped("x", "g") };
    let again = world.send_all(&queue, vec![other, grouped("y", "g"), grouped("y", "g")]);
    let same = |sent: &Sent| (sent.message_id, sent.number, sent.duplicate);
    assert_eq!(same(&again[0]), (first.message_id, first.number, true), "the group does not matter");
    assert_eq!((again[1].duplicate, same(&again[2])), (false, (again[1].message_id, again[1].number, true)));
    let got = world.receive(&queue, 10);
    assert_eq!(bodies(&got), ["x", "y"]);
    world.ack(&queue, &got);
    let mut world = world.crash();
    let queue = world.find("q");
    let again = world.send_all(&queue, vec![grouped("x", "g"), grouped("z", "g")]);
    assert_eq!(same(&again[0]), (first.message_id, first.number, true), "deleted or not");
    assert!(!again[1].duplicate);
    assert_eq!(bodies(&world.receive(&queue, 10)), ["z"]);
    world.wait(Duration::from_secs(301));
    assert!(!world.send_all(&queue, vec![grouped("x", "g")])[0].duplicate);
}

#[test]
fn the_body_can_be_the_id_and_the_group_the_scope() {
    let mut world = World::new();
    let settings = QueueSettings { content_dedup: true, dedup_scope: DedupScope::Group, ..fifo() };
    let queue = world.queue("q", settings);
    let new = |body, group: &str| NewMessage { group: Some(group.into()), ..message(body) };
    let sent = world.send_all(&queue, vec![new("x", "a"), new("x", "b"), new("x", "a")]);
    assert_eq!(sent.iter().map(|sent| sent.duplicate).collect::<Vec<_>>(), [false, false, true]);
    let got = world.receive(&queue, 10);
    assert_eq!(got.len(), 2);
    let id = got[0].message.dedup_id.as_deref().unwrap();
    assert!(id.len() == 64 && id.starts_with("2d711642b726b044"), "the hash of the body: {id}");
}

#[test]
fn what_a_fifo_queue_cannot_take_is_refused_by_itself() {
    let mut world = World::new();
    let queue = world.queue("q", fifo());
    let broker = world.broker.clone();
    let late = NewMessage { delay_ms: Some(5000), ..grouped("late", "g") };
    let sent = world.run(broker.queues().send(&queue, vec![message("no group"), grouped("a", "g"), late])).unwrap();
    assert_eq!((&sent[0], &sent[2]), (&Err(SendRefusal::NoGroup), &Err(SendRefusal::OwnDelay)));
    assert!(sent[1].is_ok());
    assert_eq!(bodies(&world.receive(&queue, 10)), ["a"]);
}

#[test]
fn a_repeated_receive_gets_the_same_messages_again() {
    let mut world = World::new();
    let queue = world.queue("q", QueueSettings { visibility_ms: 10_000, ..fifo() });
    world.send_all(&queue, vec![grouped("a", "g"), grouped("b", "g"), grouped("c", "h")]);
    let attempt = |id: &str| Receive { attempt_id: Some(id.to_owned()), ..take(2) };
    let first = world.try_receive(&queue, attempt("one")).unwrap();
    assert_eq!(bodies(&first), ["a", "b"]);
    world.wait(Duration::from_secs(5));
    let again = world.try_receive(&queue, attempt("one")).unwrap();
    assert_eq!((bodies(&again), receipts(&again)), (bodies(&first), receipts(&first)), "with the same receipts");
    assert!(again[0].visible_at.ms_since(first[0].visible_at) >= 5000, "their visibility begins anew");
    assert_eq!(again[0].receive_count, 1);
    assert_eq!(bodies(&world.try_receive(&queue, attempt("two")).unwrap()), ["c"]);
    // Something happened to one of them: it is a receive like any other.
    world.ack(&queue, &again[..1]);
    assert_eq!(bodies(&world.try_receive(&queue, attempt("one")).unwrap()), [""; 0]);
}
