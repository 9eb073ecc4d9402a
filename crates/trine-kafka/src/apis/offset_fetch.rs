//! OffsetFetch 1–10 → committed offsets of one group, or (version 8 and later) of several. Null topics mean all (version 2 and later). What was never
//! committed is offset -1 without an error. Version 10 names topics by id. `require_stable` is always kept: there are no transactions.

use std::collections::HashMap;

use kafka_wire::{
    offset_fetch_request::OffsetFetchRequestTopics,
    offset_fetch_response::{
        OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
        OffsetFetchResponseTopic, OffsetFetchResponseTopics,
    },
};
use trine_broker::{Action, Committed, OffsetsWanted};
use trine_types::Uuid;

use super::{GROUP_READERS, control, from_wire_id, message, to_wire_id};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

/// First version that asks for several groups.
const GROUPS_FROM: i16 = 8;
/// First version that names topics by id.
const TOPIC_IDS_FROM: i16 = 10;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::OffsetFetchRequest,
) -> Result<control::OffsetFetchResponse, Close> {
    if header.version >= GROUPS_FROM {
        let mut groups = Vec::new();
        for asked in request.groups {
            groups.push(group(ctx, header.version, asked.group_id, asked.topics).await?);
        }
        return Ok(message!(control::OffsetFetchResponse { groups: groups }));
    }
    let topics = request.topics.map(|topics| {
        topics
            .into_iter()
            .map(|t| message!(OffsetFetchRequestTopics { name: t.name, partition_indexes: t.partition_indexes }))
            .collect()
    });
    let found = group(ctx, header.version, request.group_id, topics).await?;
    let topics = found.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|p| {
            message!(OffsetFetchResponsePartition {
                partition_index: p.partition_index,
                committed_offset: p.committed_offset,
                committed_leader_epoch: p.committed_leader_epoch,
                metadata: p.metadata,
                error_code: p.error_code,
            })
        });
        message!(OffsetFetchResponseTopic { name: topic.name, partitions: partitions.collect() })
    });
    Ok(message!(control::OffsetFetchResponse { topics: topics.collect(), error_code: found.error_code }))
}

async fn group(
    ctx: &Ctx,
    version: i16,
    name: Text,
    topics: Option<Vec<OffsetFetchRequestTopics>>,
) -> Result<OffsetFetchResponseGroup, Close> {
    let refused =
        |name: Text, code: ErrorCode| message!(OffsetFetchResponseGroup { group_id: name, error_code: code.code() });
    let group = match ctx.group(GROUP_READERS, &name) {
        Ok(group) => group,
        Err(code) => return Ok(refused(name, code)),
    };
    let by_id = version >= TOPIC_IDS_FROM;
    let catalog = ctx.kafka.broker.catalog();
    let find = |topic: &OffsetFetchRequestTopics| {
        let known = if by_id { catalog.topic_by_id(from_wire_id(topic.topic_id)) } else { catalog.topic(&topic.name) };
        known.filter(|topic| ctx.allows_topic(Action::Read, topic.name.as_str())).map(|topic| topic.id)
    };
    let wanted = match &topics {
        None => OffsetsWanted::All,
        Some(topics) => OffsetsWanted::These(
            topics
                .iter()
                .filter_map(|topic| Some((find(topic)?, topic)))
                .flat_map(|(id, topic)| topic.partition_indexes.iter().map(move |index| (id, *index)))
                .filter_map(|(id, index)| Some((id, u32::try_from(index).ok()?)))
                .collect(),
        ),
    };
    let found = match ctx.kafka.broker.groups().fetch_offsets(vec![(group, wanted)]).await.pop() {
        Some(Ok(found)) => found,
        Some(Err(failed)) => return Ok(refused(name, error::group(&failed)?)),
        None => Vec::new(),
    };
    let mut commits: HashMap<(Uuid, u32), Committed> = HashMap::with_capacity(found.len());
    let mut order: Vec<(Uuid, Vec<u32>)> = Vec::new();
    for (topic, partition, commit) in found {
        match order.last_mut() {
            Some((last, partitions)) if *last == topic => partitions.push(partition),
            _ => order.push((topic, vec![partition])),
        }
        if let Some(commit) = commit {
            commits.insert((topic, partition), commit);
        }
    }
    let answer = |id: Option<Uuid>, index: i32| {
        let commit = id.zip(u32::try_from(index).ok()).and_then(|key| commits.get(&key));
        partition(index, commit, if id.is_none() && by_id { ErrorCode::UnknownTopicId } else { ErrorCode::None })
    };
    let topics = match topics {
        Some(topics) => topics
            .into_iter()
            .map(|topic| {
                let id = find(&topic);
                let partitions = topic.partition_indexes.iter().map(|index| answer(id, *index)).collect();
                message!(OffsetFetchResponseTopics {
                    name: topic.name,
                    topic_id: topic.topic_id,
                    partitions: partitions,
                })
            })
            .collect(),
        None => order
            .into_iter()
            .filter_map(|(id, partitions)| {
                // Commits of a deleted topic are swept later.
                let topic = catalog.topic_by_id(id)?;
                if !ctx.allows_topic(Action::Read, topic.name.as_str()) {
                    return None;
                }
                let partitions = partitions.into_iter().map(|index| answer(Some(id), index as i32)).collect();
                Some(message!(OffsetFetchResponseTopics {
                    name: if by_id { Text::default() } else { Text::from(topic.name.as_str()) },
                    topic_id: if by_id { to_wire_id(id) } else { kafka_wire_core::Uuid::ZERO },
                    partitions: partitions,
                }))
            })
            .collect(),
    };
    Ok(message!(OffsetFetchResponseGroup { group_id: name, topics: topics }))
}

fn partition(index: i32, commit: Option<&Committed>, code: ErrorCode) -> OffsetFetchResponsePartitions {
    message!(OffsetFetchResponsePartitions {
        partition_index: index,
        committed_offset: commit.map_or(-1, |commit| commit.offset as i64),
        committed_leader_epoch: commit.map_or(-1, |commit| commit.leader_epoch),
        metadata: Some(commit.map_or_else(Text::default, |commit| Text::from(commit.metadata.as_str()))),
        error_code: code.code(),
    })
}
