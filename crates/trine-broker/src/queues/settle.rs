//! What a consumer does with a message it was given: acknowledge it, keep it longer, give it back.

use std::collections::BTreeMap;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use trine_core::queues::MessageNumber;
use trine_types::EntityId;

use super::{QueueRef, Queues, Receipt, ReceiptError, Signer};
use crate::{
    Failure,
    broker::Inner,
    shard::{Command, QueueCommand},
};

/// What is to be done with messages that were handed out.
pub(crate) struct SettleCommand {
    pub(crate) queue: QueueRef,
    pub(crate) what: Settle,
    /// Number, receive count and stamp of each receipt that is this queue's, in order.
    pub(crate) receipts: Vec<(MessageNumber, u32, u32)>,
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) reply: oneshot::Sender<Vec<Result<(), ReceiptError>>>,
}

/// What to do with them.
pub(crate) enum Settle {
    /// They are done.
    Ack,
    /// They are kept so many milliseconds from now; 0: available at once.
    Extend(Vec<u64>),
    /// They are given back and available after so many milliseconds.
    Release(u64),
}

/// One answer per receipt, in order.
type Settled = Result<Vec<Result<(), ReceiptError>>, Failure>;

impl Queues<'_> {
    /// Messages are done, and delivered nowhere any more: one that has left for a dead-letter queue is done there. One that is not there any more is no
    /// error; on a FIFO queue a receipt that expired is.
    pub async fn ack(self, queue: &QueueRef, receipts: Vec<Receipt>) -> Settled {
        let mut answers = self.settle(queue, &receipts, |_| Settle::Ack).await?;
        let left = answers.iter().zip(&receipts).filter(|(answer, _)| **answer == Err(ReceiptError::Gone));
        let left: Vec<_> = left.map(|(_, receipt)| receipt.number()).collect();
        if !left.is_empty() {
            let late: BTreeMap<_, _> = self.ack_late(queue, left).await?.into_iter().collect();
            for (answer, receipt) in answers.iter_mut().zip(&receipts) {
                if *answer == Err(ReceiptError::Gone)
                    && let Some(late) = late.get(&receipt.number())
                {
                    *answer = *late;
                }
            }
        }
        Ok(answers)
    }

    /// Keeps messages for so many milliseconds from now, counted from their receive at most 12 hours; 0 gives back. On a standard queue, a message that
    /// is in flight no more stays as it is and that is no error.
    pub async fn extend(self, queue: &QueueRef, receipts: Vec<(Receipt, u64)>) -> Settled {
        let (receipts, times): (Vec<_>, Vec<_>) = receipts.into_iter().unzip();
        self.settle(queue, &receipts, |kept| {
            Settle::Extend(kept.iter().filter_map(|at| times.get(*at).copied()).collect())
        })
        .await
    }

    /// Gives messages back; they can be received again after `delay_ms`.
    pub async fn release(self, queue: &QueueRef, receipts: Vec<Receipt>, delay_ms: u64) -> Settled {
        self.settle(queue, &receipts, |_| Settle::Release(delay_ms)).await
    }

    /// `what` is told which receipts (by place) go to the shard.
    async fn settle(self, queue: &QueueRef, receipts: &[Receipt], what: impl FnOnce(&[usize]) -> Settle) -> Settled {
        let inner = &self.broker.inner;
        let mut answers = check(inner, queue.entity(), receipts);
        let sound: Vec<usize> =
            answers.iter().enumerate().filter(|(_, answer)| answer.is_ok()).map(|(at, _)| at).collect();
        if sound.is_empty() {
            return Ok(answers);
        }
        let room = inner.control_permit()?;
        let (reply, answer) = oneshot::channel();
        let what = what(&sound);
        let receipts = sound.iter().filter_map(|at| receipts.get(*at));
        let receipts = receipts.map(|one| (one.number(), one.receive_count(), one.stamp())).collect();
        let command = SettleCommand { queue: queue.clone(), what, receipts, room, reply };
        inner.mailbox_of(queue.entity()).push(Command::Queue(QueueCommand::Settle(command)))?;
        let settled = answer.await.map_err(|_| Failure::Unknown)?;
        for (at, settled) in sound.into_iter().zip(settled) {
            if let Some(answer) = answers.get_mut(at) {
                *answer = settled;
            }
        }
        Ok(answers)
    }
}

/// Whether receipts were issued by this server for this queue.
fn check(inner: &Inner, entity: EntityId, receipts: &[Receipt]) -> Vec<Result<(), ReceiptError>> {
    let signer = Signer::new(&inner.receipt_key());
    let one = |receipt: &Receipt| match (signer.is_genuine(receipt), receipt.entity() == entity) {
        (false, _) => Err(ReceiptError::Forged),
        (true, false) => Err(ReceiptError::WrongQueue),
        (true, true) => Ok(()),
    };
    receipts.iter().map(one).collect()
}
