//! Looking at messages without touching them.

use trine_types::Timestamp;

use super::{
    Peek, Peeked, PeekedState, QueueRef, Queues, ReceiveError,
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

impl Queues<'_> {
    /// Shows messages in the order of delivery, highest priority and oldest first, without any effect on them. A message that goes away while its body is being
    /// read is left out.
    pub async fn peek(self, queue: &QueueRef, peek: Peek) -> Result<Vec<Peeked>, ReceiveError> {
        let (inner, of) = (&self.broker.inner, queue.clone());
        let places = inner.call(queue.entity(), move |shard, reply| shard.queue_peek(&of, peek, reply)).await?;
        let mut reader = Reader::new(inner);
        let mut peeked = Vec::with_capacity(places.len());
        for one in places {
            match reader.message(&one.place).await {
                Ok(message) => peeked.push(Peeked {
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
        Ok(peeked)
    }
}
