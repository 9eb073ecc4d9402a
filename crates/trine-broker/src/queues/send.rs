//! Send: messages into a queue.

use std::future::Future;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use trine_core::queues::SendMessage;
use trine_records::BatchBuilder;
use trine_types::{Timestamp, limits::OP_BATCH_BYTES_MAX};

use super::{
    NewMessage, QueueRef, Queues, SendRefusal, Sent,
    stored::{self, Content},
};
use crate::{
    Failure,
    shard::{Command, QueueCommand},
};

/// What a waiting send costs beside its bytes, so that the byte limit bounds the number of tiny ones as well.
const SEND_OVERHEAD_BYTES: usize = 512;
/// Most messages of one send (the most that one operation can hold).
pub const MESSAGES_PER_SEND_MAX: usize = 1024;
/// Most bytes of one send: it is one atomic unit of the log.
pub const SEND_BYTES_MAX: usize = OP_BATCH_BYTES_MAX - (1 << 20);

/// Messages for a queue, encoded on the sender's side.
pub(crate) struct SendCommand {
    pub(crate) queue: QueueRef,
    /// One per message, in order.
    pub(crate) facts: Vec<SendMessage>,
    /// The messages of each lane, in order.
    pub(crate) lanes: Vec<LaneBatch>,
    pub(crate) room: OwnedSemaphorePermit,
    pub(crate) reply: oneshot::Sender<SendAnswer>,
}

/// What comes back.
pub(crate) type SendAnswer = Result<Vec<Result<Sent, SendRefusal>>, Failure>;

/// Messages of one lane as a record batch.
pub(crate) struct LaneBatch {
    /// Their places in the send.
    pub(crate) places: Vec<usize>,
    pub(crate) batch: Bytes,
}

impl Queues<'_> {
    /// Sends messages; those that are accepted are one atomic batch, in their order. The result has one entry per message. When this returns and there
    /// was room, the messages have their place in the order, whenever the future is polled; it completes once they are as durable as the queue asks for.
    /// At most [`MESSAGES_PER_SEND_MAX`] messages of together [`SEND_BYTES_MAX`] bytes.
    pub fn send(
        self,
        queue: &QueueRef,
        messages: Vec<NewMessage>,
    ) -> impl Future<Output = Result<Vec<Result<Sent, SendRefusal>>, Failure>> + Send + use<> {
        let inner = std::sync::Arc::clone(&self.broker.inner);
        let bytes: usize = messages.iter().map(bytes_of).sum();
        let (reply, answer) = oneshot::channel();
        let all = inner.config.append_bytes_max.clamp(1, u32::MAX as usize >> 1);
        let wanted = bytes.saturating_add(SEND_OVERHEAD_BYTES).min(all) as u32;
        let refused = match (messages.len(), bytes) {
            (n, _) if n > MESSAGES_PER_SEND_MAX => {
                Some(Failure::Busy { limit: "messages_per_send_max", value: MESSAGES_PER_SEND_MAX as u64 })
            }
            (_, n) if n > SEND_BYTES_MAX => {
                Some(Failure::Busy { limit: "send_bytes_max", value: SEND_BYTES_MAX as u64 })
            }
            _ => None,
        };
        let command = refused.map_or_else(
            || {
                let (facts, lanes) = encode(queue, &messages, bytes, inner.clock.now())?;
                Ok((queue.clone(), facts, lanes, reply))
            },
            Err,
        );
        let push = move |inner: &crate::broker::Inner, room| -> Result<(), Failure> {
            let (queue, facts, lanes, reply) = command?;
            let entity = queue.entity();
            let command = SendCommand { queue, facts, lanes, room, reply };
            inner.mailbox_of(entity).push(Command::Queue(QueueCommand::Send(command)))
        };
        // In order at once if there is room; else the connection waits, never a shard.
        let room = inner.append_room.clone();
        let now = match room.clone().try_acquire_many_owned(wanted) {
            Ok(room) => Ok(push(&inner, room)),
            Err(_) => Err(push),
        };
        async move {
            match now {
                Ok(pushed) => pushed?,
                Err(push) => {
                    let room = room.acquire_many_owned(wanted).await.map_err(|_| Failure::Stopping)?;
                    push(&inner, room)?;
                }
            }
            // A shard that drops the sender has failed: nobody knows what became of the messages.
            answer.await.unwrap_or(Err(Failure::Unknown))
        }
    }
}

/// Bytes a message takes in the log, about.
fn bytes_of(message: &NewMessage) -> usize {
    let headers: usize = message.headers.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
    let group = message.group.as_ref().map_or(0, String::len);
    let dedup = message.dedup_id.as_ref().map_or(0, String::len);
    message.body.len() + headers + group + dedup + 128
}

fn encode(
    queue: &QueueRef,
    messages: &[NewMessage],
    bytes: usize,
    sent_at: Timestamp,
) -> Result<(Vec<SendMessage>, Vec<LaneBatch>), Failure> {
    let info = queue.info();
    let settings = &info.settings;
    let mut facts = Vec::with_capacity(messages.len());
    let mut lanes: Vec<(u8, Vec<usize>, BatchBuilder)> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let dedup_id = stored::dedup_id(settings, message);
        let group = message.group.as_deref();
        facts.push(SendMessage {
            priority: message.priority,
            size: message.size,
            delay_ms: message.delay_ms,
            ttl_ms: message.ttl_ms,
            group: group.map_or(0, stored::group_hash),
            dedup: dedup_id.as_deref().map_or(0, |id| stored::dedup_key(settings, group, id)),
        });
        let lane = message.priority.min(info.lanes - 1);
        let at = match lanes.iter().position(|(known, _, _)| *known == lane) {
            Some(at) => at,
            None => {
                // Mostly all messages are of one lane.
                let room = if lanes.is_empty() { bytes } else { 0 };
                lanes.push((lane, Vec::new(), BatchBuilder::with_room(room)));
                lanes.len() - 1
            }
        };
        if let Some((_, places, batch)) = lanes.get_mut(at) {
            places.push(place);
            Content::of_new(message, dedup_id.as_deref()).push(batch, sent_at);
        }
    }
    let built = lanes.into_iter().map(|(_, places, batch)| {
        // Bounded before: it cannot be too large.
        let batch =
            batch.build().map_err(|_| Failure::Busy { limit: "send_bytes_max", value: SEND_BYTES_MAX as u64 })?;
        Ok(LaneBatch { places, batch })
    });
    Ok((facts, built.collect::<Result<_, Failure>>()?))
}
