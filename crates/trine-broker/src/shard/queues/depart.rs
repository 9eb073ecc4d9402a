//! What moves from queue to queue, the side it leaves. The whole way: `transit`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use trine_core::{
    forwards::{TransferId, Verdict},
    queues::{self as core, Arriving, MessageNumber, MoveCause, MovedFrom, Origin, RedriveAllow, StateKind},
};
use trine_records::BatchBuilder;
use trine_types::{EntityId, QueueName, Timestamp};

use super::{
    super::{Command, Shard},
    Kept, lane_entity,
    late::LateAckCommand,
    transit::{Parcel, REFUSED_FOR, Receipts, Transit},
};
use crate::{
    broker::Inner,
    queues::{Content, Place, QueueRef, Reader},
};

/// Most messages of one queue on their way at once.
const PARCELS_MAX: usize = 256;
/// Most bytes of them, as far as one message allows.
const PARCEL_BYTES_MAX: u64 = 4 << 20;
/// What got lost on the way, or was not taken for want of space, is sent again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Why a message is in a dead-letter queue.
const TOO_MANY_RECEIVES: &str = "max_receives";

/// Why a move task ends whose destination refused.
const REFUSED: &str = "the destination does not take the messages";

/// A message that is to be sent.
struct Leaving {
    id: TransferId,
    arriving: Arriving,
    place: Place,
}

impl Shard {
    /// The queue that takes the dead letters of another, if there is one that will.
    pub(super) fn dead_letter_target(&self, entity: EntityId) -> Option<QueueRef> {
        let slot = self.queues.slots.get(&entity)?;
        let settings = slot.state.settings();
        let policy = settings.dead_letter.as_ref()?;
        let info = slot.queue.as_ref()?.info();
        let catalog = self.shared.catalog.load();
        let target = catalog.queue(&info.namespace, policy.target.as_str())?;
        let (theirs, mono) = (target.settings(), self.shared.clock.mono());
        let refused =
            |transit: &Transit| transit.refused.iter().any(|(of, until)| *of == target.entity() && mono < *until);
        let suits = target.entity() != entity
            && theirs.fifo == settings.fifo
            && allows(&theirs.redrive_allow, &info.name)
            && !slot.transit.as_deref().is_some_and(refused);
        suits.then(|| target.clone())
    }

    /// Messages are to go to another queue: from now on they move.
    pub(super) fn queue_forward(
        &mut self,
        entity: EntityId,
        target: EntityId,
        numbers: &[MessageNumber],
        cause: MoveCause,
    ) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if let Some(record) = slot.state.decide_forward(now, target, numbers, cause) {
            self.queue_record(entity, &record, None);
        }
    }

    /// Sends what moves and was not sent yet, unless something is on its way already.
    pub(super) fn queue_depart(&mut self, entity: EntityId) {
        let now = self.now;
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if self.stopping || slot.transit.as_ref().is_some_and(|transit| transit.under_way > 0 || transit.waits) {
            return;
        }
        let unsent: Vec<_> = slot.state.unsent(entity).take(PARCELS_MAX).collect();
        let mut targets: BTreeMap<EntityId, Vec<Leaving>> = BTreeMap::new();
        let (mut bytes, mut sent) = (0, Vec::new());
        for departing in unsent {
            let one = core::Peek { state: Some(StateKind::Moving), from: Some(departing.number), limit: 1 };
            let page = slot.state.peek(now, &one);
            let Some(peeked) = page.messages.into_iter().find(|peeked| peeked.number == departing.number) else {
                continue;
            };
            bytes += u64::from(peeked.facts.size);
            if bytes > PARCEL_BYTES_MAX && !sent.is_empty() {
                break;
            }
            let (number, message_id) = (departing.number, slot.state.message_id(departing.number));
            let from = MovedFrom {
                message_id,
                receive_count: peeked.receive_count,
                first_received_at: peeked.first_received_at,
                origin: Some(Origin { entity, seq: number.to_bits() }),
            };
            let arriving = Arriving {
                cause: departing.cause,
                size: peeked.facts.size,
                group: peeked.facts.group,
                priority: number.lane(),
                sent_at: peeked.facts.sent_at,
                from,
            };
            let batch = slot.memory.as_ref().and_then(|memory| memory.batch(number));
            let sent_at = peeked.facts.sent_at;
            let place = Place { number, message_id, sent_at, entity: lane_entity(entity, number.lane()), batch };
            targets.entry(departing.id.target).or_default().push(Leaving { id: departing.id, arriving, place });
            sent.push(departing.id);
        }
        if targets.is_empty() {
            return;
        }
        for id in &sent {
            slot.state.mark_sent(id);
        }
        let transit = slot.transit.get_or_insert_default();
        transit.under_way = targets.len() as u64;
        self.shared.counters.forwards_under_way.add(targets.len() as u64);
        let logged = slot.kept != Kept::Memory;
        // Only what is durable may be seen by anybody else.
        self.queue_answer(entity, move |shard| {
            for (target, leaving) in targets {
                shard.queue_send_parcels(entity, target, logged, leaving);
            }
        });
    }

    /// Reads the bodies on the side and gives them to the target's shard.
    fn queue_send_parcels(&self, source: EntityId, target: EntityId, logged: bool, leaving: Vec<Leaving>) {
        let Some(queue) = self.queues.slots.get(&source).and_then(|slot| slot.queue.clone()) else { return };
        let inner = Arc::clone(&self.shared);
        self.shared.host.spawn(Box::pin(async move {
            let sent = leaving.len();
            let parcels = pack(&inner, &queue, leaving).await;
            let shard = inner.shard_of(if parcels.is_empty() { source } else { target });
            let command: Box<dyn FnOnce(&mut Self) + Send> = match parcels.is_empty() {
                true => Box::new(move |shard| {
                    shard.queue_receipts(source, &Receipts { target, sent, receipts: Vec::new() })
                }),
                false => Box::new(move |shard| shard.queue_arrive(source, target, logged, parcels)),
            };
            inner.tell(usize::from(shard.0), Command::Call(command));
        }));
    }

    /// A target has answered: what it has is gone from here, what it refused is back.
    pub(crate) fn queue_receipts(&mut self, entity: EntityId, answered: &Receipts) {
        let (mono, now) = (self.shared.clock.mono(), self.now);
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let Some(transit) = &mut slot.transit else { return };
        transit.under_way = transit.under_way.saturating_sub(1);
        self.shared.counters.forwards_under_way.sub(1);
        transit.refused.retain(|(_, until)| mono < *until);
        let refused = answered.receipts.iter().any(|receipt| receipt.verdict != Verdict::Taken);
        if refused {
            transit.refused.push((answered.target, mono + REFUSED_FOR));
        }
        if answered.receipts.len() < answered.sent && !transit.waits {
            transit.waits = true;
            self.queues.retries.insert((mono + RETRY_AFTER, entity));
        }
        let before = slot.state.stats(now).totals;
        for receipt in &answered.receipts {
            let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
            if let Some(record) = slot.state.decide_receipt(receipt) {
                self.queue_record(entity, &record, None);
            }
        }
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        let after = slot.state.stats(now).totals;
        let counters = &self.shared.counters;
        counters.messages_dead_lettered.add(after.dead_lettered.saturating_sub(before.dead_lettered));
        counters.messages_moved.add(after.redriven.saturating_sub(before.redriven));
        // One that was deleted is looked for by its name again: there may be another.
        if refused && self.queue_of(answered.target).is_some_and(|target| !target.is_deleted()) {
            self.queue_fail_move(entity, REFUSED);
        }
        self.queue_late_again(entity);
        self.queue_move_on(entity);
        self.queue_changed(entity);
    }

    /// It is time to send again what was lost on the way.
    pub(super) fn queue_retry(&mut self, entity: EntityId) {
        let Some(slot) = self.queues.slots.get_mut(&entity) else { return };
        if let Some(transit) = &mut slot.transit {
            transit.waits = false;
            if transit.under_way > 0 {
                // It is looked at when that was answered.
                transit.waits = true;
                self.queues.retries.insert((self.shared.clock.mono() + RETRY_AFTER, entity));
                return;
            }
        }
        slot.state.send_again();
        self.queue_depart(entity);
    }

    /// A queue is gone with what was on its way from it.
    pub(super) fn queue_forget_transit(&self, transit: Option<Box<Transit>>) {
        let Some(transit) = transit else { return };
        self.shared.counters.forwards_under_way.sub(transit.under_way);
        transit.late.into_iter().for_each(LateAckCommand::gone);
    }
}

/// Whether a queue takes dead letters of another.
fn allows(allow: &RedriveAllow, source: &QueueName) -> bool {
    match allow {
        RedriveAllow::All => true,
        RedriveAllow::None => false,
        RedriveAllow::From(names) => names.contains(source),
    }
}

/// Messages as their target gets them, in order, up to the first that cannot be read.
async fn pack(inner: &Arc<Inner>, source: &QueueRef, leaving: Vec<Leaving>) -> Vec<Parcel> {
    let mut reader = Reader::new(inner);
    let (name, fifo) = (source.name(), source.settings().fifo);
    let mut parcels = Vec::with_capacity(leaving.len());
    for Leaving { id, arriving, place } in leaving {
        let message = match reader.message(&place).await {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(queue = ?source, number = %place.number, ?error, "a message that moves cannot be read");
                break;
            }
        };
        let own_id = message.message_id.hyphenated();
        let mut content = Content::of_stored(&message);
        let sent_at = match arriving.cause {
            MoveCause::DeadLetter => {
                content.death = Some((TOO_MANY_RECEIVES, name.as_str()));
                if fifo {
                    // So that the dead-letter queue's own deduplication cannot swallow it.
                    content.dedup_id = Some(&own_id);
                }
                message.sent_at
            }
            MoveCause::Task => {
                content.death = None;
                inner.clock.now()
            }
        };
        match record(&content, sent_at) {
            Some(batch) => parcels.push(Parcel { id, arriving, batch }),
            None => break,
        }
    }
    parcels
}

fn record(content: &Content<'_>, sent_at: Timestamp) -> Option<bytes::Bytes> {
    let mut batch = BatchBuilder::new();
    content.push(&mut batch, sent_at);
    batch.build().ok()
}
