//! Acknowledgements of what has left for a dead-letter queue.

use super::forwards::{carry, forward, settle, source};
use super::world::{World, entity, n};
use crate::forwards::{Receipt, Verdict};
use crate::queues::*;

fn origin(offset: u64) -> Origin {
    Origin { entity: entity(1), seq: offset }
}

/// Acknowledges what was `offset` in the other queue.
fn ack_arrived(world: &mut World, offset: u64) -> Arrived {
    let late = world.queue.decide_ack_arrived(world.at(), &[origin(offset), origin(offset)]);
    world.append(late.record);
    assert_eq!(late.outcomes[0], late.outcomes[1]);
    late.outcomes[0]
}

/// Two queues; both messages of the first were delivered once and move to the second.
fn moving(fifo: bool) -> (World, World, Vec<Handle>) {
    let mut a = source(1, fifo);
    let b = World::new(QueueSettings { fifo, ..QueueSettings::default() });
    a.put_in(5);
    a.put_in(6);
    let held = a.take(2);
    a.pass(30_000);
    forward(&mut a, &[n(0), n(1)], MoveCause::DeadLetter);
    (a, b, held)
}

#[test]
fn what_moved_is_found_by_what_it_was_and_is_done_whoever_has_it() {
    let (mut a, mut b, held) = moving(false);
    assert_eq!(a.ack(&held), [Err(HandleError::Moving); 2], "nobody knows yet where it will be");
    assert_eq!(b.queue.arrived(origin(0)), Arrived::No);
    let receipts = carry(&mut a, &mut b);
    settle(&mut a, &receipts);
    assert_eq!(a.ack(&held), [Err(HandleError::Gone); 2]);
    assert_eq!(a.queue.move_targets().collect::<Vec<_>>(), [entity(2)]);
    b.take(1);
    b.restart();
    for offset in 0..2 {
        assert_eq!(ack_arrived(&mut b, offset), Arrived::Here(n(offset)), "in flight or not");
        b.restart();
        assert_eq!(ack_arrived(&mut b, offset), Arrived::No, "once");
    }
    assert_eq!((b.counts(), b.stats().bytes), ((0, 0, 0, 0), 0));
    let elsewhere = Origin { entity: entity(3), seq: 0 };
    assert_eq!(b.queue.arrived(elsewhere), Arrived::No);
}

#[test]
fn what_goes_on_is_named_and_can_be_back() {
    let (mut a, mut b, _) = moving(false);
    let receipts = carry(&mut a, &mut b);
    settle(&mut a, &receipts);
    forward(&mut b, &[n(0)], MoveCause::DeadLetter);
    forward(&mut b, &[n(1)], MoveCause::Task);
    b.restart();
    assert_eq!((ack_arrived(&mut b, 0), ack_arrived(&mut b, 1)), (Arrived::Onward(n(0)), Arrived::Onward(n(1))));
    assert_eq!(b.counts(), (0, 0, 0, 2));
    let handle = |offset| Handle { number: n(offset), receive_count: 1 };
    assert_eq!(b.ack(&[handle(0), handle(1)]), [Err(HandleError::Moving); 2], "nobody knows yet where it will be");
    // The task's target refuses: the message is here again, and would be delivered again.
    let id = b.queue.unsent(entity(2)).map(|departing| departing.id).last().unwrap();
    settle(&mut b, &[Receipt { id, verdict: Verdict::Refused { from: id.no } }]);
    assert_eq!(b.ack(&[handle(1)]), [Ok(())]);
    assert_eq!(ack_arrived(&mut b, 1), Arrived::No, "once");
}

#[test]
fn a_fifo_receipt_has_expired_when_its_message_moves() {
    let (mut a, _, held) = moving(true);
    assert_eq!(a.ack(&held), [Err(HandleError::Expired); 2]);
}

#[test]
fn a_purge_forgets_origins() {
    for scope in [PurgeScope::All, PurgeScope::Ready] {
        let (mut a, mut b, _) = moving(false);
        carry(&mut a, &mut b);
        b.purge(scope);
        b.restart();
        assert_eq!((b.queue.arrived(origin(0)), b.queue.arrived(origin(1))), (Arrived::No, Arrived::No));
    }
}
