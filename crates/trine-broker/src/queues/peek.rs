//! Looking at messages without touching them.

use trine_core::queues::MessageNumber;
use trine_types::Timestamp;

use super::{
    PEEK_MAX, Peek, PeekPage, Peeked, PeekedState, QueueRef, Queues, ReceiveError,
    read::{Place, ReadError, Reader},
};

/// What a shard knows of a message that somebody wants to look at.
#[derive(Clone, Debug)]
pub(crate) struct PeekedPlace {
    pub(crate) place: Place,
    pub(crate) state: PeekedState,
    pub(crate) receive_count: u32,
    pub(crate) first_received_at: Option<Timestamp>,
}

/// A page of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeekedPlaces {
    pub(crate) places: Vec<PeekedPlace>,
    /// Where to go on; `None` at the end of the queue.
    pub(crate) next: Option<MessageNumber>,
}

impl Queues<'_> {
    /// Shows messages in the order of delivery, highest priority and oldest first, without any effect on them. A message that goes away while its body is being
    /// read is left out, so a page may be shorter than asked for: only [`PeekPage::next`] says whether there is more. The queue's shard looks at a bounded number
    /// of messages at a time and serves others in between.
    pub async fn peek(self, queue: &QueueRef, mut peek: Peek) -> Result<PeekPage, ReceiveError> {
        let inner = &self.broker.inner;
        let limit = peek.limit.min(PEEK_MAX);
        let mut reader = Reader::new(inner);
        let mut page = PeekPage::default();
        while page.messages.len() < limit {
            peek.limit = limit - page.messages.len();
            let of = queue.clone();
            let found = inner.call(queue.entity(), move |shard, reply| shard.queue_peek(&of, peek, reply)).await?;
            for one in found.places {
                match reader.message(&one.place).await {
                    Ok(message) => page.messages.push(Peeked {
                        number: one.place.number,
                        state: one.state,
                        receive_count: one.receive_count,
                        first_received_at: one.first_received_at,
                        message,
                    }),
                    Err(ReadError::Gone) => {}
                    Err(ReadError::Failed(what)) => return Err(ReceiveError::Read(what)),
                }
            }
            page.next = found.next;
            if found.next.is_none() {
                break;
            }
            peek.from = found.next;
        }
        Ok(page)
    }
}
