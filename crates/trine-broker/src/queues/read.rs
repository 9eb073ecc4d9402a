//! Reading the records of messages, never on a shard's thread.

use std::sync::Arc;

use bytes::Bytes;
use trine_core::queues::MessageNumber;
use trine_types::{EntityId, Timestamp, Uuid};

use super::{Message, stored::OpenBatch};
use crate::{
    broker::Inner,
    streams::{ReadFailure, read},
};

/// Where a message is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) number: MessageNumber,
    pub(crate) message_id: Uuid,
    /// When it was sent, as the queue knows it.
    pub(crate) sent_at: Timestamp,
    /// The lane it lies in; the number has its offset.
    pub(crate) entity: EntityId,
    /// Its batch, if its queue keeps it in memory only.
    pub(crate) batch: Option<Bytes>,
}

/// Why a message cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// It is not there any more: purged, expired or settled by somebody else while it was being read.
    Gone,
    /// It is damaged, or the disk did not give it; already reported.
    Failed(String),
}

/// Reads messages one after the other; those that were sent together are read together.
pub(crate) struct Reader<'a> {
    inner: &'a Arc<Inner>,
    last: Option<(EntityId, OpenBatch)>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(inner: &'a Arc<Inner>) -> Self {
        Self { inner, last: None }
    }

    /// The message of a place.
    pub(crate) async fn message(&mut self, place: &Place) -> Result<Message, ReadError> {
        let offset = place.number.offset();
        let known = self.last.as_ref().is_some_and(|(entity, open)| match &place.batch {
            Some(batch) => open.is_of(batch),
            None => *entity == place.entity && open.offsets().contains(&offset),
        });
        if !known {
            let batch = match &place.batch {
                Some(batch) => batch.clone(),
                None => self.batch(place.entity, offset).await?,
            };
            self.last = OpenBatch::new(batch).map(|open| (place.entity, open));
        }
        let message = self.last.as_mut().and_then(|(_, open)| open.message(place));
        message.ok_or_else(|| {
            let what = format!("entity {}, offset {offset}: the record makes no sense", place.entity);
            tracing::error!("{what}");
            ReadError::Failed(what)
        })
    }

    async fn batch(&self, entity: EntityId, offset: u64) -> Result<Bytes, ReadError> {
        let found = read(self.inner, entity, offset, offset + 1, 1).await.map_err(|error| match error {
            ReadFailure::Corrupt(at) => ReadError::Failed(format!("corrupt data in {at}")),
            ReadFailure::Io(what) => ReadError::Failed(what),
        })?;
        let holds = |batch: &trine_storage::StoredBatch| (batch.base..batch.end()).contains(&offset);
        found.into_iter().find(holds).map(|batch| batch.bytes).ok_or(ReadError::Gone)
    }
}
