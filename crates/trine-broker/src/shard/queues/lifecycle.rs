//! Queues come, change and go: decided by shard group 0 like everything that exists (decision E12).

use std::sync::Arc;

use trine_core::{catalog::NewQueue, queues::QueueSettings};
use trine_types::Uuid;

use super::super::{Command, Reply, Shard, catalog::About};
use crate::{
    CatalogSnapshot,
    queues::{QueueError, QueueRef},
};

impl Shard {
    /// Makes a new or altered queue visible.
    pub(in crate::shard) fn publish_queue(&self, id: Uuid, snapshot: &mut CatalogSnapshot) {
        let Some(info) = snapshot.catalog.queue_by_id(id) else { return };
        match snapshot.queues.get(&id) {
            Some(queue) => queue.set_info(Arc::clone(info)),
            None => {
                let queue = QueueRef::new(Arc::clone(info));
                snapshot.put_queue(queue);
            }
        }
    }

    /// Makes the end of a queue visible.
    pub(in crate::shard) fn publish_queue_gone(&mut self, id: Uuid, snapshot: &mut CatalogSnapshot) {
        if let Some(queue) = snapshot.remove_queue(id) {
            queue.mark_deleted();
            self.owner().removed_queues.insert(id, queue);
        }
    }

    pub(crate) fn create_queue(&mut self, new: &NewQueue, reply: Reply<Result<QueueRef, QueueError>>) {
        let now = self.now;
        let done = self
            .owner()
            .catalog
            .decide_create_queue(new, now)
            .map_err(QueueError::from)
            .and_then(|record| Ok(self.change_catalog(&record, About::Queue(new.id), false)?));
        let id = new.id;
        self.once_durable(move |shard| {
            let published = |()| shard.shared.catalog.load().queues.get(&id).cloned().ok_or(QueueError::NotFound);
            reply.send(done.and_then(published));
        });
    }

    /// Durable → published → the queue's shard goes by the new settings → answered.
    pub(crate) fn alter_queue(&mut self, id: Uuid, settings: &QueueSettings, reply: Reply<Result<(), QueueError>>) {
        let done = match self.owner().catalog.decide_alter_queue(id, settings) {
            Err(refusal) => Err(refusal.into()),
            Ok(None) => Ok(()),
            Ok(Some(record)) => self.change_catalog(&record, About::Queue(id), false).map_err(QueueError::from),
        };
        self.once_durable(move |shard| {
            let queue = shard.shared.catalog.load().queues.get(&id).cloned();
            match (done, queue) {
                (Ok(()), Some(queue)) => shard.tell_queue(&queue.clone(), move |shard| {
                    shard.queue_altered(&queue, reply);
                }),
                (Ok(()), None) => reply.send(Err(QueueError::NotFound)),
                (Err(error), _) => reply.send(Err(error)),
            }
        });
    }

    /// Durable → published → the queue's shard has dropped its messages and answered who waits → answered.
    pub(crate) fn delete_queue(&mut self, id: Uuid, reply: Reply<Result<(), QueueError>>) {
        let done = self
            .owner()
            .catalog
            .decide_delete_queue(id)
            .map_err(QueueError::from)
            .and_then(|record| Ok(self.change_catalog(&record, About::QueueGone(id), true)?));
        self.once_durable(move |shard| match done.map(|()| shard.owner().removed_queues.remove(&id)) {
            Ok(Some(queue)) => shard.tell_queue(&queue.clone(), move |shard| {
                shard.drop_queue(&queue);
                reply.send(Ok(()));
            }),
            Ok(None) => reply.send(Err(QueueError::NotFound)),
            Err(error) => reply.send(Err(error)),
        });
    }

    /// Runs `work` in the shard that owns a queue, at once when it is this one.
    fn tell_queue(&mut self, queue: &QueueRef, work: impl FnOnce(&mut Self) + Send + 'static) {
        let owner = usize::from(self.shared.shard_of(queue.entity()).0);
        if owner == usize::from(self.id.0) {
            work(self);
        } else {
            self.shared.tell(owner, Command::Call(Box::new(work)));
        }
    }

    /// The directory's receipt key, until there is one.
    pub(crate) fn ensure_receipt_key(&mut self, key: [u8; 32]) -> Result<(), crate::Failure> {
        match self.owner().catalog.decide_receipt_key(key) {
            Some(record) => self.change_catalog(&record, About::NoTopic, true),
            None => Ok(()),
        }
    }
}
