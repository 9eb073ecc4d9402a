//! Ending deliveries and changing how long they last. A delivery is named by message and receive count. Standard queues accept every handle they ever
//! gave out; FIFO queues only that of the delivery that goes on.

use std::collections::BTreeSet;

use trine_types::Timestamp;

use super::ledger::{Mark, MarkState, Place};
use super::queue::{Queue, ms};
use super::{HOLD_MS_MAX, Handle, HandleError, Handled, MessageNumber, QueueRecord, ReleaseKind, SettleReason};

impl Queue {
    /// Messages are done. Whoever has them: on a standard queue any handle will do, also after its time. Nothing logged changes.
    pub fn decide_ack(&mut self, now: Timestamp, handles: &[Handle]) -> Handled {
        self.refresh(now);
        let (mut numbers, mut chosen, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
        let mut outcomes = Vec::with_capacity(handles.len());
        for handle in handles {
            let outcome = self.delivery(handle, now);
            if let Ok((mark, _)) = outcome
                && chosen.insert(handle.number)
            {
                numbers.push(handle.number);
                bytes += u64::from(mark.size);
            }
            outcomes.push(outcome.map(|_| ()));
        }
        let settle = QueueRecord::Settle { reason: SettleReason::Acked, numbers, bytes };
        Handled { outcomes, records: if chosen.is_empty() { Vec::new() } else { vec![settle] } }
    }

    /// The mark and place of a message that a handle may act on.
    fn delivery(&self, handle: &Handle, now: Timestamp) -> Result<(&Mark, Place), HandleError> {
        let place = self.place_at(handle.number, now).ok_or(HandleError::Gone)?;
        if place == Place::Moving {
            // It moves because nobody holds it any more. On a FIFO queue whoever held it last comes too late; on others nobody knows yet whether it will be
            // back: also where a task moves it to can refuse it.
            return Err(if self.settings.fifo { HandleError::Expired } else { HandleError::Moving });
        }
        let mark = self.ledger.mark(handle.number).ok_or(HandleError::Unknown)?;
        if handle.receive_count == 0 || handle.receive_count > mark.count {
            return Err(HandleError::Unknown);
        }
        if self.settings.fifo {
            let held = match mark.state {
                MarkState::InFlight(deadline) => deadline.is_none_or(|deadline| deadline > now),
                MarkState::Back(_) | MarkState::Moving(_) => false,
            };
            if !held || handle.receive_count != mark.count {
                return Err(HandleError::Expired);
            }
        }
        Ok((mark, place))
    }

    /// Deliveries last so many milliseconds from now on; with 0 they end. Where nobody holds the message (standard queues), nothing changes. Nothing logged
    /// changes.
    pub fn decide_extend(&mut self, now: Timestamp, handles: &[(Handle, u64)]) -> Handled {
        self.refresh(now);
        let (mut extended, mut returned) = (Vec::new(), Vec::new());
        let mut outcomes = Vec::with_capacity(handles.len());
        for (handle, hold) in handles {
            let outcome = self.delivery(handle, now).and_then(|(mark, place)| {
                let until = now.plus_ms(ms(*hold));
                if until.ms_since(mark.received_at) > HOLD_MS_MAX {
                    return Err(HandleError::LimitReached { max_ms: HOLD_MS_MAX });
                }
                // What a push consumer holds lasts as long as the consumer.
                let held = place == Place::Held && mark.state != MarkState::InFlight(None);
                Ok((held, until))
            });
            if let Ok((true, until)) = outcome {
                if *hold == 0 { &mut returned } else { &mut extended }.push((handle.number, until));
            }
            outcomes.push(outcome.map(|_| ()));
        }
        Handled { outcomes, records: releases(extended, returned) }
    }

    /// Deliveries end; the messages are available again after `delay_ms`. Counts stay as they are. Only the delivery itself can be given back, on a standard
    /// queue, too: nobody else's. Nothing logged changes.
    pub fn decide_release(&mut self, now: Timestamp, handles: &[Handle], delay_ms: u64) -> Handled {
        self.refresh(now);
        let mut returned = Vec::new();
        let mut outcomes = Vec::with_capacity(handles.len());
        for handle in handles {
            let outcome = self.delivery(handle, now).and_then(|(mark, place)| {
                if place != Place::Held || mark.count != handle.receive_count {
                    return Err(HandleError::Expired);
                }
                Ok(())
            });
            if outcome.is_ok() {
                returned.push((handle.number, now.plus_ms(ms(delay_ms))));
            }
            outcomes.push(outcome);
        }
        Handled { outcomes, records: releases(Vec::new(), returned) }
    }

    /// Everything that a push consumer holds is back; `None` when it holds nothing. Recovery asks for each of [`Queue::consumers`] (decision Q5f).
    #[must_use]
    pub fn decide_release_consumer(&self, consumer: u64) -> Option<QueueRecord> {
        let holds = !self.ledger.held_by(consumer).is_empty();
        holds.then_some(QueueRecord::ReleaseConsumer { consumer })
    }

    /// Push consumers that hold something.
    #[must_use]
    pub fn consumers(&self) -> Vec<u64> {
        self.ledger.consumers()
    }
}

fn releases(extended: Vec<(MessageNumber, Timestamp)>, returned: Vec<(MessageNumber, Timestamp)>) -> Vec<QueueRecord> {
    let parts = [(ReleaseKind::Extended, extended), (ReleaseKind::Returned, returned)];
    let parts = parts.into_iter().filter(|(_, entries)| !entries.is_empty());
    parts.map(|(kind, entries)| QueueRecord::Release { kind, entries }).collect()
}
