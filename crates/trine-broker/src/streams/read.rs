//! Reading stored batches, on a thread that may block when they are not in memory.

use std::sync::Arc;

use tokio::sync::oneshot;
use trine_storage::{ReadError, StoredBatch, Where};
use trine_types::{EntityId, Offset};

use crate::broker::Inner;

/// Why stored bytes cannot be had.
#[derive(Clone, Debug)]
pub(crate) enum ReadFailure {
    /// They are damaged.
    Corrupt(Where),
    /// The disk did not give them.
    Io(String),
}

/// Batches of `entity` from the one that holds `from` up to `below`, about `max_bytes` of them, at least one if there is any.
pub(crate) async fn read(
    inner: &Arc<Inner>,
    entity: EntityId,
    from: Offset,
    below: Offset,
    max_bytes: usize,
) -> Result<Vec<StoredBatch>, ReadFailure> {
    match inner.store_of(entity).read(entity, from, below, max_bytes, false) {
        Ok(batches) => Ok(batches),
        Err(ReadError::WouldBlock) => {
            blocking(inner, move |inner| read_now(inner, entity, from, below, max_bytes)).await
        }
        Err(error) => Err(report(entity, error)),
    }
}

/// The same on a thread that may block.
pub(crate) fn read_now(
    inner: &Inner,
    entity: EntityId,
    from: Offset,
    below: Offset,
    max_bytes: usize,
) -> Result<Vec<StoredBatch>, ReadFailure> {
    inner.store_of(entity).read(entity, from, below, max_bytes, true).map_err(|error| report(entity, error))
}

/// Runs work that may wait for the disk; so many at a time as the configuration allows.
pub(crate) async fn blocking<T: Send + 'static>(
    inner: &Arc<Inner>,
    work: impl FnOnce(&Inner) -> Result<T, ReadFailure> + Send + 'static,
) -> Result<T, ReadFailure> {
    let stopped = || ReadFailure::Io("the server is stopping".to_owned());
    let room = Arc::clone(&inner.blocking_room).acquire_owned().await.map_err(|_| stopped())?;
    let (to, done) = oneshot::channel();
    let shared = Arc::clone(inner);
    inner.host.block(Box::new(move || {
        let _ = to.send(work(&shared));
        drop(room);
    }));
    done.await.unwrap_or_else(|_| Err(stopped()))
}

fn report(entity: EntityId, error: ReadError) -> ReadFailure {
    match error {
        ReadError::Corrupt(at) => {
            tracing::error!(%entity, "corrupt data in {at}");
            ReadFailure::Corrupt(at)
        }
        ReadError::Io(what) => {
            tracing::error!(%entity, "cannot read {what}");
            ReadFailure::Io(what.as_ref().to_owned())
        }
        ReadError::WouldBlock => ReadFailure::Io("the store wanted to block where it may".to_owned()),
    }
}
