//! Committed offsets.

use trine_core::groups::{Commit, CommitOffset, InstanceId, MemberId};
use trine_types::{GroupName, TopicName, Uuid};

use super::{CommitEntry, CommittedOffsets, GroupError, Groups, MemberRef, OffsetsWanted};

/// One result per entry, or one error for all.
type EachOrAll = Result<Vec<Result<(), GroupError>>, GroupError>;

impl Groups<'_> {
    /// Commits offsets; one result per entry, or one error for all. Somebody from outside (generation -1, no member id) may commit to an empty group and
    /// thereby make one.
    pub async fn commit(self, group: &GroupName, member: &MemberRef, entries: Vec<CommitEntry>) -> EachOrAll {
        self.commit_for(group, member, entries, None).await
    }

    /// The same with a time to live in milliseconds instead of the server's (OffsetCommit 2–4).
    pub async fn commit_for(
        self,
        group: &GroupName,
        member: &MemberRef,
        entries: Vec<CommitEntry>,
        retention_ms: Option<u64>,
    ) -> EachOrAll {
        let inner = &self.broker.inner;
        // Commits to partitions that do not exist are refused one by one and do not reach the group.
        let catalog = inner.catalog.load_full();
        let known = |entry: &CommitEntry| {
            catalog.topic_by_id(entry.topic).is_some_and(|topic| entry.partition < topic.partitions())
        };
        let exists: Vec<bool> = entries.iter().map(known).collect();
        let done = self.on_group(group, member.generation < 0, |entity| {
            let name = group.clone();
            let command = Commit {
                member_id: MemberId::new(&member.member_id),
                instance_id: member.instance_id.as_deref().map(InstanceId::new),
                generation: member.generation,
                offsets: entries
                    .iter()
                    .zip(&exists)
                    .filter(|(_, exists)| **exists)
                    .map(|(entry, _)| CommitOffset {
                        topic: entry.topic,
                        partition: entry.partition,
                        offset: entry.offset,
                        leader_epoch: entry.leader_epoch,
                        metadata: entry.metadata.as_str().into(),
                    })
                    .collect(),
                retention_ms,
            };
            inner.call(entity, move |shard, reply| shard.group_commit(entity, &name, command, reply))
        });
        let mut done = done.await?.ok_or(GroupError::NotFound)?.into_iter();
        let result = |exists: &bool| match exists {
            true => done.next().map_or(Err(GroupError::Unavailable), |one| Ok(one?)),
            false => Err(GroupError::UnknownPartition),
        };
        Ok(exists.iter().map(result).collect())
    }

    /// Sets commits of an empty group from outside, creating the group if needed.
    pub async fn seek(self, group: &GroupName, entries: Vec<CommitEntry>) -> EachOrAll {
        let outside = MemberRef { member_id: String::new(), instance_id: None, generation: -1 };
        match self.commit(group, &outside, entries).await {
            // The machine's word for "only members may, while there are any".
            Err(GroupError::UnknownMember) => Err(GroupError::NotEmpty),
            done => done,
        }
    }

    /// Committed offsets of several groups, in their order. A group nobody knows has none.
    pub async fn fetch_offsets(
        self,
        groups: Vec<(GroupName, OffsetsWanted)>,
    ) -> Vec<Result<CommittedOffsets, GroupError>> {
        let mut results = Vec::with_capacity(groups.len());
        for (group, wanted) in groups {
            results.push(self.offsets_of(&group, &wanted).await);
        }
        results
    }

    pub(super) async fn offsets_of(
        self,
        group: &GroupName,
        wanted: &OffsetsWanted,
    ) -> Result<CommittedOffsets, GroupError> {
        let inner = &self.broker.inner;
        let found = self.on_group(group, false, |entity| {
            let (name, wanted) = (group.clone(), wanted.clone());
            inner.call(entity, move |shard, reply| shard.group_offsets(entity, &name, &wanted, reply))
        });
        let none = || match wanted {
            OffsetsWanted::All => Vec::new(),
            OffsetsWanted::These(these) => these.iter().map(|(topic, index)| (*topic, *index, None)).collect(),
        };
        Ok(found.await?.unwrap_or_else(none))
    }

    /// Forgets commits of partitions that no member subscribes to; one result each.
    pub async fn delete_offsets(self, group: &GroupName, partitions: Vec<(Uuid, u32)>) -> EachOrAll {
        let inner = &self.broker.inner;
        let catalog = inner.catalog.load_full();
        let named: Vec<Option<(Uuid, TopicName, u32)>> = partitions
            .iter()
            .map(|(id, index)| catalog.topic_by_id(*id).map(|topic| (*id, topic.name.clone(), *index)))
            .collect();
        let done = self.on_group(group, false, |entity| {
            let name = group.clone();
            let known: Vec<_> = named.iter().flatten().cloned().collect();
            inner.call(entity, move |shard, reply| shard.group_delete_offsets(entity, &name, &known, reply))
        });
        let mut done = done.await?.ok_or(GroupError::NotFound)?.into_iter();
        let result = |named: &Option<_>| match named {
            Some(_) => done.next().map_or(Err(GroupError::Unavailable), |one| Ok(one?)),
            None => Err(GroupError::UnknownPartition),
        };
        Ok(named.iter().map(result).collect())
    }
}
