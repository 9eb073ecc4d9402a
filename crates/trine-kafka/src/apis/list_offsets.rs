//! ListOffsets 1–11 → offset and timestamp per partition, exact to the record.
//! Constants: -1 latest, -2 earliest, -3 largest timestamp (version 7), -4 earliest local (8), -5 latest tiered (9) and -6 earliest pending upload (11),
//! of which there is none. Read committed sees what read uncommitted sees: there are no transactions. `timeout_ms` is not used.

use std::collections::HashSet;

use kafka_wire::{
    list_offsets_request::ListOffsetsPartition,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};
use trine_broker::{OffsetQuery, PartitionRef};
use trine_types::Timestamp;

use super::{check_epoch, control, find_partition, message};
use crate::{
    connection::Ctx,
    error::{self, Close, ErrorCode},
    wire::RequestHeader,
};

pub(super) async fn handle(
    ctx: &Ctx,
    header: &RequestHeader,
    request: control::ListOffsetsRequest,
) -> Result<control::ListOffsetsResponse, Close> {
    let catalog = ctx.kafka.broker.catalog();
    let mut seen = HashSet::new();
    let mut topics = Vec::new();
    for asked in request.topics {
        let allowed = ctx.sees_topic(&asked.name);
        let topic = catalog.topic(&asked.name);
        let mut partitions = Vec::new();
        for partition in asked.partitions {
            let index = partition.partition_index;
            let found = if !seen.insert((asked.name.clone(), index)) {
                Err(ErrorCode::InvalidRequest)
            } else if !allowed {
                Err(ErrorCode::TopicAuthorizationFailed)
            } else {
                match topic.and_then(|topic| find_partition(topic, index)) {
                    Some(target) => look_up(ctx, header.version, &target, &partition).await?,
                    None => Err(ErrorCode::UnknownTopicOrPartition),
                }
            };
            partitions.push(found.unwrap_or_else(|code| {
                message!(ListOffsetsPartitionResponse {
                    partition_index: index,
                    error_code: code.code(),
                    timestamp: -1,
                    offset: -1,
                })
            }));
        }
        topics.push(message!(ListOffsetsTopicResponse { name: asked.name, partitions: partitions }));
    }
    Ok(message!(control::ListOffsetsResponse { topics: topics }))
}

async fn look_up(
    ctx: &Ctx,
    version: i16,
    target: &PartitionRef,
    asked: &ListOffsetsPartition,
) -> Result<Result<ListOffsetsPartitionResponse, ErrorCode>, Close> {
    if let Err(code) = check_epoch(asked.current_leader_epoch, target.view().leader_epoch()) {
        return Ok(Err(code));
    }
    let query = match asked.timestamp {
        -1 => Some(OffsetQuery::Latest),
        -2 => Some(OffsetQuery::Earliest),
        -3 if version >= 7 => Some(OffsetQuery::MaxTimestamp),
        -4 if version >= 8 => Some(OffsetQuery::Earliest),
        -5 if version >= 9 => None,
        -6 if version >= 11 => None,
        time if time >= 0 => Some(OffsetQuery::At(Timestamp(time))),
        _ => return Ok(Err(ErrorCode::UnsupportedVersion)),
    };
    let nothing =
        message!(ListOffsetsPartitionResponse { partition_index: asked.partition_index, timestamp: -1, offset: -1 });
    let Some(query) = query else { return Ok(Ok(nothing)) };
    let found = match ctx.kafka.broker.streams().offset_for(target, query).await {
        Ok(found) => found,
        Err(failed) => return Ok(Err(error::stream(&failed)?)),
    };
    let Some(offset) = found.offset else { return Ok(Ok(nothing)) };
    Ok(Ok(message!(ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        timestamp: found.timestamp.unwrap_or(-1),
        offset: offset as i64,
        leader_epoch: if version >= 4 { found.leader_epoch } else { -1 },
    })))
}
