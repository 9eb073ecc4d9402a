//! Acknowledgements that come after their message has left for a dead-letter queue: it is followed there, so that nothing is delivered anywhere once its
//! acknowledgement was answered.
//!
//! The queue that delivered it answers once the message has arrived somewhere or is back; then every queue that its messages ever moved to is asked for it,
//! by its number in the queue before. A message that has gone on from there to a further dead-letter queue is followed only while it is on its way: where
//! it was before the last move is all that a message brings along.

use std::time::Duration;

use trine_core::queues::{MessageNumber, Origin};
use trine_types::EntityId;

use super::{QueueRef, Queues, ReceiptError};
use crate::{
    Failure,
    broker::Inner,
    shard::{LateAckCommand, StillHere},
};

/// Longest wait for a message that is on its way: its target may be unable to take it for a while (a full disk). Nothing is known then.
const LATE_ACK_WAIT: Duration = Duration::from_secs(5);
/// Most moves that an acknowledgement follows.
const HOPS_MAX: usize = 8;

impl Queues<'_> {
    /// Acknowledges messages that their queue does not have. One answer each: success, or, on a FIFO queue, that the receipt had expired when the message
    /// left.
    pub(super) async fn ack_late(
        self,
        queue: &QueueRef,
        numbers: Vec<MessageNumber>,
    ) -> Result<Vec<(MessageNumber, Result<(), ReceiptError>)>, Failure> {
        let inner = &self.broker.inner;
        let fifo = queue.settings().fifo;
        let follow = follow(inner, queue.entity(), numbers.clone(), !fifo);
        let there = tokio::select! {
            biased;
            there = follow => there?,
            () = inner.host.sleep(LATE_ACK_WAIT) => {
                let value = LATE_ACK_WAIT.as_millis() as u64;
                return Err(Failure::Busy { limit: "late_ack_wait_ms", value });
            }
        };
        let expired = |number: &MessageNumber| fifo && there.contains(number);
        let answer = |number| (number, if expired(&number) { Err(ReceiptError::Expired) } else { Ok(()) });
        Ok(numbers.into_iter().map(answer).collect())
    }
}

/// Follows messages from a queue to wherever they went, and acknowledges them there if `ack` says so. Returns those that were found.
async fn follow(
    inner: &Inner,
    queue: EntityId,
    numbers: Vec<MessageNumber>,
    ack: bool,
) -> Result<Vec<MessageNumber>, Failure> {
    let mut found = Vec::new();
    // Each with the number by which it was acknowledged.
    let begin = numbers.into_iter().map(|number| (number, number)).collect();
    let mut work: Vec<(EntityId, Vec<(MessageNumber, MessageNumber)>)> = vec![(queue, begin)];
    for _ in 0..HOPS_MAX {
        let Some((queue, messages)) = work.pop() else { break };
        let numbers = messages.iter().map(|(number, _)| *number).collect();
        let (gone, targets) = inner
            .call(queue, move |shard, reply| shard.queue_ack_late(LateAckCommand { entity: queue, numbers, reply }))
            .await?;
        let mut left: Vec<_> = messages.into_iter().filter(|(number, _)| gone.contains(number)).collect();
        for target in targets {
            if left.is_empty() {
                break;
            }
            let origins: Vec<_> =
                left.iter().map(|(number, _)| Origin { entity: queue, seq: number.to_bits() }).collect();
            let answers =
                inner.call(target, move |shard, reply| shard.queue_ack_arrived(target, &origins, ack, reply)).await?;
            let (mut elsewhere, mut onward) = (Vec::new(), Vec::new());
            for (message, answer) in left.into_iter().zip(answers) {
                match answer {
                    StillHere::No => elsewhere.push(message),
                    StillHere::Yes => found.push(message.1),
                    StillHere::Onward(number) => onward.push((number, message.1)),
                }
            }
            left = elsewhere;
            if !onward.is_empty() {
                work.push((target, onward));
            }
        }
    }
    Ok(found)
}
