//! Every record comes back as it was, and damaged bytes are errors.

use proptest::prelude::*;
use trine_types::QueueName;

use super::*;

fn entity(number: u64) -> EntityId {
    EntityId::new((number % 1024) as u16, number).unwrap()
}

fn numbers() -> impl Strategy<Value = Vec<MessageNumber>> {
    prop::collection::vec((0_u8..3, 0_u64..40).prop_map(|(lane, offset)| MessageNumber::new(lane, offset)), 0..20)
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![(0_i64..10_000).prop_map(Timestamp), any::<i64>().prop_map(Timestamp)]
}

fn moved() -> impl Strategy<Value = MovedFrom> {
    (any::<[u8; 16]>(), any::<u16>(), prop::option::of(time()), prop::option::of((0_u64..99, any::<u64>()))).prop_map(
        |(id, receive_count, first_received_at, origin)| MovedFrom {
            message_id: Uuid(id),
            receive_count,
            first_received_at,
            origin: origin.map(|(number, seq)| Origin { entity: entity(number), seq }),
        },
    )
}

fn message() -> impl Strategy<Value = EnqueuedMessage> {
    let option = prop::option::of::<std::ops::Range<u64>>;
    (
        any::<u32>(),
        time(),
        option(0..900_000),
        prop::option::of(time()),
        any::<u64>(),
        any::<u128>(),
        prop::option::of(moved()),
    )
        .prop_map(|(size, sent_at, delay_ms, expires_at, group, dedup, moved)| EnqueuedMessage {
            size,
            sent_at,
            delay_ms,
            expires_at,
            group: if group % 3 == 0 { 0 } else { group },
            dedup: if dedup % 3 == 0 { 0 } else { dedup },
            moved: moved.map(Box::new),
        })
}

fn task() -> impl Strategy<Value = MoveTask> {
    let status = prop::sample::select(vec![
        MoveStatus::Running,
        MoveStatus::Cancelling,
        MoveStatus::Cancelled,
        MoveStatus::Completed,
        MoveStatus::Failed,
    ]);
    let first =
        (any::<[u8; 16]>(), any::<bool>(), prop::option::of(any::<u32>()), prop::option::of(0_u64..9), numbers());
    let second = (time(), 0_u64..99, prop::collection::vec(any::<u64>(), 0..3), 0_u64..99, any::<i64>(), status);
    (first, second, prop::option::of(time()), prop::option::of("[a-z ]{0,9}")).prop_map(
        |((id, named, rate, max, only), (started_at, to_move, ends, issued, next_at_us, status), ended_at, failure)| {
            MoveTask {
                id: Uuid(id),
                destination: if named {
                    MoveDestination::Queue(QueueName::parse("target").unwrap())
                } else {
                    MoveDestination::Origin
                },
                rate,
                max,
                only,
                started_at,
                to_move,
                ends,
                issued,
                moved: issued / 2,
                next_at_us,
                status,
                ended_at,
                failure: failure.map(Into::into),
            }
        },
    )
}

fn record() -> impl Strategy<Value = QueueRecord> {
    let cause = || prop::sample::select(vec![MoveCause::DeadLetter, MoveCause::Task]);
    prop_oneof![
        (any::<[u8; 16]>(), any::<u64>(), any::<bool>()).prop_map(|(id, version, fifo)| QueueRecord::Meta {
            id: Uuid(id),
            version,
            settings: Arc::new(QueueSettings { fifo, ..QueueSettings::default() }),
        }),
        (0_u8..3, any::<u64>(), prop::collection::vec(message(), 0..5), any::<bool>()).prop_map(
            |(lane, first, messages, taken)| QueueRecord::Enqueue(Enqueue {
                lane,
                first,
                messages,
                taken: taken.then(|| InboxRecord::Taken { source: entity(4), epoch: 2, no: 9 }),
            })
        ),
        (any::<u64>(), "[a-z@.]{0,12}", prop::option::of(time()), numbers(), any::<u64>()).prop_map(
            |(consumer, holder, deadline, numbers, bytes)| QueueRecord::Deliver(Deliver {
                consumer,
                holder: holder.into(),
                deadline,
                numbers,
                bytes
            })
        ),
        (0_usize..5, numbers(), any::<u64>()).prop_map(|(at, numbers, bytes)| QueueRecord::Settle {
            reason: [
                SettleReason::Acked,
                SettleReason::Expired,
                SettleReason::Overflow,
                SettleReason::Moved(MoveCause::DeadLetter),
                SettleReason::Moved(MoveCause::Task),
            ][at],
            numbers,
            bytes,
        }),
        (any::<bool>(), prop::collection::vec((any::<u64>().prop_map(MessageNumber), time()), 0..5)).prop_map(
            |(returned, entries)| QueueRecord::Release {
                kind: if returned { ReleaseKind::Returned } else { ReleaseKind::Extended },
                entries,
            }
        ),
        any::<u64>().prop_map(|consumer| QueueRecord::ReleaseConsumer { consumer }),
        (0_u64..99, any::<u32>(), any::<u64>(), cause(), numbers(), any::<u64>()).prop_map(
            |(target, epoch, first_no, cause, numbers, bytes)| QueueRecord::Forward(Forward {
                target: entity(target),
                epoch,
                first_no,
                cause,
                numbers,
                bytes,
            })
        ),
        (0_u64..99, any::<u64>())
            .prop_map(|(target, no)| QueueRecord::ForwardEnd(OutboxRecord::Settled { target: entity(target), no })),
        (0_u64..99, any::<u32>(), any::<u64>()).prop_map(|(target, epoch, from)| {
            QueueRecord::ForwardEnd(OutboxRecord::EpochEnded { target: entity(target), epoch, from })
        }),
        (0_u64..99, any::<u32>()).prop_map(|(source, epoch)| QueueRecord::ForwardRefused(InboxRecord::Refused {
            source: entity(source),
            epoch
        })),
        any::<bool>()
            .prop_map(|all| QueueRecord::Purge { scope: if all { PurgeScope::All } else { PurgeScope::Ready } }),
        task().prop_map(|task| QueueRecord::Move(MoveRecord::Started(Box::new(task)))),
        Just(QueueRecord::Move(MoveRecord::Cancel)),
        prop::option::of("[a-z]{1,5}").prop_map(|failure| QueueRecord::Move(MoveRecord::Ended {
            status: MoveStatus::Failed,
            failure: failure.map(Into::into),
        })),
    ]
}

proptest! {
    #[test]
    fn records_round_trip(record in record()) {
        let (kind, bytes) = record.encode();
        prop_assert!(QueueRecord::is_kind(kind));
        prop_assert_eq!(QueueRecord::decode(kind, &bytes), Ok(record));
        for cut in 0..bytes.len() {
            prop_assert!(QueueRecord::decode(kind, &bytes[..cut]).is_err());
        }
    }

    #[test]
    fn any_bytes_are_an_error_or_a_record(kind in 1_u16..24, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = QueueRecord::decode(kind, &bytes);
        let mut versioned = vec![VERSION];
        versioned.extend(bytes);
        let _ = QueueRecord::decode(kind, &versioned);
    }
}

#[test]
fn a_run_cannot_unfold_to_more_than_its_bound() {
    let mut w = Writer::new();
    w.var(1);
    w.var(0);
    w.var(u64::MAX);
    assert!(read_numbers(&mut Reader::new(&w.finish(), "t")).is_err());
}
