//! Dead letters and other moves between queues, in one shard group and across.

use trine_types::{QueueName, Timestamp, Uuid};

use super::world::{World, entity, n};
use crate::forwards::{Receipt, TransferId, Verdict};
use crate::queues::*;

pub(super) fn source(max_receives: u32, fifo: bool) -> World {
    let target = QueueName::parse("dead").unwrap();
    let dead_letter = Some(DeadLetter { target, max_receives });
    World::new(QueueSettings { fifo, dead_letter, ..QueueSettings::default() })
}

/// The message as its target gets it.
pub(super) fn arriving(world: &mut World, number: MessageNumber, cause: MoveCause) -> Arriving {
    let facts = world.queue.facts(number).unwrap();
    let (receive_count, first_received_at) = world.queue.deliveries(number);
    let message_id = world.queue.message_id(number);
    let origin = Some(Origin { entity: entity(1), seq: number.0 });
    Arriving {
        cause,
        size: facts.size,
        group: facts.group,
        priority: 0,
        sent_at: facts.sent_at,
        from: MovedFrom { message_id, receive_count, first_received_at, origin },
    }
}

/// Sends what is unsent; returns the receipts.
pub(super) fn carry(from: &mut World, to: &mut World) -> Vec<Receipt> {
    to.now = to.now.max(from.now);
    let departing: Vec<_> = from.queue.unsent(entity(1)).collect();
    let messages: Vec<_> =
        departing.iter().map(|moving| (moving.id, arriving(from, moving.number, moving.cause))).collect();
    departing.iter().for_each(|moving| from.queue.mark_sent(&moving.id));
    let arrivals = to.queue.decide_arrivals(to.at(), &messages);
    let enqueues = arrivals.enqueues.into_iter().map(|(record, _)| record);
    to.append(enqueues.chain(arrivals.refusals).chain(arrivals.drops));
    arrivals.receipts
}

pub(super) fn settle(world: &mut World, receipts: &[Receipt]) {
    for receipt in receipts {
        let record = world.queue.decide_receipt(receipt);
        world.append(record);
    }
}

pub(super) fn forward(world: &mut World, numbers: &[MessageNumber], cause: MoveCause) {
    let record = world.queue.decide_forward(world.at(), entity(2), numbers, cause).unwrap();
    world.append([record]);
}

#[test]
fn a_message_delivered_too_often_moves_instead_of_being_delivered() {
    let (mut a, mut b) = (source(2, false), World::new(QueueSettings::default()));
    a.put_plain(2);
    let id = a.queue.message_id(n(0));
    let first = a.at();
    for _ in 0..2 {
        assert_eq!(a.numbers(1), [n(0)]);
        a.pass(30_000);
    }
    let received = a.receive_with(1, Hold::Default);
    assert_eq!((received.dead.as_slice(), received.taken[0].number), (&[n(0)][..], n(1)));
    forward(&mut a, &received.dead, MoveCause::DeadLetter);
    assert_eq!(a.counts(), (0, 1, 0, 1));
    assert_eq!(a.state(n(0)), Some(MessageState::Moving));
    a.restart();
    // It moves: nobody can touch it, and it is not moved twice.
    assert_eq!(a.ack(&[Handle { number: n(0), receive_count: 2 }]), [Err(HandleError::Moving)]);
    assert_eq!(a.queue.decide_forward(a.at(), entity(2), &[n(0), n(0)], MoveCause::DeadLetter), None);
    a.pass(7);
    let receipts = carry(&mut a, &mut b);
    assert_eq!(a.queue.unsent(entity(1)).count(), 0);
    settle(&mut a, &receipts);
    assert_eq!((a.counts(), a.stats().bytes), ((0, 1, 0, 0), 10));
    settle(&mut a, &receipts);
    b.restart();
    // Same id, time of sending and first receive; the count goes on.
    let taken = b.receive_with(1, Hold::Default).taken[0];
    assert_eq!((taken.message_id, taken.receive_count, taken.sent_at), (Some(id), 3, first));
    assert_eq!((taken.first_received_at, taken.origin), (first, Some(Origin { entity: entity(1), seq: 0 })));
    assert_eq!(b.queue.message_id(n(0)), id);
    // After its delivery it counts from what it brought along.
    assert_eq!(b.queue.decide_ack(b.at(), &[Handle { number: n(0), receive_count: 3 }]).outcomes, [Ok(())]);
    assert_eq!((a.stats().totals.dead_lettered, b.stats().totals.sent), (1, 0));
}

#[test]
fn while_there_is_no_dead_letter_queue_messages_are_delivered_as_ever() {
    let mut world = source(1, false);
    world.put_plain(1);
    world.take(1);
    world.pass(30_000);
    world.dead_letter = false;
    assert_eq!(world.take(1), [Handle { number: n(0), receive_count: 2 }]);
    world.pass(30_000);
    world.dead_letter = true;
    assert_eq!(world.receive_with(1, Hold::Default).dead, [n(0)]);
}

#[test]
fn a_move_frees_the_group_when_it_is_over() {
    let (mut a, mut b) = (source(1, true), World::new(QueueSettings { fifo: true, ..QueueSettings::default() }));
    a.put_in(5);
    a.put_in(5);
    a.take(1);
    a.pass(30_000);
    let received = a.receive_with(9, Hold::Default);
    assert_eq!((received.dead.as_slice(), received.taken.len()), (&[n(0)][..], 0));
    forward(&mut a, &received.dead, MoveCause::DeadLetter);
    assert!(a.take(1).is_empty(), "what moves is still before it");
    b.pass(5);
    let receipts = carry(&mut a, &mut b);
    settle(&mut a, &receipts);
    assert_eq!(a.numbers(9), [n(1)]);
    // On a FIFO queue time starts again.
    let taken = b.receive_with(1, Hold::Default).taken[0];
    assert_eq!((taken.sent_at, b.queue.facts(n(0)).unwrap().group), (b.at(), 5));
}

#[test]
fn in_one_shard_group_source_and_target_change_in_one_batch() {
    let (mut a, mut b) =
        (source(1, false), World::new(QueueSettings { max_messages: Some(1), ..QueueSettings::default() }));
    a.put_plain(2);
    a.take(2);
    a.pass(30_000);
    b.now = a.now;
    let dead = a.receive_with(9, Hold::Default).dead;
    let messages: Vec<_> = dead.iter().map(|number| arriving(&mut a, *number, MoveCause::DeadLetter)).collect();
    let arrivals = b.queue.decide_local_arrivals(b.at(), &messages);
    assert_eq!(arrivals.numbers, [Some(n(0)), None], "the target is full");
    assert_eq!(arrivals.enqueues[0].1, [0]);
    let (numbers, record) = a.queue.decide_moved(a.at(), &dead[..1], MoveCause::DeadLetter);
    assert_eq!(numbers, dead[..1]);
    a.append(record);
    b.append(arrivals.enqueues.into_iter().map(|(record, _)| record));
    a.restart();
    assert_eq!((a.counts(), b.counts()), ((1, 0, 0, 0), (1, 0, 0, 0)));
}

#[test]
fn a_refusal_takes_back_what_was_not_taken_and_the_next_epoch_begins() {
    let (mut a, mut b) =
        (source(1, false), World::new(QueueSettings { max_messages: Some(2), ..QueueSettings::default() }));
    a.put_plain(4);
    forward(&mut a, &[n(0), n(1), n(2), n(3)], MoveCause::DeadLetter);
    let receipts = carry(&mut a, &mut b);
    let verdicts: Vec<_> = receipts.iter().map(|receipt| receipt.verdict).collect();
    let refused = Verdict::Refused { from: 3 };
    assert_eq!(verdicts, [Verdict::Taken, Verdict::Taken, refused, refused]);
    b.restart();
    // The receipts of the first two were lost.
    settle(&mut a, &receipts[2..]);
    a.restart();
    assert_eq!((a.counts(), b.counts()), ((2, 0, 0, 0), (2, 0, 0, 0)));
    assert_eq!(a.numbers(9), [n(2), n(3)]);
    a.pass(30_000);
    b.now = a.now;
    let both = b.take(2);
    b.ack(&both);
    forward(&mut a, &[n(3)], MoveCause::DeadLetter);
    let id = a.queue.unsent(entity(1)).next().unwrap().id;
    assert_eq!(id, TransferId { source: entity(1), target: entity(2), epoch: 2, no: 1 });
    let receipts = carry(&mut a, &mut b);
    settle(&mut a, &receipts);
    assert_eq!((a.counts(), b.counts()), ((1, 0, 0, 0), (1, 0, 0, 0)));
}

#[test]
fn what_was_sent_twice_is_taken_once() {
    let (mut a, mut b) = (source(1, false), World::new(QueueSettings::default()));
    a.put_plain(3);
    forward(&mut a, &[n(0), n(1), n(2)], MoveCause::DeadLetter);
    carry(&mut a, &mut b);
    a.queue.send_again();
    b.restart();
    let receipts = carry(&mut a, &mut b);
    assert_eq!((receipts.len(), b.counts()), (3, (3, 0, 0, 0)));
    settle(&mut a, &receipts);
    assert_eq!(a.counts(), (0, 0, 0, 0));
}

#[test]
fn a_queue_that_wants_groups_refuses_messages_without() {
    let (mut a, mut b) = (source(1, false), World::new(QueueSettings { fifo: true, ..QueueSettings::default() }));
    a.put_plain(1);
    forward(&mut a, &[n(0)], MoveCause::DeadLetter);
    let receipts = carry(&mut a, &mut b);
    assert_eq!(receipts[0].verdict, Verdict::Refused { from: 1 });
    settle(&mut a, &receipts);
    assert_eq!(a.numbers(1), [n(0)]);
}

#[test]
fn what_moves_outlives_purge_and_retention() {
    let mut a = source(1, false);
    a.change(|settings| settings.retention_ms = 1000);
    a.put_plain(3);
    forward(&mut a, &[n(1)], MoveCause::DeadLetter);
    assert_eq!(a.purge(PurgeScope::All), 2);
    assert_eq!((a.counts(), a.stats().bytes), ((0, 0, 0, 1), 10));
    a.pass(2000);
    assert_eq!(a.expire(), []);
    a.restart();
    assert_eq!(a.queue.live(0, 0..3), std::iter::once(1..2).collect::<Vec<_>>());
    let id = a.queue.unsent(entity(1)).next().unwrap().id;
    settle(&mut a, &[Receipt { id, verdict: Verdict::Refused { from: 1 } }]);
    assert_eq!(a.expire(), [n(1)], "back, and its time is over");
}

#[test]
fn only_so_many_move_at_once() {
    let mut a = source(1, false);
    let numbers = a.put_plain(1500);
    let record = a.queue.decide_forward(a.at(), entity(2), &numbers, MoveCause::DeadLetter);
    a.append(record);
    assert_eq!(a.counts(), (500, 0, 0, 1000));
    assert_eq!(a.queue.decide_forward(a.at(), entity(2), &numbers, MoveCause::DeadLetter), None);
}

// Move tasks.

fn start(rate: Option<u32>, max: Option<u64>, only: Vec<MessageNumber>) -> StartMove {
    StartMove { id: Uuid([9; 16]), destination: MoveDestination::Origin, rate, max, only }
}

fn begin(world: &mut World, start: StartMove) {
    let record = world.queue.decide_start_move(world.at(), start).unwrap();
    world.append([record]);
}

/// Does one step, moving within the shard group. Returns how many moved.
fn step(a: &mut World, b: &mut World) -> usize {
    b.now = b.now.max(a.now);
    let step = a.queue.decide_move_step(a.at());
    let messages: Vec<_> = step.numbers.iter().map(|number| arriving(a, *number, MoveCause::Task)).collect();
    let arrivals = b.queue.decide_local_arrivals(b.at(), &messages);
    b.append(arrivals.enqueues.into_iter().map(|(record, _)| record));
    let (moved, record) = a.queue.decide_moved(a.at(), &step.numbers, MoveCause::Task);
    a.append(record.into_iter().chain(step.record));
    moved.len()
}

fn task(world: &World) -> MoveTask {
    world.queue.move_tasks()[0].clone()
}

#[test]
fn a_task_moves_what_was_there_oldest_first_as_new_messages() {
    let (mut a, mut b) = (World::new(QueueSettings::default()), World::new(QueueSettings::default()));
    a.put_plain(250);
    let held = a.take(3);
    begin(&mut a, start(None, None, Vec::new()));
    assert_eq!(a.queue.decide_start_move(a.at(), start(None, None, Vec::new())), Err(MoveRefusal::Running));
    a.put_plain(5);
    a.pass(100);
    assert_eq!((step(&mut a, &mut b), step(&mut a, &mut b)), (100, 100));
    a.restart();
    assert_eq!((step(&mut a, &mut b), step(&mut a, &mut b)), (47, 0));
    let done = task(&a);
    assert_eq!((done.status, done.moved, done.to_move, done.ended_at), (MoveStatus::Completed, 247, 247, Some(a.at())));
    assert_eq!(a.counts(), (5, 3, 0, 0), "what was held or came later stays");
    a.ack(&held);
    let taken = b.receive_with(1, Hold::Default).taken[0];
    assert_eq!((taken.message_id, taken.receive_count, taken.sent_at, taken.origin), (None, 1, b.at(), None));
    assert_eq!(a.stats().totals.redriven, 47);
}

#[test]
fn a_task_keeps_its_rate_in_message_time() {
    let (mut a, mut b) = (World::new(QueueSettings::default()), World::new(QueueSettings::default()));
    a.put_plain(100);
    begin(&mut a, start(Some(3), Some(10), Vec::new()));
    let started = a.now;
    let mut moved_at = Vec::new();
    while task(&a).status == MoveStatus::Running {
        let moved = step(&mut a, &mut b);
        moved_at.extend((0..moved).map(|_| a.now - started));
        match a.next_due().filter(|_| task(&a).status == MoveStatus::Running) {
            Some(ms) if ms > 0 && ms < 1000 => a.pass(ms),
            _ if moved == 0 => break,
            _ => {}
        }
        a.restart();
    }
    // A third of a second each, never early.
    assert_eq!(moved_at, [0, 334, 667, 1000, 1334, 1667, 2000, 2334, 2667, 3000]);
    step(&mut a, &mut b);
    assert_eq!((task(&a).status, task(&a).moved), (MoveStatus::Completed, 10));
}

#[test]
fn a_task_that_was_late_catches_up_with_one_second_only() {
    let (mut a, mut b) = (World::new(QueueSettings::default()), World::new(QueueSettings::default()));
    a.put_plain(100);
    begin(&mut a, start(Some(10), None, Vec::new()));
    a.pass(3_600_000);
    assert_eq!(step(&mut a, &mut b), 11);
    assert_eq!(step(&mut a, &mut b), 0);
    assert_eq!(a.next_due(), Some(100));
}

#[test]
fn a_task_can_name_messages_and_be_cancelled() {
    let (mut a, mut b) = (World::new(QueueSettings::default()), World::new(QueueSettings::default()));
    a.put_plain(10);
    begin(&mut a, start(None, None, vec![n(7), n(3), n(7), n(99)]));
    assert_eq!(task(&a).to_move, 3);
    assert_eq!((step(&mut a, &mut b), step(&mut a, &mut b)), (2, 0));
    assert_eq!((task(&a).status, task(&a).moved), (MoveStatus::Completed, 2));
    // Across shard groups: a cancelled task waits for what is on its way.
    begin(&mut a, start(Some(2), None, Vec::new()));
    let numbers = a.queue.decide_move_step(a.at()).numbers;
    assert_eq!(numbers, [n(0)]);
    forward(&mut a, &numbers, MoveCause::Task);
    assert_eq!(a.queue.decide_cancel_move(Uuid([8; 16])), Err(MoveRefusal::NotRunning));
    let cancel = a.queue.decide_cancel_move(Uuid([9; 16])).unwrap();
    a.append([cancel]);
    assert_eq!(task(&a).status, MoveStatus::Cancelling);
    assert_eq!(a.queue.decide_move_step(a.at()), MoveStep::default());
    let receipts = carry(&mut a, &mut b);
    settle(&mut a, &receipts);
    a.restart();
    assert_eq!(step(&mut a, &mut b), 0);
    assert_eq!((task(&a).status, task(&a).moved, a.queue.move_tasks().len()), (MoveStatus::Cancelled, 1, 2));
}

#[test]
fn a_task_fails_when_its_target_is_gone_or_after_36_hours() {
    let (mut a, mut b) = (World::new(QueueSettings::default()), World::new(QueueSettings::default()));
    a.put_plain(10);
    assert_eq!(a.queue.decide_start_move(a.at(), start(Some(0), None, Vec::new())), Err(MoveRefusal::ZeroRate));
    begin(&mut a, start(None, None, Vec::new()));
    let numbers = a.queue.decide_move_step(a.at()).numbers;
    forward(&mut a, &numbers, MoveCause::Task);
    let id = a.queue.unsent(entity(1)).next().unwrap().id;
    settle(&mut a, &[Receipt { id, verdict: Verdict::Refused { from: 1 } }]);
    assert_eq!((task(&a).issued, a.counts()), (0, (10, 0, 0, 0)));
    let fail = a.queue.decide_fail_move("gone");
    a.append(fail);
    assert_eq!((task(&a).status, task(&a).failure.as_deref()), (MoveStatus::Failed, Some("gone")));
    assert_eq!(a.queue.decide_fail_move("again"), None);
    begin(&mut a, start(Some(1), None, Vec::new()));
    a.pass(MOVE_TASK_MS_MAX + 1);
    assert_eq!(step(&mut a, &mut b), 0);
    assert_eq!(task(&a).status, MoveStatus::Failed);
    for _ in 0..12 {
        begin(&mut a, start(None, Some(0), Vec::new()));
        step(&mut a, &mut b);
    }
    assert_eq!(a.queue.move_tasks().len(), MOVE_TASKS_KEPT);
    a.restart();
}

#[test]
fn a_queue_without_messages_has_nothing_to_move() {
    let (mut a, mut b) = (World::new(QueueSettings::default()), World::new(QueueSettings::default()));
    begin(&mut a, start(Some(5), None, Vec::new()));
    assert_eq!(step(&mut a, &mut b), 0);
    assert_eq!((task(&a).status, task(&a).started_at), (MoveStatus::Completed, Timestamp(a.now)));
}
