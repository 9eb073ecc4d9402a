//! Comparing a recovered broker with what the clients know.

use trine_broker::{OffsetsWanted, PartitionRef};
use trine_types::Offset;

use super::{
    Check, ensure,
    life::{Live, World},
    model::{RecordId, TopicModel},
    ops::{fetch_from, group_name, numbers},
};

impl World<'_> {
    pub(super) fn check_everything(&mut self, live: &mut Live) -> Check {
        self.check_topics(live)?;
        let catalog = live.broker.catalog();
        let mut topics: Vec<_> = catalog.topics().cloned().collect();
        topics.sort_unstable_by_key(|topic| topic.name.clone());
        for topic in topics {
            for partition in topic.all_partitions() {
                self.check_partition(live, &partition)
                    .map_err(|what| format!("{partition:?} of {}: {what}", topic.id))?;
            }
        }
        self.check_commits(live)?;
        if self.queue_share > 0.0 {
            self.check_queues(live)?;
        }
        self.producers_start_over();
        Ok(())
    }

    fn check_topics(&mut self, live: &Live) -> Check {
        let catalog = live.broker.catalog();
        for topic in catalog.topics() {
            if let Some(known) = self.model.topics.get(&topic.id) {
                ensure!(!known.deleted, "the deleted topic {} is back", topic.name);
                ensure!(topic.name == known.name, "topic {} has another name", topic.id);
                ensure!(topic.partitions() >= known.partitions, "topic {} lost partitions", topic.name);
                continue;
            }
            // The answer to its creation was lost.
            let asked = self.model.creating.iter().any(|name| *name == topic.name);
            ensure!(asked, "topic {} was never asked for", topic.name);
            let new = TopicModel::new(topic.name.clone(), topic.partitions());
            self.model.topics.insert(topic.id, new);
        }
        // What was not answered before the end has happened by now, or never will.
        self.model.creating.clear();
        for (id, topic) in &mut self.model.topics {
            let there = catalog.topic_by_id(*id).is_some();
            ensure!(there || topic.deleting, "topic {} ({id}) is gone", topic.name);
            topic.deleted = !there;
            // A deletion that was not answered may have been forgotten with the process.
            topic.deleting = !there;
            if let Some(topic_now) = catalog.topic_by_id(*id) {
                topic.partitions = topic_now.partitions();
            }
        }
        let topics = &self.model.topics;
        self.producers.retain(|(id, _), _| topics.get(id).is_some_and(|topic| !topic.deleted));
        Ok(())
    }

    fn check_partition(&mut self, live: &mut Live, partition: &PartitionRef) -> Check {
        let view = partition.view();
        let (log_start, end, epoch) = (view.log_start(), view.end(), view.leader_epoch());
        let found = self.read_all(live, partition, log_start, end)?;
        let Some(topic) = self.model.topics.get_mut(&partition.topic().id) else { return Ok(()) };
        let (may_lose, compact) = (topic.lossy && self.power_cut, topic.compact);
        let part = topic.parts.entry(partition.index()).or_default();
        self.tally.read += found.len() as u64;
        let gone = part.check_all(log_start, end, epoch, may_lose, compact, &found)?;
        self.tally.lost_by_interval += gone.lost;
        self.tally.compacted += gone.compacted;
        Ok(())
    }

    fn read_all(
        &mut self,
        live: &mut Live,
        partition: &PartitionRef,
        log_start: Offset,
        end: Offset,
    ) -> Result<Vec<(Offset, RecordId)>, String> {
        let mut found = Vec::new();
        let mut from = log_start;
        while from < end {
            let broker = live.broker.clone();
            let spec = fetch_from(partition, from);
            let result = self.block_on(live, broker.streams().fetch(spec)).ok_or("a fetch does not end")?;
            let fetched =
                result.partitions.into_iter().next().ok_or("no answer")?.map_err(|error| error.to_string())?;
            let last = fetched.batches.last().ok_or_else(|| format!("nothing at {from}, the log ends at {end}"))?;
            from = last.end();
            for batch in &fetched.batches {
                let records = numbers(batch)?;
                if let Some(topic) = self.model.topics.get_mut(&partition.topic().id) {
                    let compact = topic.compact;
                    topic.parts.entry(partition.index()).or_default().check_batch(batch.base, &records, compact)?;
                }
                found.extend(records);
            }
        }
        Ok(found)
    }

    fn check_commits(&mut self, live: &mut Live) -> Check {
        let catalog = live.broker.catalog();
        let keys: Vec<_> = self.model.commits.keys().copied().collect();
        for (group, id, index) in keys {
            if catalog.topic_by_id(id).is_none() {
                self.model.commits.remove(&(group, id, index));
                continue;
            }
            let broker = live.broker.clone();
            let wanted = vec![(group_name(group), OffsetsWanted::These(vec![(id, index)]))];
            let found = self.block_on(live, broker.groups().fetch_offsets(wanted)).ok_or("offsets do not come")?;
            let found = found.into_iter().next().ok_or("no answer")?.map_err(|error| error.to_string())?;
            let now = found.first().and_then(|(_, _, commit)| commit.as_ref()).map_or(0, |commit| commit.offset);
            let Some(commit) = self.model.commits.get_mut(&(group, id, index)) else { continue };
            ensure!(
                (commit.answered..=commit.sent).contains(&now),
                "group {group} has committed {now} for partition {index} of {id}; {} was answered, {} sent",
                commit.answered,
                commit.sent
            );
            commit.busy = false;
            commit.answered = now;
            commit.sent = commit.sent.max(now);
        }
        Ok(())
    }
}
