//! Memory follows exceptions, not the backlog.

use std::sync::Arc;

use trine_types::Timestamp;

use crate::queues::*;

/// A tenth of the backlog that the bounds are about, so that the test stays quick; memory grows in proportion.
const MESSAGES: u64 = 1_000_000;
const MIB: usize = (1 << 20) / 10;

fn message(size: u32, sent_at: i64) -> EnqueuedMessage {
    EnqueuedMessage {
        size,
        sent_at: Timestamp(sent_at),
        delay_ms: None,
        expires_at: None,
        group: 0,
        dedup: 0,
        moved: None,
    }
}

fn filled(size: impl Fn(u64) -> u32, per_record: u64) -> Queue {
    let mut queue = Queue::new();
    for first in (0..MESSAGES).step_by(per_record as usize) {
        let at = 1_000_000 + first as i64 / 200;
        let messages = (first..(first + per_record).min(MESSAGES)).map(|i| message(size(i), at)).collect();
        queue.apply(&QueueRecord::Enqueue(Enqueue { lane: 0, first, messages, taken: None }), Timestamp(at));
    }
    queue
}

#[test]
fn ten_million_ready_messages_take_little_in_proportion() {
    // Sent one by one, each of another size: the worst case. 1 KiB from many senders is the usual one.
    let worst = filled(|i| 200 + (i * 7919 % 5000) as u32, 1);
    assert!(worst.heap_bytes() < 100 * MIB, "{} bytes", worst.heap_bytes());
    let mut usual = filled(|_| 1024, 100);
    assert!(usual.heap_bytes() < 16 * MIB, "{} bytes", usual.heap_bytes());

    // 12 000 in flight, then deletes all over the backlog.
    let numbers: Vec<_> = (0..12_000).map(|i| MessageNumber::new(0, i)).collect();
    for numbers in numbers.chunks(1000) {
        let deadline = Some(Timestamp(2_000_000));
        let deliver =
            Deliver { consumer: 0, holder: "ann".into(), deadline, numbers: numbers.to_vec(), bytes: 1024 * 1000 };
        usual.apply(&QueueRecord::Deliver(deliver), Timestamp(1_900_000));
    }
    assert!(usual.heap_bytes() < 40 * MIB, "{} bytes", usual.heap_bytes());
    let scattered: Vec<_> =
        (0..MESSAGES).step_by(3).skip(1).map(|i| MessageNumber::new(0, i * 7_919 % MESSAGES)).collect();
    for numbers in scattered.chunks(1000) {
        let numbers = numbers.to_vec();
        let bytes = 1024 * numbers.len() as u64;
        usual.apply(&QueueRecord::Settle { reason: SettleReason::Acked, numbers, bytes }, Timestamp(1_900_000));
    }
    assert!(usual.heap_bytes() < 60 * MIB, "{} bytes", usual.heap_bytes());

    // A frozen queue goes through changes unchanged, in slices of bounded size.
    let section = usual.encode_section();
    let mut frozen = usual.freeze();
    usual.apply(&QueueRecord::Purge { scope: PurgeScope::All }, Timestamp(1_900_000));
    let mut w = crate::codec::Writer::new();
    let (mut before, mut slices) = (0, 0);
    while frozen.encode_slice(&mut w, 64 << 10) {
        assert!(w.len() - before < 10 * MIB, "a slice of {} bytes", w.len() - before);
        before = w.len();
        slices += 1;
    }
    assert!(slices > 5);
    assert_eq!(w.finish(), section);
    assert!(usual.heap_bytes() < MIB);
}

#[test]
fn an_idle_queue_takes_less_than_a_kilobyte() {
    let mut queue = Queue::new();
    let settings = Arc::new(QueueSettings::default());
    queue.apply(&QueueRecord::Meta { id: trine_types::Uuid::NIL, version: 1, settings }, Timestamp(0));
    assert!(size_of::<Queue>() + queue.heap_bytes() < 1024, "{}", size_of::<Queue>());
}
