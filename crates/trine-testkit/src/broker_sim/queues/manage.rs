//! What clients do with whole queues: make, alter, pause, purge, delete.

use std::time::Duration;

use trine_broker::{Failure, NewQueue, QueueError, QueueRef, QueueSettings};
use trine_types::{Namespace, QueueName};

use super::{
    super::{
        Check, ensure,
        life::{Live, World},
    },
    DEAD, JOBS, LAZY, NAMES, ORDERS, RANKED, VOLATILE, is_family,
    made::{Made, SHORT_MS, dead_letters, settings},
    model::Model,
    ops::{Answer, What, begin},
};

/// Messages that the queue with a limit may hold.
const MESSAGES_MAX: u64 = 5;

impl World<'_> {
    pub(super) fn start_create_queue(&mut self, live: &mut Live, name: usize) {
        let settings = settings(name);
        let Some(new) = new_queue(name, settings.clone()) else { return };
        self.queues.creating[name] += 1;
        let broker = live.broker.clone();
        begin(live, What::Create { name, settings }, async move { Answer::Create(broker.queues().create(new).await) });
    }

    pub(super) fn learn_created(
        &mut self,
        name: usize,
        settings: &QueueSettings,
        result: &Result<QueueRef, QueueError>,
    ) -> Check {
        if matches!(result, Err(QueueError::Failure(Failure::Unknown))) {
            // It may come to be.
            return Ok(());
        }
        self.queues.creating[name] -= 1;
        if let Ok(queue) = result {
            self.tally.queues_made += 1;
            let tick = self.queues.now();
            let known = self.queues.made.iter().any(|made| made.id == queue.id());
            ensure!(!known, "queue id {} was given twice", queue.id());
            let there = self.queues.made.iter().any(|made| made.name == name && !made.deleted && !made.deleting);
            ensure!(!there, "queue {} was made twice", NAMES[name]);
            self.queues.made.push(Made::new(name, queue.id(), settings.clone(), tick));
        }
        Ok(())
    }

    /// Other settings for a queue, one change at a time.
    pub(super) fn start_alter(&mut self, live: &mut Live) {
        let name = [JOBS, JOBS, JOBS, ORDERS, DEAD, LAZY, VOLATILE, RANKED, RANKED][self.rng.below(9) as usize];
        let Some((queue, at)) = self.queue(live, name) else { return };
        let Some(made) = self.queues.made.get_mut(at) else { return };
        if made.sure.is_none() {
            return;
        }
        let mut new = settings(name);
        let rng = &mut self.rng;
        new.visibility_ms = [0, 100, 300, 2_000][rng.below(4) as usize];
        new.paused = rng.chance(0.15);
        if name == JOBS || name == ORDERS {
            new.delay_ms = [0, 0, 200][rng.below(3) as usize];
        }
        if name == JOBS {
            if rng.chance(0.2) {
                new.retention_ms = SHORT_MS;
            }
            new.dead_letter = dead_letters().filter(|_| rng.chance(0.7));
        }
        if name == RANKED {
            new.max_messages = rng.chance(0.5).then_some(MESSAGES_MAX);
        }
        made.altering(new.clone());
        let (broker, settings) = (live.broker.clone(), new.clone());
        begin(live, What::Alter { made: at, settings: new }, async move {
            Answer::Changed(broker.queues().alter(&queue, settings).await)
        });
    }

    pub(super) fn learn_altered(
        &mut self,
        at: usize,
        settings: &QueueSettings,
        result: &Result<(), QueueError>,
    ) -> Check {
        let tick = self.queues.now();
        let Some(made) = self.queues.made.get_mut(at) else { return Ok(()) };
        match result {
            Ok(()) => {
                self.tally.altered += 1;
                made.altered(settings.clone(), tick);
            }
            Err(QueueError::NotFound) => ensure!(made.deleting, "a queue that nobody deleted cannot be altered"),
            Err(QueueError::Failure(_)) => {}
            Err(error) => return Err(format!("settings were refused: {error}")),
        }
        Ok(())
    }

    /// Purges a queue, or deletes it. Another one of its name is made when somebody misses it.
    pub(super) fn start_to_empty(&mut self, live: &mut Live) {
        let name = self.rng.below(NAMES.len() as u64) as usize;
        let Some((queue, at)) = self.queue(live, name) else { return self.start_create_queue(live, name) };
        let Some(made) = self.queues.made.get_mut(at) else { return };
        let broker = live.broker.clone();
        if self.rng.chance(0.4) {
            made.deleting = true;
            return begin(live, What::Delete { made: at }, async move {
                Answer::Changed(broker.queues().delete(&queue).await)
            });
        }
        made.purging += 1;
        made.purged = u64::MAX;
        self.queues.loosen(at);
        let started = self.queues.now();
        begin(
            live,
            What::Purge { made: at, started },
            async move { Answer::Purge(broker.queues().purge(&queue).await) },
        );
    }

    pub(super) fn learn_deleted(&mut self, live: &Live, at: usize, result: &Result<(), QueueError>) -> Check {
        match result {
            Ok(()) => {
                self.tally.queues_deleted += 1;
                self.queues.ended(at);
                ensure!(!self.is_listed(live, at), "a deleted queue is still listed");
            }
            Err(QueueError::NotFound | QueueError::Failure(_)) => {}
            Err(error) => return Err(format!("a queue cannot be deleted: {error}")),
        }
        Ok(())
    }

    fn is_listed(&self, live: &Live, at: usize) -> bool {
        let Some(made) = self.queues.made.get(at) else { return false };
        live.broker.catalog().queue(&Namespace::default(), NAMES[made.name]).is_some_and(|queue| queue.id() == made.id)
    }

    pub(super) fn learn_purged(&mut self, at: usize, started: u64, result: &Result<u64, QueueError>) -> Check {
        let tick = self.queues.now();
        let Some(made) = self.queues.made.get_mut(at) else { return Ok(()) };
        match result {
            Err(QueueError::Failure(Failure::Unknown)) => return Ok(()),
            Err(QueueError::NotFound) => ensure!(made.deleting, "a queue that nobody deleted cannot be purged"),
            Err(_) | Ok(_) => {}
        }
        made.purging = made.purging.saturating_sub(1);
        if made.purging == 0 {
            made.purged = tick;
        }
        // What moves is left alone by a purge, and may be back.
        if result.is_ok() {
            self.tally.purges += 1;
            if !is_family(made.name) {
                let places = self.queues.messages.values_mut().flat_map(|message| message.places.iter_mut());
                for (_, place) in places.filter(|((of, _), place)| *of == at && place.learned < started) {
                    place.purged.get_or_insert(tick);
                }
            }
        }
        Ok(())
    }

    /// Makes the queues of a new directory.
    pub(super) fn make_queues(&mut self, live: &mut Live) -> Check {
        for name in 0..NAMES.len() {
            let settings = settings(name);
            let Some(new) = new_queue(name, settings.clone()) else { continue };
            let broker = live.broker.clone();
            self.queues.creating[name] += 1;
            let made = self.block_on(live, broker.queues().create(new)).ok_or("a queue is not made")?;
            if let Err(error) = &made {
                return Err(format!("a queue is not made: {error}"));
            }
            self.learn_created(name, &settings, &made)?;
        }
        Ok(())
    }

    /// Which queues there are after a recovery, and with which settings.
    pub(super) fn check_made(&mut self, live: &Live) -> Check {
        let tick = self.queues.now();
        let catalog = live.broker.catalog();
        for (name, text) in NAMES.into_iter().enumerate() {
            let Some(queue) = catalog.queue(&Namespace::default(), text) else { continue };
            let now = (*queue.settings()).clone();
            if let Some(at) = self.queues.made_of(queue.id()) {
                let made = &mut self.queues.made[at];
                ensure!(!made.deleted, "the deleted queue {text} is back");
                ensure!(made.may.contains(&now), "queue {text} has settings that it cannot have: {now:?}");
                made.altered(now, tick);
                continue;
            }
            // The answer to its creation was lost.
            ensure!(self.queues.creating[name] > 0, "queue {text} was never asked for");
            ensure!(now == settings(name), "queue {text} was made with other settings");
            self.queues.made.push(Made::new(name, queue.id(), now, tick));
        }
        self.queues.creating = [0; NAMES.len()];
        for at in 0..self.queues.made.len() {
            let there = self.is_listed(live, at);
            let made = &mut self.queues.made[at];
            if made.deleted {
                continue;
            }
            ensure!(there || made.deleting, "queue {} is gone", NAMES[made.name]);
            // A deletion that was not answered may have been forgotten with the process, and so may a purge.
            made.deleting = !there;
            if made.purging > 0 {
                (made.purging, made.purged) = (0, tick);
            }
            if !there {
                self.queues.ended(at);
            }
        }
        Ok(())
    }
}

impl Model {
    /// A queue is gone with its messages.
    fn ended(&mut self, at: usize) {
        let tick = self.now();
        if let Some(made) = self.made.get_mut(at) {
            (made.deleting, made.deleted, made.purging, made.purged) = (true, true, 0, tick);
        }
        self.loosen(at);
    }

    /// Deduplication of a queue may have forgotten what it knew.
    fn loosen(&mut self, at: usize) {
        self.messages.values_mut().filter(|message| message.made == at).for_each(|message| message.loose = true);
    }
}

fn new_queue(name: usize, settings: QueueSettings) -> Option<NewQueue> {
    let name = QueueName::parse(NAMES[name]).ok()?;
    Some(NewQueue { namespace: Namespace::default(), name, settings, cooldown: Duration::ZERO })
}
