//! OffsetCommit 2–10 → one result per partition. Offset, leader epoch and metadata come back as they were committed. Version 10 names topics by id.
//! Not implemented: the new group protocol's member epochs (version 9 works as version 8, but that an unknown group has a code of its own).

use kafka_wire::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use trine_broker::{Action, CommitEntry, GroupError, MemberRef};
use trine_types::Uuid;

use super::{control, from_wire_id, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::{RequestHeader, Text},
};

/// First version that names topics by id.
const TOPIC_IDS_FROM: i16 = 10;
/// Versions with a time to live of the commit; -1 is the server's.
const RETENTION_UNTIL: i16 = 4;

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::OffsetCommitRequest,
) -> Result<control::OffsetCommitResponse, Close> {
    let by_id = header.version >= TOPIC_IDS_FROM;
    let catalog = ctx.kafka.broker.catalog();
    let group = ctx.group(&[Action::Commit], &request.group_id);

    // What can be said of a partition without the group, in the order of the request; the rest goes to the group together.
    let mut codes: Vec<Vec<Option<ErrorCode>>> = Vec::with_capacity(request.topics.len());
    let mut entries = Vec::new();
    for topic in &request.topics {
        let known = if by_id { catalog.topic_by_id(from_wire_id(topic.topic_id)) } else { catalog.topic(&topic.name) };
        let target = match (&group, known) {
            (Err(code), _) => Err(*code),
            (_, None) => Err(error::unknown_topic(by_id)),
            (_, Some(topic)) if !ctx.allows_topic(Action::Read, topic.name.as_str()) => {
                Err(ErrorCode::TopicAuthorizationFailed)
            }
            (_, Some(topic)) => Ok(topic.id),
        };
        let check = |partition| match target {
            Err(code) => Some(code),
            Ok(id) => entry(id, partition).map_or(Some(ErrorCode::UnknownTopicOrPartition), |entry| {
                entries.push(entry);
                None
            }),
        };
        codes.push(topic.partitions.iter().map(check).collect());
    }

    let mut committed = Vec::new();
    if let Ok(group) = &group
        && !entries.is_empty()
    {
        let member = MemberRef {
            member_id: request.member_id.to_string(),
            instance_id: request.group_instance_id.map(Text::into_string),
            generation: request.generation_id_or_member_epoch,
        };
        let count = entries.len();
        let retention = u64::try_from(request.retention_time_ms).ok().filter(|_| header.version <= RETENTION_UNTIL);
        match ctx.kafka.broker.groups().commit_for(group, &member, entries, retention).await {
            Ok(results) => {
                for result in results {
                    committed.push(match result {
                        Ok(()) => ErrorCode::None,
                        Err(GroupError::UnknownPartition) => error::unknown_topic(by_id),
                        Err(failed) => error::group(&failed)?,
                    });
                }
            }
            // Older clients know a group that is gone as an old generation.
            Err(GroupError::NotFound) if header.version < 9 => committed = vec![ErrorCode::IllegalGeneration; count],
            Err(failed) => committed = vec![error::group(&failed)?; count],
        }
    }

    let mut committed = committed.into_iter();
    let topics = request.topics.into_iter().zip(codes).map(|(topic, codes)| {
        let partitions = topic.partitions.iter().zip(codes).map(|(partition, code)| {
            let code = code.or_else(|| committed.next()).unwrap_or(ErrorCode::UnknownServerError);
            message!(OffsetCommitResponsePartition {
                partition_index: partition.partition_index,
                error_code: code.code(),
            })
        });
        let partitions = partitions.collect();
        message!(OffsetCommitResponseTopic { name: topic.name, topic_id: topic.topic_id, partitions: partitions })
    });
    Ok(message!(control::OffsetCommitResponse { topics: topics.collect() }))
}

/// `None` for numbers that are no partition.
fn entry(topic: Uuid, asked: &kafka_wire::offset_commit_request::OffsetCommitRequestPartition) -> Option<CommitEntry> {
    Some(CommitEntry {
        topic,
        partition: u32::try_from(asked.partition_index).ok()?,
        // Some clients commit -1 or -2 and resolve it when they read it back: it is kept bit by bit.
        offset: asked.committed_offset as u64,
        leader_epoch: asked.committed_leader_epoch,
        metadata: asked.committed_metadata.as_deref().unwrap_or_default().to_owned(),
    })
}
